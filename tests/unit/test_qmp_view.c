/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/qmp/state/view.h"

/* One disk: vda-fmt (qcow2) on vda-file, as -blockdev makes it. */
#define STATUS "{'status': 'running', 'running': true, 'singlestep': false}"
#define FMT(name, drv, more)                                                                       \
    "{'node-name': '" name "', 'drv': '" drv "', 'file': '/x/a.qcow2', 'ro': false, 'image': "     \
    "{'virtual-size': 1000, 'actual-size': 300, 'format-specific': {'type': 'qcow2', 'data': "     \
    "{'compat': '1.1'}}}" more "}"
#define FILE_NODE(name, path)                                                                      \
    "{'node-name': '" name "', 'drv': 'file', 'file': '" path "', 'ro': false, 'image': "          \
    "{'virtual-size': 1000, 'actual-size': 300}}"
#define DEVICE(drive, qdev, node)                                                                  \
    "{'device': '" drive "', 'qdev': '" qdev "', 'inserted': {'ro': false, 'node-name': '" node    \
    "'}}"
#define DRIVER(name, id) "{'type': 'block-driver', 'name': '" name "', 'id': " #id "}"
#define EDGE(parent, name, child) "{'parent': " #parent ", 'name': '" name "', 'child': " #child "}"
#define GRAPH(nodes, edges) "{'nodes': [" nodes "], 'edges': [" edges "]}"
#define USUAL_GRAPH GRAPH(DRIVER("vda-fmt", 1) "," DRIVER("vda-file", 2), EDGE(1, "file", 2))
#define VDA_PATH "/machine/peripheral/disk0/virtio-backend"

struct case_ {
    const char *text[Q_COUNT]; /* with ' for "; NULL: not answered */
    struct view_names names;
    struct view view;
    struct err err;
    int rc;
};

static json_t *parse(const char *text)
{
    CLEANUP_FREE char *copy = xstrdup(text);
    json_error_t where;
    json_t *ret;

    for (char *p = copy; p && *p; p++)
        if (*p == '\'')
            *p = '"';
    if (!copy)
        return NULL;
    ret = json_loads(copy, JSON_DECODE_ANY, &where);
    if (!ret)
        fail_msg("%s at %d: %s", where.text, where.position, copy);
    return ret;
}

static void decode(struct case_ *c)
{
    json_t *replies[Q_COUNT];

    for (int i = 0; i < Q_COUNT; i++)
        replies[i] = parse(c->text[i]);
    c->rc = view_decode(replies, &c->names, &c->view, &c->err);
    for (int i = 0; i < Q_COUNT; i++)
        json_decref(replies[i]);
}

static struct case_ usual(void)
{
    return (struct case_){.text = {[Q_STATUS] = STATUS,
                                   [Q_JOBS] = "[]",
                                   [Q_NODES] = "[" FMT("vda-fmt", "qcow2", "") "," FILE_NODE(
                                       "vda-file", "/x/a.qcow2") "]",
                                   [Q_BLOCK] = "[" DEVICE("", VDA_PATH, "vda-fmt") "]",
                                   [Q_GRAPH] = USUAL_GRAPH,
                                   [Q_MIGRATION] = "{}"}};
}

static void expect_name(struct case_ c, const char *name)
{
    decode(&c);
    if (c.rc < 0)
        fail_msg("%s", c.err.msg);
    assert_int_equal(c.view.disks.n, 1);
    assert_string_equal(c.view.disks.items[0].facts.name, name);
    view_done(&c.view);
}

static void plain(void **state)
{
    struct case_ c = usual();
    const struct disk_facts *f;

    (void)state;
    decode(&c);
    assert_int_equal(c.rc, 0);
    assert_true(c.view.running);
    assert_null(c.view.foreign_job);
    assert_string_equal(c.view.disks.items[0].node, "vda-fmt");
    f = &c.view.disks.items[0].facts;
    assert_string_equal(f->name, "disk0");
    assert_string_equal(f->image, "/x/a.qcow2");
    assert_int_equal(f->capacity, 1000);
    assert_int_equal(f->allocated, 300);
    assert_true(f->trackable);
    view_done(&c.view);
}

