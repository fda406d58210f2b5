/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <jansson.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/answer_json.h"

static void assert_json(struct api_answer answer, const char *want)
{
    json_t *json = answer_json(&answer);
    CLEANUP_FREE char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);

    assert_string_equal(text, want);
    json_decref(json);
}

static void a_backup_that_has_begun(void **state)
{
    (void)state;
    assert_json((struct api_answer){ANSWER_BEGUN, .u.begun = {7, "c1", NULL}},
                "{\"checkpoint\":\"c1\",\"job\":7,\"unsafe\":null}");
    assert_json((struct api_answer){ANSWER_BEGUN, .u.begun = {8, NULL, "no filter"}},
                "{\"checkpoint\":null,\"job\":8,\"unsafe\":\"no filter\"}");
}

static void figures(void **state)
{
    struct job row = {.id = 3,
                      .kind = JOB_BACKUP_BEGIN,
                      .guest = true,
                      .policy = (char *)"",
                      .bytes_total = 10,
                      .bytes_done = 4,
                      .temp_used = 2,
                      .temp_total = 6};

    (void)state;
    row.plan.mode = MODE_PULL;
    assert_json((struct api_answer){.kind = ANSWER_JOB}, "{\"job\":null}");
    assert_json((struct api_answer){ANSWER_JOB, .u.job = {&row, true, 1234}},
                "{\"begun\":true,\"disk_processed\":4,\"disk_total\":10,\"job\":3,"
                "\"kind\":\"backup-begin\",\"mode\":\"pull\",\"operation\":\"backup\","
                "\"policy\":null,\"temp_total\":6,\"temp_used\":2,\"time_elapsed\":1234}");
}

/* One that the catalog has and no disk; one that a disk has and the catalog does not. */
static void checkpoints(void **state)
{
    struct checkpoint row = {.name = (char *)"c1",
                             .policy = (char *)"",
                             .parent = (char *)"c0",
                             .state = CHECKPOINT_KEPT};
    struct bitmap_facts bitmap = {.name = (char *)"c2", .dirty = 65536, .busy = true};
    struct view_disk gone = {(char *)"vda", 4096, NULL}, there = {(char *)"vdb", 8192, &bitmap};
    struct view views[] = {
        {.name = (char *)"c1", .row = &row, .state = VIEW_MISSING, .disks = {&gone, 1, 1}},
        {.name = (char *)"c2", .state = VIEW_FOREIGN, .disks = {&there, 1, 1}},
    };
    const struct view_list list = {.views = {views, 2, 2}};

    (void)state;
    assert_json((struct api_answer){ANSWER_CHECKPOINTS, .u.checkpoints = {"h", "a", &list}},
                "{\"checkpoints\":["
                "{\"created\":null,\"description\":null,\"disks\":[{\"busy\":false,"
                "\"capacity\":4096,\"inconsistent\":false,\"name\":\"vda\",\"present\":false,"
                "\"size\":null}],\"name\":\"c1\",\"parent\":\"c0\",\"policy\":null,"
                "\"role\":\"kept\",\"state\":\"missing\"},"
                "{\"created\":null,\"description\":null,\"disks\":[{\"busy\":true,"
                "\"capacity\":8192,\"inconsistent\":false,\"name\":\"vdb\",\"present\":true,"
                "\"size\":65536}],\"name\":\"c2\",\"parent\":null,\"policy\":null,"
                "\"role\":null,\"state\":\"foreign\"}],"
                "\"domain\":\"a\",\"host\":\"h\"}");
    bitmap.inconsistent = true;
    {
        json_t *json = answer_json(
            &(struct api_answer){ANSWER_CHECKPOINTS, .u.checkpoints = {"h", "a", &list}});
        const json_t *disk = json_array_get(
            json_object_get(json_array_get(json_object_get(json, "checkpoints"), 1), "disks"), 0);

        assert_true(json_is_null(json_object_get(disk, "size")));
        assert_true(json_is_true(json_object_get(disk, "inconsistent")));
        json_decref(json);
    }
}

static void names(void **state)
{
    struct strlist deleted = {0};

    (void)state;
    assert_json((struct api_answer){ANSWER_MADE, .u.made = "c\xff"}, "{\"name\":\"c?\"}");
    assert_json((struct api_answer){ANSWER_DELETED, .u.deleted = &deleted}, "{\"deleted\":[]}");
    strlist_add(&deleted, "c1");
    strlist_add(&deleted, "c2");
    assert_json((struct api_answer){ANSWER_DELETED, .u.deleted = &deleted},
                "{\"deleted\":[\"c1\",\"c2\"]}");
    strlist_done(&deleted);
}

