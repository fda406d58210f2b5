/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "report/live.h"

#define NOW INT64_C(1795744800) /* 2026-11-27T02:00:00Z */

static const struct {
    const char *json, *text;
} cases[] = {
    {"{'doing': 'copying', 'percent': 42.9, 'bytes_total': 10737418240, 'bytes_done': 4612794875,"
     " 'bytes_per_second': 125829120, 'seconds_left': 48, 'figures': '2026-11-27T01:59:58Z',"
     " 'waits_for': null}",
     "copying 42% of 10.0 GiB, 120 MiB/s, 48s left"},
    {"{'doing': 'copying', 'percent': null, 'bytes_total': 0, 'bytes_done': 1048576,"
     " 'bytes_per_second': null, 'seconds_left': null}",
     "copying 1.00 MiB"},
    {"{'doing': 'copying', 'percent': 99.99, 'bytes_total': 1048576, 'figures':"
     " '2026-11-27T01:58:00Z', 'waits_for': {'code': 'answer', 'since': '2026-11-27T01:58:05Z',"
     " 'text': 'an answer of host lab, asked 2 times in vain'}}",
     "copying 99% of 1.00 MiB (2m ago); waits since 01:58:05 for an answer of host lab, asked 2 "
     "times in vain"},
    {"{'doing': 'syncing and digesting what was copied', 'percent': 100, 'bytes_total': 1}",
     "syncing and digesting what was copied"},
    {"{'doing': 'copying', 'cancelled': true}", "asked to end; copying"},
    {"{'doing': 'copying', 'interrupted': true, 'percent': 25, 'bytes_total': 209715200}",
     "interrupted, copying 25% of 200 MiB"},
    {"{'doing': null, 'waits_for': {'code': 'guest', 'since': '2026-11-27T01:31:00Z',"
     " 'text': 'job 12 (full of policy nightly) of the same domain'}}",
     "waits since 01:31:00 for job 12 (full of policy nightly) of the same domain"},
    {"{'doing': null, 'waits_for': {'code': 'limit', 'since': '2026-11-25T01:31:00Z',"
     " 'text': 'a place: 4 jobs run at once (limits.jobs)'}}",
     "waits since 2026-11-25 01:31:00 for a place: 4 jobs run at once (limits.jobs)"},
    {"{'doing': null, 'waits_for': {'code': 'host-limit', 'since': '2026-11-27T01:31:00Z',"
     " 'text': 'a place at host lab', 'jobs': [3, 12]}}",
     "waits since 01:31:00 for a place at host lab, taken by jobs 3, 12"},
    {"{'doing': null, 'waits_for': {'code': 'guest', 'text': 'job 12', 'jobs': [12]}}",
     "waits for job 12"},
    {"{'doing': null, 'waits_for': {'code': 'stop', 'since': null, 'text': 'x'}}", "waits for x"},
    {"{'doing': null, 'waits_for': null}", "begins"},
    {"{'state': 'waiting', 'waits_for': {'code': 'retry', 'since': '2026-11-27T01:31:00Z',"
     " 'text': '2026-11-27 02:05:00 (retry 1 of 3): the domain is unreachable'}}",
     "tries again at 2026-11-27 02:05:00 (retry 1 of 3): the domain is unreachable"},
    /* Of another version: what is missing is left out. */
    {"{}", "begins"},
    {"{'doing': 'copying', 'percent': 'much', 'waits_for': {}}", "copying; waits for something"},
};

static void test_texts(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP_FREE char *json = strdup(cases[i].json);
        CLEANUP_FREE char *text = NULL;
        json_t *job;

        for (char *p = json; *p; p++)
            *p = *p == '\'' ? '"' : *p;
        job = json_loads(json, 0, NULL);
        assert_non_null(job);
        text = live_text(job, NOW);
        json_decref(job);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
