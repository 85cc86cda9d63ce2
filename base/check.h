/*
 * CHECK: conditions whose failure is a bug in this program.
 *
 * Always compiled in, in release builds too: a wrong figure is worse than a stopped process. The store holds
 * the truth, so the next run continues where this one stopped. Never used for input or for the world outside;
 * those are a verdict or an err. One condition per CHECK.
 */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <stddef.h>

#define CHECK(condition)                                                                           \
    ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__, __func__))

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Prints the place and aborts. */
__attribute__((noreturn, cold)) void check_failed(const char *condition, const char *file, int line,
                                                  const char *function);

#endif