static void uuid(void **state)
{
    static const struct {
        const char *answer, *uuid;
    } cases[] = {{"{'UUID': '0f0e0d0c-0b0a-0908-0706-050403020100'}",
                  "0f0e0d0c-0b0a-0908-0706-050403020100"},
                 {"{'UUID': '00000000-0000-0000-0000-000000000000'}", NULL},
                 {"{}", NULL},
                 {NULL, NULL}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct case_ c = usual();

        c.text[Q_UUID] = cases[i].answer;
        decode(&c);
        assert_int_equal(c.rc, 0);
        if (cases[i].uuid)
            assert_string_equal(c.view.uuid, cases[i].uuid);
        else
            assert_null(c.view.uuid);
        view_done(&c.view);
    }
}

static void names(void **state)
{
    struct view_disk_name configured = {.name = (char[]){"vda"}, .image = (char[]){"/x/a.qcow2"}};
    struct case_ c = usual();
    struct file_fact facts[] = {{.path = (char[]){"/run/real"}, .inode = 5, .device = 6},
                                {.path = (char[]){"/run/other"}, .inode = 5, .device = 6},
                                {.path = (char[]){"/run/third"}, .inode = 5, .device = 7}};
    struct file_list files = {.items = facts, .n = 3};
    struct strlist wanted = {0};

    (void)state;
    c.names = (struct view_names){.items = &configured, .n = 1};
    expect_name(c, "vda"); /* by path */

    /* By being the same file, however it is called; QEMU's name is relative. */
    configured.image = facts[1].path;
    c.names.cwd = "/run";
    c.names.files = &files;
    c.text[Q_NODES] = "[" FMT("vda-fmt", "qcow2", "") "," FILE_NODE("vda-file", "real") "]";
    expect_name(c, "vda");
    configured.image = facts[2].path;
    expect_name(c, "disk0");
    configured.image = facts[1].path;
    facts[0].missing = ENOENT;
    expect_name(c, "disk0");
    facts[0].missing = 0;
    files.n = 1; /* what it would have to know it tells */
    c.names.wanted = &wanted;
    expect_name(c, "disk0");
    assert_int_equal(wanted.n, 1);
    assert_string_equal(wanted.items[0], "/run/other");
    strlist_done(&wanted);
    c.names.cwd = NULL; /* QEMU's directory is not known */
    expect_name(c, "disk0");

    c = usual();
    c.text[Q_BLOCK] = "[" DEVICE("drive0", VDA_PATH, "vda-fmt") "]";
    expect_name(c, "drive0");
    c.text[Q_NODES] = "[" FMT("#block1", "qcow2", "") "]";
    c.text[Q_BLOCK] = "[" DEVICE("", VDA_PATH, "#block1") "]";
    expect_name(c, "disk0");
    c.text[Q_BLOCK] = "[" DEVICE("", "/machine/peripheral/scsi7", "#block1") "]";
    expect_name(c, "scsi7");
    c.text[Q_BLOCK] =
        "[" DEVICE("", "/machine/peripheral-anon/device[1]/virtio-backend", "#block1") "]";
    expect_name(c, "device[1]");
    c.text[Q_BLOCK] = "[{'device': '', 'inserted': {'ro': false, 'node-name': '#block1'}}]";
    expect_name(c, "#block1");
    c = usual();
    c.text[Q_BLOCK] = "[{'device': '', 'inserted': {'ro': false, 'node-name': 'vda-fmt'}}]";
    expect_name(c, "vda-fmt");
}

/* An external snapshot puts an image above; a template may be below two disks. */
static void names_stay(void **state)
{
    struct view_disk_name configured = {.name = (char[]){"vda"}, .image = (char[]){"/x/a.qcow2"}};
    struct case_ c = usual();

    (void)state;
    c.names = (struct view_names){.items = &configured, .n = 1};
    c.text[Q_NODES] = "[" FMT("ov", "qcow2", "") "," FILE_NODE("ov-file", "/x/ov.qcow2") "," FMT(
        "vda-fmt", "qcow2", "") "," FILE_NODE("vda-file", "/x/a.qcow2") "]";
    c.text[Q_BLOCK] = "[" DEVICE("", VDA_PATH, "ov") "]";
    c.text[Q_GRAPH] = GRAPH(
        DRIVER("ov", 1) "," DRIVER("ov-file", 2) "," DRIVER("vda-fmt", 3) "," DRIVER("vda-file", 4),
        EDGE(1, "file", 2) "," EDGE(1, "backing", 3) "," EDGE(3, "file", 4));
    expect_name(c, "vda");
    c.names.n = 0;
    expect_name(c, "disk0");

    c.names.n = 1;
    c.text[Q_BLOCK] =
        "[" DEVICE("", VDA_PATH, "ov") "," DEVICE("", "/machine/peripheral/two", "vda-fmt") "]";
    decode(&c);
    assert_int_equal(c.view.disks.n, 2);
    assert_string_equal(c.view.disks.items[0].facts.name, "disk0");
    assert_string_equal(c.view.disks.items[1].facts.name, "vda"); /* it is nearer */
    view_done(&c.view);
}

