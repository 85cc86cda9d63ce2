#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "base/check.h"
#include "base/spelling.h"

static const struct {
    const char *word;
    const char *expected; /* NULL: nothing is near */
} cases[] = {
    {"target", "target"},  /* itself */
    {"targt", "target"},   /* a letter is missing */
    {"tarrget", "target"}, /* one too many */
    {"tagret", "target"},  /* neighbours swapped: one step, not two */
    {"tirget", "target"},  /* another letter */
    {"fe", "fee"},         /* short words allow one step */
    {"xy", NULL},          /* two steps of two letters is another word */
    {"services_x", NULL},  /* nothing within a third */
    {"", NULL},
};

static void test_nearest(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct spelling spelling;
        const char *nearest;

        spelling_init(&spelling, str_from(cases[i].word));
        spelling_offer(&spelling, "method");
        spelling_offer(&spelling, "target");
        spelling_offer(&spelling, "fee");
        nearest = spelling_nearest(&spelling);
        if (cases[i].expected == NULL) {
            assert_null(nearest);
        } else {
            assert_non_null(nearest);
            assert_string_equal(nearest, cases[i].expected);
        }
    }
}

static void test_hint(void **state)
{
    struct spelling spelling;
    char hint[SPELLING_HINT_SIZE];

    (void)state;
    spelling_init(&spelling, STR("targt"));
    assert_string_equal(spelling_hint(&spelling, hint), "");
    spelling_offer(&spelling, "target");
    assert_string_equal(spelling_hint(&spelling, hint), " (did you mean \"target\"?)");
}

/* A word from outside may be of any length. */
static void test_long_words_are_never_near(void **state)
{
    char word[5000];
    struct spelling spelling;

    (void)state;
    memset(word, 'a', sizeof(word));
    spelling_init(&spelling, str_of(word, sizeof(word)));
    spelling_offer(&spelling, "a");
    assert_null(spelling_nearest(&spelling));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_hint),
        cmocka_unit_test(test_long_words_are_never_near),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
