/* Methods ratio_time_slices and mean_interval_errors: hand-derived values. Slices of two minutes. */
#include "picture.h"

static void silence_is_down(struct contract *contract)
{
    contract->availability.unknown[GRADE_NO_TRAFFIC] = UNKNOWN_DOWN;
}

static void forgive(struct contract *contract)
{
    contract->maintenance.excluded = EXCLUDED_FORGIVE;
}

static const struct scene ratio_scenes[] = {
    {
        .what = "190/200 + 1 + 92/100 = 287/100; there is no bad time",
        .counts = "19oo.8",
        .columns = "uuuuuu",
        .shares = "%%11%%",
        .good = "287/100",
        .whole = "3",
    },
    {
        .what = "the last slice of one minute weighs as much as others: 1 + 0",
        .counts = "oox",
        .columns = "uuu",
        .shares = "110",
        .good = "1",
        .whole = "2",
    },
    {
        .what = "a silent slice where silence is down",
        .counts = "9...",
        .terms = silence_is_down,
        .columns = "uu--",
        .shares = "%%00",
        .good = "91/100",
        .whole = "2",
    },
    {
        .what = "void counts are left out; a wholly void slice goes by its rules: excluded, lost",
        .counts = "9xxxxx",
        .states = " ppppg",
        .columns = "uppppg",
        .shares = "%%xx00",
        .good = "91/100",
        .whole = "2",
    },
    {
        .what = "minutes with requests are booked as graded, silent ones of their slice as up",
        .counts = "o..x",
        .states = "dddd",
        .columns = "duud",
        .shares = "1100",
        .good = "1",
        .whole = "2",
    },
    {
        .what = "an excused minute is left out: 1 of 1; it is maintenance, for with it something "
                "is lost",
        .counts = "o9oo",
        .cover = ".#.#",
        .columns = "uMuu",
        .shares = "1111",
        .good = "2",
        .whole = "2",
    },
    {
        .what = "wholly excused: taken out if it lost anything",
        .counts = "o9oo99",
        .cover = "####..",
        .columns = "MMuuuu",
        .shares = "xx11%%",
        .good = "191/100",
        .whole = "2",
    },
    {
        .what = "or forgiven",
        .counts = "o9oo99",
        .cover = "####..",
        .terms = forgive,
        .columns = "MMuuuu",
        .shares = "1111%%",
        .good = "291/100",
        .whole = "3",
    },
    {
        .what = "trouble that was announced is maintenance, as in request_ratio",
        .counts = "oooo",
        .states = "d  d",
        .cover = "#...",
        .columns = "Muud",
        .shares = "1111",
        .good = "2",
        .whole = "2",
    },
    {
        .what = "service hours and validity: 1 deemed, 91/100 of the one minute that counts",
        .counts = "xxx9xx",
        .valid = "..####",
        .hours = "##.#..",
        .columns = "uuhuhh",
        .shares = "11x%xx",
        .good = "191/100",
        .whole = "2",
    },
};

static const struct scene interval_scenes[] = {
    {
        .what = "1 - (9/200 + 0 + 100/100) / 3: an interval without requests has no errors, "
                "whatever the contract says",
        .counts = "o9..xx",
        .terms = silence_is_down,
        .columns = "uu--uu",
        .shares = "%%1100",
        .good = "391/200",
        .whole = "3",
    },
    {
        .what = "unknown time keeps its rules: excluded if all of it is; lost; none of it speaks",
        .counts = "oxxxxx",
        .states = "  pp g",
        .terms = silence_is_down,
        .columns = "uuppug",
        .shares = "%%xx00",
        .good = "1/2",
        .whole = "2",
    },
    {
        .what = "silence with excluded time: there is silence, which is no error",
        .counts = "",
        .states = "p ppgp",
        .columns = "p-ppgp",
        .shares = "11xx00",
        .good = "1",
        .whole = "2",
    },
};

static void test_scenes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(ratio_scenes); i++) {
        struct contract contract = picture_contract();

        contract.availability.slice_s = 120;
        play(&ratio_scenes[i], measure_ratio_time_slices, &contract);
    }
    for (size_t i = 0; i < ARRAY_COUNT(interval_scenes); i++) {
        struct contract contract = picture_contract();

        contract.availability.slice_s = 120;
        play(&interval_scenes[i], measure_mean_interval_errors, &contract);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