static void what_is_no_disk(void **state)
{
    struct case_ c = usual();

    (void)state;
    c.text[Q_BLOCK] =
        "[{'device': 'cd0', 'removable': true},"
        "{'device': 'cd1', 'inserted': {'ro': true, 'node-name': 'vda-file'}}," DEVICE(
            "", VDA_PATH, "vda-fmt") "," DEVICE("", "/machine/peripheral/path2", "vda-fmt") "]";
    expect_name(c, "disk0");
}

#define BACKEND(name, id) "{'type': 'block-backend', 'name': '" name "', 'id': " #id "}"
#define WRITE(parent, name, child)                                                                 \
    "{'parent': " #parent ", 'name': '" name "', 'child': " #child ", 'perm': ['write']}"
#define DEVICE_GRAPH(more_nodes, more_edges)                                                       \
    GRAPH(DRIVER("vda-fmt", 1) "," DRIVER("vda-file", 2) "," BACKEND("scsi7", 3) more_nodes,       \
          WRITE(1, "file", 2) "," WRITE(3, "root", 1) more_edges)

/* devices: paths, one after another. */
static void expect_safety(struct case_ c, const char *unsafe, const char *devices)
{
    CLEANUP_FREE char *seen = xstrdup("");
    const struct view_disk *disk;

    decode(&c);
    if (c.rc < 0)
        fail_msg("%s", c.err.msg);
    disk = &c.view.disks.items[0];
    if (unsafe ? !disk->facts.unsafe || !strstr(disk->facts.unsafe, unsafe) : !!disk->facts.unsafe)
        fail_msg("%s instead of %s", disk->facts.unsafe, unsafe);
    for (size_t i = 0; i < disk->devices.n; i++) {
        char *longer = xasprintf("%s %s", seen, disk->devices.items[i]);

        free(seen);
        seen = longer;
    }
    assert_string_equal(seen, devices);
    view_done(&c.view);
}

/* Where a filter goes, and who could write past it. */
static void safety(void **state)
{
    struct case_ c = usual();

    (void)state;
    c.text[Q_BLOCK] = "[" DEVICE("", "scsi7", "vda-fmt") "]";
    c.text[Q_GRAPH] = DEVICE_GRAPH("", "");
    expect_safety(c, NULL, " /machine/peripheral/scsi7");
    c.text[Q_GRAPH] = NULL;
    expect_safety(c, "how its block nodes stand", " /machine/peripheral/scsi7");
    c.text[Q_GRAPH] = DEVICE_GRAPH("," BACKEND("", 4), "," WRITE(4, "root", 1)); /* an export */
    expect_safety(c, "on another way", " /machine/peripheral/scsi7");
    c.text[Q_GRAPH] = DEVICE_GRAPH("," BACKEND("", 4), "," EDGE(4, "root", 1)); /* that reads */
    expect_safety(c, NULL, " /machine/peripheral/scsi7");
    c.text[Q_GRAPH] = DEVICE_GRAPH("," DRIVER("vk-7-0t", 4), "," WRITE(4, "file", 1)); /* a gate */
    expect_safety(c, NULL, " /machine/peripheral/scsi7");

    /* Two devices on one node; and on different ones. */
    c.text[Q_BLOCK] = "[" DEVICE("", "scsi7", "vda-fmt") "," DEVICE("d", "/a/b", "vda-fmt") "]";
    c.text[Q_GRAPH] = DEVICE_GRAPH("," BACKEND("d", 4), "," WRITE(4, "root", 1));
    expect_safety(c, NULL, " /machine/peripheral/scsi7 /a/b");
    c.text[Q_NODES] = "[{'node-name': 'thr', 'drv': 'throttle'}, " FMT("vda-fmt", "qcow2", "") "]";
    c.text[Q_BLOCK] = "[" DEVICE("", "scsi7", "thr") "," DEVICE("d", "/a/b", "vda-fmt") "]";
    c.text[Q_GRAPH] =
        GRAPH(DRIVER("vda-fmt", 1) "," DRIVER("thr", 2) "," BACKEND("scsi7", 3) "," BACKEND("d", 4),
              WRITE(2, "file", 1) "," WRITE(3, "root", 2) "," WRITE(4, "root", 1));
    expect_safety(c, "on another way", " /machine/peripheral/scsi7");
    c.text[Q_BLOCK] = "[" DEVICE("", "scsi7", "thr") "]";
    c.text[Q_GRAPH] = GRAPH(DRIVER("vda-fmt", 1) "," DRIVER("thr", 2) "," BACKEND("scsi7", 3),
                            WRITE(2, "file", 1) "," WRITE(3, "root", 2));
    expect_safety(c, NULL, " /machine/peripheral/scsi7");

    c = usual();
    c.text[Q_BLOCK] = "[{'device': 'd', 'inserted': {'ro': false, 'node-name': 'vda-fmt'}}]";
    expect_safety(c, "no device", "");
}

