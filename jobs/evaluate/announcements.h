/*
 * Rows of an announcements file.
 *
 *     service,announced_at,from,to[,status,reason]
 *
 * service may be "*"; status is planned (also if empty) or cancelled; a cancelling row withdraws earlier ones of the same service, from and to. Rows of other services, and of times that do not touch the period,
 * are read, checked and left out; more than ANNOUNCEMENTS_MAX that remain are refused. Errors as in jobs/evaluate/sheet.h.
 */
#ifndef JOBS_EVALUATE_ANNOUNCEMENTS_H
#define JOBS_EVALUATE_ANNOUNCEMENTS_H

#include "jobs/evaluate/roster.h"
#include "jobs/evaluate/sheet.h"
#include "jobs/statement/engine.h"

enum { ANNOUNCEMENTS_MAX = 10000 };

/* In arena, in the order of the file; an announcement's id is its line. */
enum err_code announcements_read(const char *path, struct roster *roster, int64_t from_s,
                                 int64_t to_s, bool (*stopped)(void), struct arena *arena,
                                 struct announcement_input **ret_announcements, size_t *ret_count,
                                 struct err *err);

#endif
