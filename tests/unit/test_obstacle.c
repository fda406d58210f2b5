/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <string.h>

#include "base/cleanup.h"
#include "jobs/job_types.h"
#include "jobs/obstacle.h"

static const struct job nightly = {
    .id = 12, .kind = JOB_BACKUP, .policy = (char *)"nightly", .level = LEVEL_FULL};
static const struct job prune = {.id = 14, .kind = "prune", .policy = (char *)"nightly"};
static const struct job by_hand = {
    .id = 13, .kind = JOB_BACKUP_BEGIN, .policy = (char *)"", .level = LEVEL_INCREMENTAL};
static const struct job begun = {.kind = JOB_BACKUP_BEGIN, .policy = (char *)""};

/* After "waits for". */
static const struct {
    struct obstacle o;
    const char *code, *text;
} cases[] = {
    {{.code = OBSTACLE_NONE}, "none", "nothing: it begins at once"},
    {{.code = OBSTACLE_START}, "start", "the daemon's first look at hosts and repositories"},
    {{.code = OBSTACLE_STOP}, "stop", "the daemon's next start: it is being stopped"},
    {{.code = OBSTACLE_LIMIT, .limit = 1}, "limit", "a place: 1 job runs at once (limits.jobs)"},
    {{.code = OBSTACLE_LIMIT, .limit = 4}, "limit", "a place: 4 jobs run at once (limits.jobs)"},
    {{.code = OBSTACLE_HOST_LIMIT, .limit = 2, .name = "lab"},
     "host-limit",
     "a place at host lab: 2 jobs run there at once (limits.jobs_per_host)"},
    {{.code = OBSTACLE_KIND_LIMIT, .limit = 1, .name = "verify"},
     "kind-limit",
     "a place: 1 verify job runs at once (limits.verify)"},
    {{.code = OBSTACLE_REPO_LIMIT, .limit = 4, .name = "main"},
     "repository-limit",
     "a place in repository main: 4 jobs run there at once (limits.jobs_per_repository)"},
    {{.code = OBSTACLE_HOST_CHANGED, .name = "lab"},
     "host-changed",
     "the other jobs of host lab to end: the configuration has changed it"},
    {{.code = OBSTACLE_HOST, .name = "lab"}, "host", "host lab to tell which domains it has"},
    {{.code = OBSTACLE_GUEST, .job = &nightly},
     "guest",
     "job 12 (full of policy nightly) of the same domain"},
    {{.code = OBSTACLE_GUEST, .job = &by_hand},
     "guest",
     "job 13 (incremental by hand) of the same domain"},
    {{.code = OBSTACLE_GUEST, .job = &begun},
     "guest",
     "a backup by hand that is just being begun of the same domain"},
    {{.code = OBSTACLE_GUEST, .request = "checkpoint-create"},
     "guest",
     "checkpoint-create of the same domain"},
    {{.code = OBSTACLE_CHAIN, .job = &prune},
     "chain",
     "job 14 (prune of policy nightly), which works on the same points"},
    {{.code = OBSTACLE_COMPARISON, .name = "main"},
     "comparison",
     "a look at repository main, which is tried once a minute"},
    {{.code = OBSTACLE_CATALOG, .problem = "disk full"},
     "catalog",
     "the catalog, which cannot be written: disk full"},
    {{.code = OBSTACLE_ANSWER, .name = "lab", .tries = 3, .problem = "timed out"},
     "answer",
     "an answer of host lab, asked 3 times in vain: timed out"},
    {{.code = OBSTACLE_THAW, .tries = 1, .problem = "guest agent: timed out"},
     "thaw",
     "the guest's agent to thaw its file systems, tried 1 time in vain: guest agent: timed out"},
    {{.code = OBSTACLE_OTHERS, .problem = "a migration is at work on it"},
     "others",
     "somebody else to be done with the domain, 2 minutes at most: a migration is at work on it"},
    {{.code = OBSTACLE_READER, .problem = "h/d/p: is being restored from, or exported"},
     "reader",
     "somebody who reads what is to go: h/d/p: is being restored from, or exported"},
};

static void test_texts(void **state)
{
    char text[ERR_MSG_MAX];
    bool seen[OBSTACLE_CODE_COUNT] = {false};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        obstacle_text(&cases[i].o, text);
        assert_string_equal(text, cases[i].text);
        assert_string_equal(obstacle_code_name(cases[i].o.code), cases[i].code);
        seen[cases[i].o.code] = true;
    }
    for (int i = 0; i < OBSTACLE_CODE_COUNT; i++)
        if (!seen[i])
            fail_msg("%s is not tried", obstacle_code_name((enum obstacle_code)i));
}

/* Whoever adds a state says what is done in it. */
static void test_each_state_has_words(void **state)
{
    static const char *const kinds[] = {JOB_BACKUP, JOB_BACKUP_BEGIN, "prune"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct job_type *t = job_type_of(kinds[i]);

        for (int k = 0; t->steps[k].name; k++)
            if (!t->doing[k] || !*t->doing[k])
                fail_msg("%s: no words for %s", t->kind, t->steps[k].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_each_state_has_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