static void same_names(void **state)
{
    struct case_ c = usual();

    (void)state;
    c.text[Q_BLOCK] =
        "[" DEVICE("d", VDA_PATH, "vda-fmt") "," DEVICE("d", VDA_PATH, "vda-file") "]";
    decode(&c);
    assert_int_equal(c.rc, -1);
    assert_int_equal(c.err.code, ERR_INVALID);
    assert_non_null(strstr(c.err.msg, "two disks are called 'd'"));
    view_done(&c.view);
}

/* throttle -> copy-before-write of a backup -> image. */
static void filters(void **state)
{
    struct case_ c = usual();

    (void)state;
    c.text[Q_NODES] = "[{'node-name': 'thr', 'drv': 'throttle'}, {'node-name': '#b', 'drv': "
                      "'copy-before-write'}, " FMT("#block9", "qcow2", "") "]";
    c.text[Q_BLOCK] = "[" DEVICE("", VDA_PATH, "thr") "]";
    c.text[Q_GRAPH] = GRAPH(DRIVER("thr", 1) "," DRIVER("#b", 2) "," DRIVER("#block9", 3),
                            EDGE(1, "file", 2) "," EDGE(2, "target", 1) "," EDGE(2, "file", 3));
    decode(&c);
    assert_int_equal(c.rc, 0);
    assert_string_equal(c.view.disks.items[0].node, "#block9");
    assert_string_equal(c.view.disks.items[0].facts.name, "disk0");
    view_done(&c.view);
    c.text[Q_GRAPH] = NULL;
    decode(&c);
    assert_int_equal(c.rc, -1);
    assert_int_equal(c.err.code, ERR_UNSUPPORTED);
    assert_non_null(strstr(c.err.msg, "'thr'"));
    view_done(&c.view);
    c.text[Q_GRAPH] = GRAPH(DRIVER("thr", 1), EDGE(1, "file", 1)); /* a circle */
    decode(&c);
    assert_int_equal(c.rc, -1);
    view_done(&c.view);
}

static void bitmaps(void **state)
{
    const struct bitmap_facts *b;
    struct case_ c = usual();

    (void)state;
    c.text[Q_NODES] = "[" FMT(
        "vda-fmt", "qcow2",
        ", 'dirty-bitmaps': [{'recording': false, 'count': 5},"
        "{'name': 'tmp', 'persistent': false, 'recording': true, 'busy': false, 'count': 1},"
        "{'name': 'bad', 'persistent': true, 'recording': false, 'inconsistent': true},"
        "{'name': 'cp', 'persistent': true, 'recording': true, 'busy': true, 'count': 7}]") "]";
    decode(&c);
    assert_int_equal(c.view.disks.items[0].facts.bitmaps.n, 2);
    b = &c.view.disks.items[0].facts.bitmaps.items[0];
    assert_true(str_eq(b->name, "bad") && b->inconsistent && !b->recording && !b->busy);
    b++;
    assert_true(str_eq(b->name, "cp") && !b->inconsistent && b->recording && b->busy &&
                b->dirty == 7);
    view_done(&c.view);
}

