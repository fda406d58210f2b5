/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/qmp/state/ids.h"

static void job_ids(void **state)
{
    static const char *const disks[] = {"vda", "system disk", "a_b.c", "\xc3\xa4", ""};
    static const char *const foreign[] = {"vmkeep-",
                                          "vmkeep-5",
                                          "vmkeep-5.vda",
                                          "vmkeep--0.vda",
                                          "vmkeep-x-.vda",
                                          "backup-vda",
                                          "",
                                          "vmkeep-0123456789012345678901234-0.vda",
                                          "drive-vmkeep-5-0.vda",
                                          ".",
                                          "vmkeep-.5-0"};
    char tag[HV_TAG_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(disks); i++) {
        CLEANUP_FREE char *id = job_id("12-3", i, disks[i]), *disk = NULL;

        assert_true(job_id_parse(id, tag, &disk));
        assert_string_equal(tag, "12-3");
        assert_string_equal(disk, disks[i]);
        assert_true(job_id_has_tag(id, "12-3"));
        assert_false(job_id_has_tag(id, "12"));
        assert_int_equal(
            strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"),
            strlen(id)); /* what QEMU takes */
    }
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
        assert_false(job_id_parse(foreign[i], tag, NULL));
}

static void node_names(void **state)
{
    const char *longest = "ABCDEFGHIJKLMNOPQRSTUVW";
    char node[NODE_NAME_MAX];
    char tag[HV_TAG_MAX];
    enum node_role role;
    struct err err;
    size_t i;

    (void)state;
    assert_int_equal(tag_check(longest, &err), 0);
    assert_int_equal(tag_check("ABCDEFGHIJKLMNOPQRSTUVWX", &err), -1);
    assert_int_equal(tag_check("", &err), -1);
    assert_int_equal(tag_check("a b", &err), -1);
    node_name(node, longest, JOB_DISKS_MAX - 1, NODE_TARGET_FILE);
    assert_string_equal(node, "vk-ABCDEFGHIJKLMNOPQRSTUVW-98f");
    assert_true(node_name_parse(node, tag, &i, &role));
    assert_string_equal(tag, longest);
    assert_int_equal(i, 98);
    assert_int_equal(role, NODE_TARGET_FILE);
    node_name(node, "5-1", 0, NODE_TARGET);
    assert_string_equal(node, "vk-5-1-0");
    assert_true(node_name_is(node, "5-1", NODE_TARGET));
    assert_false(node_name_is(node, "5-1", NODE_TARGET_FILE));
    assert_false(node_name_is(node, "5", NODE_TARGET));
    assert_false(node_name_is("vk-5-1", "5-1", NODE_TARGET));
    assert_true(node_name_is("vk-5-1", "5", NODE_TARGET));
    assert_true(node_name_is("vk-5-1c", "5", NODE_CBW));
    assert_true(node_name_is("vk-5-1x", "5", NODE_CUT_MARK));
    assert_false(node_name_parse("vk-", NULL, NULL, NULL));
    assert_false(node_name_parse("vk-f", NULL, NULL, NULL));
    assert_false(node_name_parse("vk-5-1q", NULL, NULL, NULL));
    assert_false(node_name_parse(FROZEN_MARK, NULL, NULL, NULL));
    assert_false(node_name_parse("", NULL, NULL, NULL));
}

static void object_ids(void **state)
{
    char id[OBJECT_ID_MAX];

    (void)state;
    object_id(id, "5-1", "tls");
    assert_string_equal(id, "vk-5-1-tls");
    assert_true(object_id_has_tag(id, "5-1"));
    assert_false(object_id_has_tag(id, "5"));
    assert_false(object_id_has_tag("tls0", "5"));
    assert_false(object_id_has_tag("vk-5", "5"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(job_ids), cmocka_unit_test(node_names),
                                       cmocka_unit_test(object_ids)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
