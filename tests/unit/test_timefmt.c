/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <stdlib.h>
#include <time.h>

#include "base/timefmt.h"

static void instants_as_text(void **state)
{
    char buf[TIMEFMT_MAX];

    (void)state;
    assert_string_equal(time_utc(1795401000, buf), "2026-11-23T02:30:00Z");
    assert_string_equal(time_filename(1795401000, buf), "2026-11-23T02-30-00Z");
    assert_string_equal(time_rfc3339_local(1795401000, buf), "2026-11-23T03:30:00+01:00");
    assert_string_equal(time_local(1795401000, buf), "2026-11-23 03:30:00");
    assert_string_equal(time_local(0, buf), "-");
}

static void text_as_instants(void **state)
{
    static const char *const good[] = {"2026-11-23T02:30:00Z",     "2026-11-23 03:30",
                                       "2026-11-23 03:30:00",      "2026-11-23T03:30:00+01:00",
                                       "2026-11-23T02:30:00.123Z", "2026-11-23 02:30:00 UTC"};
    static const char *const bad[] = {"",
                                      "now",
                                      "2026-13-01",
                                      "2026-02-30",
                                      "2026-11-23 25:00",
                                      "2026-11-23 10:00 x",
                                      "2026-11-23T",
                                      "20261123"};
    struct err err = ERR_INIT;
    int64_t t;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(time_parse(good[i], &t, &err), 0);
        assert_int_equal(t, 1795401000);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(time_parse(bad[i], &t, &err), -1);
    assert_int_equal(time_parse("2026-11-23", &t, &err), 0);
    assert_int_equal(t, 1795388400);
}

static void durations(void **state)
{
    char buf[TIMEFMT_MAX];

    (void)state;
    assert_string_equal(duration_text(0, buf), "0s");
    assert_string_equal(duration_text(59, buf), "59s");
    assert_string_equal(duration_text(7800, buf), "2h 10m");
    assert_string_equal(duration_text(86400 * 5, buf), "5d");
    assert_string_equal(duration_text(86400 * 5 + 60, buf), "5d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instants_as_text),
        cmocka_unit_test(text_as_instants),
        cmocka_unit_test(durations),
    };

    setenv("TZ", "Europe/Prague", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