static void foreign(struct case_ c, const char *expected)
{
    decode(&c);
    assert_int_equal(c.rc, 0);
    if (!str_eq(c.view.foreign_job, expected))
        fail_msg("%s instead of %s", c.view.foreign_job, expected);
    view_done(&c.view);
}

#define JOB(id, type)                                                                              \
    "{'id': '" id "', 'type': '" type                                                              \
    "', 'status': 'running', 'current-progress': 1, 'total-progress': 2}"
#define JOB_GRAPH(id)                                                                              \
    GRAPH(DRIVER("vda-fmt", 1) "," DRIVER("top", 2) ",{'type': 'block-job', 'name': '" id          \
                                                    "', 'id': 3}",                                 \
          EDGE(2, "backing", 1) "," EDGE(3, "main node", 2))

static void foreign_work(void **state)
{
    struct case_ c = usual();

    (void)state;
    c.text[Q_GRAPH] = JOB_GRAPH("mirror0");
    foreign(c, "block job 'mirror0' on disk disk0");
    c.text[Q_GRAPH] = JOB_GRAPH("vmkeep-5-0.vda");
    foreign(c, NULL);
    c = usual();
    c.text[Q_JOBS] = "[" JOB("j", "mirror") "]";
    foreign(c, NULL); /* the graph says: elsewhere */
    c.text[Q_GRAPH] = NULL;
    foreign(c, "block job 'j' on disk disk0");
    c = usual();
    c.text[Q_JOBS] = "[" JOB("s1", "snapshot-save") "]";
    foreign(c, "snapshot-save job 's1'");
    c.text[Q_JOBS] = "[" JOB("c1", "create") "]";
    foreign(c, NULL);
    c.text[Q_MIGRATION] = "{'status': 'completed'}";
    foreign(c, NULL);
    c.text[Q_MIGRATION] = "{'status': 'active'}";
    foreign(c, "migration (active)");
    c = usual();
    c.text[Q_STATUS] = "{'status': 'inmigrate', 'running': false}";
    foreign(c, "incoming migration");
}

static void backing_files(void **state)
{
    struct case_ c = usual();

    (void)state;
    c.text[Q_NODES] = "[" FMT("vda-fmt", "qcow2", "") "," FILE_NODE("vda-file", "/x/a") "," FMT(
        "base", "qcow2", "") "," FILE_NODE("base-file", "/x/b") "]";
    c.text[Q_GRAPH] = GRAPH(DRIVER("vda-fmt", 1) "," DRIVER("vda-file", 2) "," DRIVER(
                                "base", 3) "," DRIVER("base-file", 4),
                            EDGE(1, "file", 2) "," EDGE(1, "backing", 3) "," EDGE(3, "file", 4));
    decode(&c);
    assert_int_equal(c.view.disks.items[0].facts.allocated, 600);
    assert_string_equal(c.view.disks.items[0].facts.image, "/x/a");
    view_done(&c.view);
    /* On a network: what is allocated cannot be told, and there is no file. */
    c.text[Q_NODES] =
        "[" FMT("vda-fmt", "raw", "") ", {'node-name': 'vda-file', 'drv': 'nbd', 'file': "
                                      "'nbd://h/x'}]";
    decode(&c);
    assert_int_equal(c.view.disks.items[0].facts.allocated, 1000);
    assert_null(c.view.disks.items[0].facts.image);
    assert_false(c.view.disks.items[0].facts.trackable);
    view_done(&c.view);
}

static void other_shapes(void **state)
{
    static const char *const shapes[] = {"[]", "{}", "7", "'x'", "[7]", "[{}]", "[null]", "null"};

    (void)state;
    for (int query = 0; query < Q_COUNT; query++)
        for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
            struct case_ c = usual();

            c.text[query] = shapes[i];
            decode(&c);
            assert_true(c.rc == 0 || c.err.code == ERR_PROTOCOL || c.err.code == ERR_UNSUPPORTED);
            view_done(&c.view);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain),           cmocka_unit_test(uuid),
        cmocka_unit_test(names),           cmocka_unit_test(names_stay),
        cmocka_unit_test(what_is_no_disk), cmocka_unit_test(same_names),
        cmocka_unit_test(filters),         cmocka_unit_test(bitmaps),
        cmocka_unit_test(foreign_work),    cmocka_unit_test(backing_files),
        cmocka_unit_test(other_shapes),    cmocka_unit_test(safety),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