static void a_look_at_everything(void **state)
{
    struct disk_facts disk = {.name = (char *)"vda",
                              .format = (char *)"qcow2",
                              .capacity = 4096,
                              .busy = true,
                              .write_errors = WRITE_ERRORS_STOP};
    struct disk_facts asides[] = {
        {.name = (char *)"sr0", .removable = true, .empty = true},
        {.name = (char *)"sda", .cannot = (char *)"a LUN"},
    };
    struct domain_facts facts = {.state = DOMAIN_RUNNING,
                                 .secrets = 2,
                                 .disks = {&disk, 1, 1},
                                 .asides = {asides, 2, 2},
                                 .confined = (char *)"AppArmor",
                                 .apart = (char *)"not in group 107"};
    struct looked_target targets[] = {
        {.repository = (char *)"main", .made = true, .untried = (char *)"half"},
        {.repository = (char *)"away", .problem = (char *)"denied", .late = true},
    };
    struct looked_domain domains[] = {
        {.host = (char *)"h",
         .domain = (char *)"a",
         .facts = &facts,
         .frozen_since = 86400,
         .agent_asked = true,
         .agent_problem = (char *)"deaf",
         .targets = {targets, 2, 2}},
        {.host = (char *)"other", .problem = (char *)"no driver", .late = true},
    };
    struct looked_repository repositories[] = {
        {.name = (char *)"main",
         .path = (char *)"/r",
         .space = {.free = 5, .total = 9},
         .reserve = 1},
        {.name = (char *)"away",
         .path = (char *)"/x",
         .problem = (char *)"not there",
         .late = true,
         .unwritable = (char *)"full",
         .difference = (char *)"2 points"},
    };
    const struct doctor_answer found = {
        .host = "h",
        .catalog_problem = (char *)"disk full",
        .domains = {domains, 2, 2},
        .repositories = {repositories, 2, 2},
    };

    (void)state;
    assert_json(
        (struct api_answer){ANSWER_DOCTOR, .u.doctor = &found},
        "{\"about\":{\"domain\":null,\"host\":\"h\"},"
        "\"catalog\":{\"problem\":\"disk full\"},\"domains\":["
        "{\"agent\":{\"asked\":true,\"problem\":\"deaf\"},"
        "\"apart\":\"not in group 107\","
        "\"asides\":[{\"cannot\":false,\"image\":null,\"name\":\"sr0\","
        "\"what\":\"an empty drive\"},"
        "{\"cannot\":true,\"image\":null,\"name\":\"sda\",\"what\":\"a LUN\"}],"
        "\"confined\":\"AppArmor\","
        "\"disks\":[{\"busy\":true,\"capacity\":4096,\"encrypted\":false,"
        "\"format\":\"qcow2\",\"image\":null,\"name\":\"vda\",\"trackable\":false,"
        "\"unsafe\":null,\"write_errors\":\"stop\"}],\"domain\":\"a\",\"foreign_job\":null,"
        "\"frozen_since\":\"1970-01-02T00:00:00Z\",\"host\":\"h\",\"late\":false,"
        "\"problem\":null,\"secrets\":2,\"state\":\"running\",\"targets\":["
        "{\"late\":false,\"made\":true,\"problem\":null,\"repository\":\"main\","
        "\"untried\":\"half\"},"
        "{\"late\":true,\"made\":false,\"problem\":\"denied\","
        "\"repository\":\"away\",\"untried\":null}]},"
        "{\"disks\":[],\"domain\":null,\"foreign_job\":null,\"host\":\"other\","
        "\"late\":true,\"problem\":\"no driver\",\"state\":\"unreachable\"}],\"repositories\":["
        "{\"difference\":null,\"free\":5,\"late\":false,\"name\":\"main\",\"path\":\"/r\","
        "\"problem\":null,\"reserve\":1,\"total\":9,\"unwritable\":null},"
        "{\"difference\":\"2 points\",\"free\":null,\"late\":true,\"name\":\"away\","
        "\"path\":\"/x\","
        "\"problem\":\"not there\",\"reserve\":0,\"total\":null,\"unwritable\":\"full\"}]}");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backup_that_has_begun),
        cmocka_unit_test(figures),
        cmocka_unit_test(checkpoints),
        cmocka_unit_test(names),
        cmocka_unit_test(a_look_at_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
