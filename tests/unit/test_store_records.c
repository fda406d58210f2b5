/* SPDX-License-Identifier: MIT
 *
 * What goes to vmkeep-store about repositories, and comes back, is the same at the other end. */
#include "tests/support/test.h"

#include <string.h>

#include "base/cleanup.h"
#include "storage/store/places_ask.h"
#include "storage/store/store_records.h"

/* By way of a line of text; what comes is to be released. */
static void send(const struct record *r, const void *value, void *ret)
{
    json_t *json = record_write(r, value);
    CLEANUP_FREE char *line = json_dumps(json, JSON_COMPACT), *again = NULL;
    struct err err = ERR_INIT;
    json_t *read;

    json_decref(json);
    assert_null(strchr(line, '\n'));
    read = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    if (record_read(r, read, ret, &err) < 0)
        fail_msg("%s: %s", line, err.msg);
    json_decref(read);
    json = record_write(r, ret);
    again = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    assert_string_equal(again, line);
}

static struct point sample(void)
{
    struct point p = {
        .id = xstrdup("h/d/2026-11-23T02-30-00Z.n@a59d85fc-12"),
        .host = xstrdup("h\xe9"),
        .domain = xstrdup("d"),
        .policy = xstrdup("n"),
        .repository = xstrdup("main"),
        .repository_id = xstrdup("0011"),
        .level = LEVEL_INCREMENTAL,
        .parent = xstrdup("h/d/older"),
        .created = 1764000000,
        .checkpoint = xstrdup("cp"),
        .mode = MODE_PULL,
        .state = POINT_DAMAGED,
        .problem = xstrdup("cut \xc3"),
        .damage = xstrdup("d"),
        .job = 12,
        .catalog = xstrdup("a59d85fc"),
        .quiesced = true,
        .set_aside = true,
        .why = xstrdup("because"),
        .keep = xstrdup("daily"),
    };

    for (int i = 0; i < 2; i++)
        *VEC_ADD(&p.disks) = (struct point_disk){
            .name = xstrdup(i ? "vdb" : "vda"),
            .path = xstrdup("vda.qcow2"),
            .format = xstrdup("qcow2"),
            .backing = i ? xstrdup("h/d/older") : NULL,
            .capacity = UINT64_MAX,
            .bytes = 2,
            .length = 3,
            .digest = xstrdup("blake3:00"),
            .content = xstrdup("sha256-tree:00"),
            .origin = {xstrdup("/i"), xstrdup("inode 5"), NULL, xstrdup("b")},
        };
    strlist_add(&p.missing, "vdc");
    left_out_add(&p.left_out, "vdd", "a CD");
    return p;
}

static void points(void **state)
{
    CLEANUP(point_done) struct point p = sample(), q = {0};

    (void)state;
    send(&store_answer_publish, &p, &q);
    assert_string_equal(q.host, p.host);
    assert_string_equal(q.problem, p.problem);
    assert_true(q.level == p.level && q.mode == p.mode && q.state == p.state && q.job == 12);
    assert_true(q.quiesced && q.set_aside && q.created == p.created);
    assert_int_equal(q.disks.n, 2);
    assert_true(q.disks.items[1].capacity == UINT64_MAX);
    assert_string_equal(q.disks.items[1].origin.bitmap, "b");
    assert_null(q.disks.items[0].backing);
    assert_string_equal(q.missing.items[0], "vdc");
    assert_string_equal(q.left_out.items[0].why, "a CD");
}

/* Its words are those of the catalog and of manifests. */
static void words(void **state)
{
    CLEANUP(point_done) struct point p = sample();

    (void)state;
    for (int i = POINT_GOOD; i <= POINT_DELETING; i++) {
        json_t *json;

        p.state = (enum point_state)i;
        json = record_write(&store_answer_publish, &p);
        assert_string_equal(json_string_value(json_object_get(json, "state")),
                            point_state_name(p.state));
        assert_string_equal(json_string_value(json_object_get(json, "level")), level_name(p.level));
        assert_string_equal(json_string_value(json_object_get(json, "mode")), mode_name(p.mode));
        json_decref(json);
    }
}

static void requests(void **state)
{
    CLEANUP(point_done) struct point plan = sample();
    struct owned owned[] = {{OWNED_TREE, (char *)"/srv", (char *)"repository 'main'"}};
    const struct owned_list list = {owned, 1, 1};
    const struct owner self = {(char *)"a59d85fc", (char *)"m", (char *)"", (char *)"/c.db", 1, 2};
    struct definition_file files[] = {
        {.name = (char *)"domain.xml", .text = (char *)"<domain/>\n\xff"},
        {.from = (char *)"/boot/k", .what = (char *)"kernel", .lacks = (char *)"away"},
    };
    const struct definition_list definitions = {files, 2, 2};
    const struct point_origin origin = {&definitions, 107, 4294967295};
    const struct store_scratch scratch = {"/scratch", "tag", &list};
    const struct point_list known = {&plan, 1, 1};
    const struct survey_scope scope = {"h", "d", &known, 500};
    const struct store_request in = {.repository = "/srv/\xff",
                                     .id = "0011",
                                     .self = &self,
                                     .now = 5,
                                     .plan = &plan,
                                     .origin = &origin,
                                     .scratch = &scratch,
                                     .made = MADE_PARTIAL,
                                     .scope = &scope};
    struct store_request out;

    (void)state;
    send(&store_request_prepare, &in, &out);
    assert_string_equal(out.repository, in.repository);
    assert_string_equal(out.self->catalog_path, "/c.db");
    assert_int_equal(out.origin->definitions->n, 2);
    assert_string_equal(out.origin->definitions->items[0].text, files[0].text);
    assert_string_equal(out.origin->definitions->items[1].from, "/boot/k");
    assert_null(out.origin->definitions->items[1].name);
    assert_string_equal(out.origin->definitions->items[1].what, "kernel");
    assert_string_equal(out.origin->definitions->items[1].lacks, "away");
    assert_true(out.origin->uid == 107 && out.origin->gid == 4294967295);
    assert_int_equal(out.scratch->owned->items[0].kind, OWNED_TREE);
    record_done(&store_request_prepare, &out);
    send(&store_request_discard, &in, &out);
    assert_int_equal(out.made, MADE_PARTIAL);
    record_done(&store_request_discard, &out);
    send(&store_request_survey, &in, &out);
    assert_string_equal(out.scope->known->items[0].disks.items[0].path, "vda.qcow2");
    assert_true(out.scope->known->items[0].disks.items[0].length == 3);
    record_done(&store_request_survey, &out);
}

static void surveys(void **state)
{
    CLEANUP(survey_done) struct survey in = {.free = 1, .total = UINT64_MAX}, out = {0};

    (void)state;
    *VEC_ADD(&in.losses) =
        (struct survey_loss){xstrdup("id\ttab"), POINT_MISSING, xstrdup("is\nnot there")};
    strlist_add(&in.unknown, "u \xfe");
    strlist_add(&in.unfinished, "p");
    send(&store_answer_survey, &in, &out);
    assert_string_equal(out.losses.items[0].problem, "is\nnot there");
    assert_string_equal(out.losses.items[0].id, "id\ttab");
    assert_int_equal(out.losses.items[0].state, POINT_MISSING);
    assert_string_equal(out.unknown.items[0], "u \xfe");
    assert_true(out.total == UINT64_MAX && out.unfinished.n == 1);
}

static void unknown_points(void **state)
{
    CLEANUP(unknown_done) struct unknown in = {.last_job = 41}, out = {0};

    (void)state;
    for (int i = UNKNOWN_OURS; i <= UNKNOWN_STRAY; i++)
        *VEC_ADD(&in.points) = (struct unknown_point){(enum unknown_whose)i, xstrdup("id"),
                                                      i ? xstrdup("c") : NULL, xstrdup("cp 1")};
    send(&store_answer_examine, &in, &out);
    assert_int_equal(out.points.n, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(out.points.items[i].whose, i);
    assert_null(out.points.items[0].catalog);
    assert_string_equal(out.points.items[2].checkpoint, "cp 1");
    assert_int_equal(out.last_job, 41);
}

static void made_files(void **state)
{
    struct places_made in = {0}, out = {0};

    (void)state;
    made_add(&in.made, MADE_SOCKET, "/run/x");
    in.made.items[0].inode = UINT64_MAX;
    in.made.items[0].born = -1;
    send(&places_answer_make, &in, &out);
    assert_int_equal(out.made.items[0].what, MADE_SOCKET);
    assert_true(out.made.items[0].inode == UINT64_MAX && out.made.items[0].born == -1);
    made_list_done(&in.made);
    made_list_done(&out.made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points),  cmocka_unit_test(words),          cmocka_unit_test(requests),
        cmocka_unit_test(surveys), cmocka_unit_test(unknown_points), cmocka_unit_test(made_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
