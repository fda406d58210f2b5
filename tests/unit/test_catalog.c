/* SPDX-License-Identifier: MIT
 *
 * What the catalog keeps of jobs, points and checkpoints. */
#include "storage/repository/repository.h"
#include "storage/catalog/catalog_at_host.h"
#include "tests/unit/catalog_support.h"

#include <string.h>

#include "base/cleanup.h"

static struct catalog *c;

static int setup(void **state)
{
    scratch_make(state);
    c = open_writer(*state);
    return 0;
}

static int teardown(void **state)
{
    catalog_close(c);
    return scratch_remove(state);
}

static void assert_checkpoints(const char *domain, const char *want)
{
    CLEANUP_FREE char *text = checkpoints_text(c, domain);

    assert_string_equal(text, want);
}

static void assert_same_point(const struct point *a, const struct point *b)
{
    assert_string_equal(a->id, b->id);
    assert_string_equal(a->host, b->host);
    assert_string_equal(a->domain, b->domain);
    assert_string_equal(a->policy, b->policy);
    assert_string_equal(a->repository, b->repository);
    assert_int_equal(a->level, b->level);
    assert_int_equal(a->created, b->created);
    assert_int_equal(a->mode, b->mode);
    assert_string_equal(a->why, b->why);
    assert_int_equal(!a->parent, !b->parent);
    assert_int_equal(!a->checkpoint, !b->checkpoint);
    if (a->parent)
        assert_string_equal(a->parent, b->parent);
    if (a->checkpoint)
        assert_string_equal(a->checkpoint, b->checkpoint);
    assert_int_equal(a->disks.n, b->disks.n);
    for (size_t i = 0; i < a->disks.n; i++) {
        const struct point_disk *x = &a->disks.items[i], *y = &b->disks.items[i];

        assert_string_equal(x->name, y->name);
        assert_string_equal(x->path, y->path);
        assert_string_equal(x->format, y->format);
        assert_int_equal(x->capacity, y->capacity);
        assert_int_equal(!x->backing, !y->backing);
        if (x->backing)
            assert_string_equal(x->backing, y->backing);
    }
}

/* ---- jobs ---- */

/* What is made of a former life's plan must have the name that it had. */
static void plan_says_who_made_it(void **state)
{
    CLEANUP(point_done)
    struct point p =
        sample_point("h/d/1970-01-01T00-16-40Z.n@0123abcd-1", "d", "n", 1000, NULL, "cp");
    int64_t id = add_job(c, "d", "n", 900);
    CLEANUP_FREE char *again = NULL;
    struct job j;

    (void)state;
    OK(catalog_job_start(c, id, 1001, LEVEL_FULL, p.why, &p, &err));
    j = get_job(c, id);
    again = point_id_make(&j.plan);
    assert_string_equal(again, p.id);
    job_done(&j);
}

static void job_life(void **state)
{
    CLEANUP(point_done) struct point p = sample_point("a2", "d", "n", 1000, "a1", "cp");
    int64_t id = add_job(c, "d", "n", 900);
    struct job j = get_job(c, id);

    (void)state;
    assert_int_equal(j.state, JOB_QUEUED);
    assert_int_equal(j.level, LEVEL_INCREMENTAL);
    assert_int_equal(j.outcome, OUTCOME_NONE);
    assert_string_equal(j.why, "scheduled");
    assert_int_equal(j.due, 900);
    assert_null(j.plan.id);
    assert_null(j.step);
    assert_null(j.reason);
    job_done(&j);

    OK(catalog_job_start(c, id, 1001, LEVEL_FULL, p.why, &p, &err));
    OK(catalog_job_step(c, id, "copying", &err));
    OK(catalog_job_progress(c,
                            &(struct job){.id = id,
                                          .bytes_done = UINT64_C(1) << 40,
                                          .bytes_total = UINT64_C(1) << 41,
                                          .temp_used = 3,
                                          .temp_total = 4,
                                          .elapsed_ms = 1234},
                            &err));
    j = get_job(c, id);
    assert_int_equal(j.state, JOB_RUNNING);
    assert_int_equal(j.level, LEVEL_FULL);
    assert_int_equal(j.started, 1001);
    assert_string_equal(j.step, "copying");
    assert_int_equal(j.bytes_done, UINT64_C(1) << 40);
    assert_int_equal(j.bytes_total, UINT64_C(1) << 41);
    j.plan.level = p.level; /* the plan's level is the job's */
    assert_same_point(&j.plan, &p);
    job_done(&j);
    assert_checkpoints("d", "cp provisional");

    OK(catalog_job_end(c, id, 1100, OUTCOME_FAILED, ERR_NOSPACE, "disk vda: full", &err));
    j = get_job(c, id);
    assert_int_equal(j.state, JOB_ENDED);
    assert_int_equal(j.outcome, OUTCOME_FAILED);
    assert_int_equal(j.error, ERR_NOSPACE);
    assert_string_equal(j.reason, "disk vda: full");
    assert_int_equal(j.ended, 1100);
    job_done(&j);
    assert_checkpoints("d", "cp dropping");
}

static void job_added_ended(void **state)
{
    struct job j = {.kind = "prune",
                    .host = (char *)"h",
                    .domain = (char *)"d",
                    .policy = (char *)"n",
                    .repository = (char *)"main",
                    .state = JOB_ENDED,
                    .outcome = OUTCOME_SKIPPED,
                    .reason = (char *)"nothing to do",
                    .created = 5,
                    .ended = 6};
    struct job back;

    (void)state;
    OK(catalog_job_add(c, &j, &err));
    back = get_job(c, j.id);
    assert_string_equal(back.kind, "prune");
    assert_int_equal(back.outcome, OUTCOME_SKIPPED);
    assert_string_equal(back.reason, "nothing to do");
    assert_int_equal(back.ended, 6);
    assert_null(back.why);
    job_done(&back);
}

static void job_wrong_states(void **state)
{
    int64_t id = add_job(c, "d", "n", 0);

    (void)state;
    FAILS(ERR_INVALID, "queued, not running", catalog_job_step(c, id, "copying", &err));
    FAILS(ERR_INVALID, "queued, not running",
          catalog_job_progress(c, &(struct job){.id = id}, &err));
    OK(catalog_job_start(c, id, 1, LEVEL_FULL, "", NULL, &err));
    FAILS(ERR_INVALID, "running, not queued",
          catalog_job_start(c, id, 1, LEVEL_FULL, "", NULL, &err));
    OK(catalog_job_end(c, id, 2, OUTCOME_ABORTED, ERR_CANCELED, "stop", &err));
    FAILS(ERR_INVALID, "ended, not open",
          catalog_job_end(c, id, 3, OUTCOME_SUCCESS, ERR_NONE, "", &err));
    FAILS(ERR_NOTFOUND, "job 99 is not in the catalog",
          catalog_job_end(c, 99, 3, OUTCOME_SUCCESS, ERR_NONE, "", &err));
    FAILS(ERR_NOTFOUND, "job 99", catalog_job_start(c, 99, 3, LEVEL_FULL, "", NULL, &err));
    FAILS(ERR_NOTFOUND, "job 99", catalog_job_step(c, 99, "x", &err));
}

static void one_backup_a_domain(void **state)
{
    CLEANUP(point_done) struct point p = sample_point("a1", "d", "n", 10, NULL, "cp-second");
    int64_t first = add_job(c, "d", "n", 0), second = add_job(c, "d", "other", 0);
    int64_t elsewhere = add_job(c, "e", "n", 0);
    struct job prune = {.kind = "prune",
                        .host = (char *)"h",
                        .domain = (char *)"d",
                        .policy = (char *)"n",
                        .repository = (char *)"main"};
    struct job away = {.kind = JOB_BACKUP,
                       .guest = true,
                       .host = (char *)"h2",
                       .domain = (char *)"d",
                       .policy = (char *)"n",
                       .repository = (char *)"main"};

    (void)state;
    OK(catalog_job_add(c, &prune, &err));
    OK(catalog_job_add(c, &away, &err));
    OK(catalog_job_start(c, first, 1, LEVEL_FULL, "", NULL, &err));
    OK(catalog_job_start(c, elsewhere, 1, LEVEL_FULL, "", NULL, &err));
    OK(catalog_job_start(c, prune.id, 1, LEVEL_FULL, "", NULL, &err));
    OK(catalog_job_start(c, away.id, 1, LEVEL_FULL, "", NULL, &err));
    FAILS(ERR_BUSY, "another backup", catalog_job_start(c, second, 1, LEVEL_FULL, "", &p, &err));
    assert_checkpoints("d", "");
    OK(catalog_job_end(c, first, 2, OUTCOME_FAILED, ERR_IO, "", &err));
    OK(catalog_job_start(c, second, 3, LEVEL_FULL, "", &p, &err));
    assert_checkpoints("d", "cp-second provisional");
}

static void start_is_whole_or_nothing(void **state)
{
    CLEANUP(point_done) struct point p = sample_point("a1", "d", "n", 10, NULL, "cp");
    int64_t id = add_job(c, "d", "n", 0);
    CLEANUP_FREE char *before = dump(c->db.h), *after = NULL;

    (void)state;
    free(p.disks.items[1].name); /* the second disk's name is taken: its row fails */
    p.disks.items[1].name = xstrdup("vda");
    FAILS(ERR_INTERNAL, "", catalog_job_start(c, id, 1, LEVEL_FULL, "", &p, &err));
    after = dump(c->db.h);
    assert_string_equal(before, after);
}

static void job_filters(void **state)
{
    static const struct {
        struct job_filter f;
        const char *want;
    } cases[] = {
        {{0}, "1 2 3 4 5"},
        {{.limit = 2}, "4 5"},
        {{.domain = "d"}, "1 2 4"},
        {{.domain = "d", .policy = "n"}, "1 4"},
        {{.domain = "d", .limit = 1}, "4"},
        {{.active = true}, "2 5"},
        {{.active = true, .domain = "d"}, "2"},
        {{.active = true, .id = 1}, ""},
        {{.id = 3}, "3"},
        {{.id = 9}, ""},
        {{.host = "h", .domain = "d"}, "1 2 4"},
        {{.host = "h", .domain = "d", .limit = 2}, "2 4"},
        {{.host = "h", .domain = "d", .policy = "n", .limit = 1}, "4"},
        {{.active = true, .limit = 1}, "5"},
        {{.host = "h"}, "1 2 3 4 5"},
        {{.host = "other"}, ""},
        {{.host = "h", .domain = "e", .policy = "n", .active = true, .limit = 9}, "5"},
    };

    (void)state;
    add_job(c, "d", "n", 0);
    add_job(c, "d", "m", 0);
    add_job(c, "e", "m", 0);
    add_job(c, "d", "n", 0);
    add_job(c, "e", "n", 0);
    OK(catalog_job_end(c, 1, 5, OUTCOME_SKIPPED, ERR_NONE, "", &err));
    OK(catalog_job_end(c, 3, 5, OUTCOME_FAILED, ERR_IO, "", &err));
    OK(catalog_job_end(c, 4, 5, OUTCOME_FAILED, ERR_IO, "", &err));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct job_list l = {0};
        char text[64] = "";

        OK(catalog_jobs(c, &cases[i].f, &l, &err));
        for (size_t k = 0; k < l.n; k++)
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%d", k ? " " : "",
                     (int)l.items[k].id);
        if (strcmp(text, cases[i].want) != 0)
            fail_msg("case %zu: '%s', not '%s'", i, text, cases[i].want);
        job_list_done(&l);
    }
}

static bool job_exists(int64_t id)
{
    const struct job_filter f = {.id = id};
    struct job_list l = {0};
    bool ret;

    OK(catalog_jobs(c, &f, &l, &err));
    ret = l.n > 0;
    job_list_done(&l);
    return ret;
}

static int64_t ended_job(const char *domain, int64_t due, int64_t ended)
{
    int64_t id = add_job(c, domain, "n", due);

    OK(catalog_job_end(c, id, ended, OUTCOME_FAILED, ERR_IO, "", &err));
    return id;
}

/* How many rows are there now, and after how many turns. */
static size_t expire_all(int64_t before, int *ret_turns)
{
    struct job_expiry at = {0};
    struct job_list l = {0};
    size_t n;
    int rc;

    *ret_turns = 0;
    do {
        OK(rc = catalog_job_expire(c, before, &at, &err));
        ++*ret_turns;
    } while (rc > 0);
    OK(catalog_jobs(c, &(struct job_filter){0}, &l, &err));
    n = l.n;
    job_list_done(&l);
    return n;
}

static void job_expiry(void **state)
{
    int64_t old = ended_job("d", 100, 110), old_hand = ended_job("d", 0, 120);
    CLEANUP(point_done) struct point p = sample_point("a1", "d", "n", 90, NULL, NULL);
    int64_t with_disks = backup(c, &p);
    int64_t old_last_hand = ended_job("d", 0, 130), fresh = ended_job("d", 200, 500);
    int64_t alone = ended_job("e", 100, 110);
    int64_t retried = ended_job("f", 100, 110), last_try = ended_job("f", 100, 120);
    int64_t late = ended_job("g", 300, 310), out_of_order = ended_job("g", 200, 320);
    int64_t open = add_job(c, "k", "n", 10);
    int64_t newer = add_job(c, "k", "n", 20), next;
    int turns;

    (void)state;
    expire_all(400, &turns);
    assert_false(job_exists(old));
    assert_false(job_exists(with_disks));
    assert_false(job_exists(old_hand));
    assert_true(job_exists(old_last_hand));
    assert_true(job_exists(fresh));
    assert_true(job_exists(alone));
    assert_false(job_exists(retried));
    assert_true(job_exists(last_try));
    /* The last is the one made last, whatever a clock said. */
    assert_false(job_exists(late));
    assert_true(job_exists(out_of_order));
    assert_true(job_exists(open));
    assert_true(job_exists(newer));
    /* No number is given again. */
    next = add_job(c, "d", "n", 600);
    assert_true(next > with_disks);
}

/* Few at a time, and each is looked at once, those too that stay. */
static void expiry_in_steps(void **state)
{
    int turns;

    (void)state;
    for (int i = 0; i < 3 * JOB_EXPIRY_ROWS; i++)
        ended_job("d", 100, 110);
    for (int i = 0; i < JOB_EXPIRY_ROWS; i++) {
        char name[16];

        snprintf(name, sizeof(name), "stays%d", i);
        ended_job(name, 100, 105);
    }
    assert_int_equal(expire_all(400, &turns), JOB_EXPIRY_ROWS + 1);
    assert_in_range(turns, 4, 5);
}

static int steps_of_one_expiry(struct job_expiry *from)
{
    static const enum db_stmt asked[] = {ST_JOB_EXPIRE_TO, ST_JOB_EXPIRE};
    int steps = 0;

    for (size_t i = 0; i < ARRAY_LEN(asked); i++)
        if (c->db.stmts[asked[i]])
            sqlite3_stmt_status(c->db.stmts[asked[i]], SQLITE_STMTSTATUS_VM_STEP, 1);
    OK(catalog_job_expire(c, 1000, from, &err));
    for (size_t i = 0; i < ARRAY_LEN(asked); i++)
        steps += sqlite3_stmt_status(c->db.stmts[asked[i]], SQLITE_STMTSTATUS_VM_STEP, 1);
    return steps;
}

/* What one turn costs depends on what goes in it, not on what is left to go. */
static void expiry_costs_its_rows(void **state)
{
    int few, many;

    (void)state;
    for (int i = 0; i < 2 * JOB_EXPIRY_ROWS; i++)
        ended_job("d", 100, 110);
    few = steps_of_one_expiry(&(struct job_expiry){0});
    for (int i = 0; i < 300; i++)
        ended_job("d", 100, 120);
    many = steps_of_one_expiry(&(struct job_expiry){0});
    assert_in_range(few, 1, 10000);
    assert_in_range(many, 1, 2 * few);
}

/* Nor on how many ended in the same second and have been looked at. */
static void expiry_costs_its_rows_within_a_second(void **state)
{
    struct job_expiry from = {0};
    int steps = 0;

    (void)state;
    for (int i = 0; i < 300; i++) {
        char name[16];

        snprintf(name, sizeof(name), "stays%d", i);
        ended_job(name, 100, 110);
    }
    for (int i = 0; i < 51; i++)
        steps = steps_of_one_expiry(&from);
    assert_in_range(steps, 1, 200 * JOB_EXPIRY_ROWS);
}

/* ---- publishing, points, checkpoints ---- */

static void publishing(void **state)
{
    CLEANUP(point_done) struct point a1 = sample_point("a1", "d", "n", 100, NULL, "cp1");
    CLEANUP(point_done) struct point a2 = sample_point("a2", "d", "n", 200, "a1", "cp2");
    CLEANUP(point_done) struct point b1 = sample_point("b1", "d", "m", 150, NULL, "cpm");
    CLEANUP(point_done) struct point a3 = sample_point("a3", "d", "n", 300, NULL, NULL);
    CLEANUP(point_done) struct point last = {0};
    int64_t id = backup(c, &a1);
    struct job j = get_job(c, id);
    bool found = false;

    (void)state;
    assert_int_equal(j.state, JOB_ENDED);
    assert_int_equal(j.outcome, OUTCOME_SUCCESS);
    assert_int_equal(j.ended, 110);
    assert_string_equal(j.reason, "done");
    job_done(&j);
    assert_checkpoints("d", "cp1 current");
    backup(c, &b1);
    backup(c, &a2);
    assert_checkpoints("d", "cp1 dropping, cpm current, cp2 current");
    OK(catalog_last_good(c, "h", "d", "n", &last, &found, &err));
    assert_true(found);
    assert_same_point(&last, &a2);
    assert_int_equal(last.disks.items[1].bytes, a2.disks.items[1].bytes);
    assert_int_equal(last.disks.items[1].length, a2.disks.items[1].length);
    assert_string_equal(last.disks.items[1].digest, "blake3:vdb");
    assert_string_equal(
        last.disks.items[1].content,
        "sha256-tree:0000000000000000000000000000000000000000000000000000000000000098");
    assert_true(last.quiesced);
    assert_int_equal(last.state, POINT_GOOD);
    assert_null(last.keep);
    /* Without a checkpoint there is nothing that the next incremental could start from. */
    backup(c, &a3);
    assert_checkpoints("d", "cp1 dropping, cpm current, cp2 dropping");
    OK(catalog_checkpoint_forget(c, "cp1", &err));
    OK(catalog_checkpoint_forget(c, "cp1", &err));
    OK(catalog_checkpoint_drop(c, "cpm", &err));
    FAILS(ERR_NOTFOUND, "checkpoint cp1", catalog_checkpoint_drop(c, "cp1", &err));
    assert_checkpoints("d", "cpm dropping, cp2 dropping");
}

static void publish_refused(void **state)
{
    CLEANUP(point_done) struct point a1 = sample_point("a1", "d", "n", 100, NULL, "cp1");
    CLEANUP(point_done) struct point lost = sample_point("a2", "d", "n", 200, "gone", "cp2");
    CLEANUP(point_done) struct point on_disk = sample_point("a2", "d", "n", 200, "a1", "cp2");
    int64_t id = backup(c, &a1);
    CLEANUP_FREE char *before = NULL, *after = NULL, *later = NULL;

    (void)state;
    before = dump(c->db.h);
    FAILS(ERR_INVALID, "ended", catalog_publish(c, id, 200, &a1, ERR_NONE, "again", &err));
    FAILS(ERR_NOTFOUND, "job 77", catalog_publish(c, 77, 200, &a1, ERR_NONE, "again", &err));
    after = dump(c->db.h);
    assert_string_equal(before, after);
    id = add_job(c, "d", "n", 200);
    OK(catalog_job_start(c, id, 200, LEVEL_INCREMENTAL, "", &lost, &err));
    free(before);
    before = dump(c->db.h);
    FAILS(ERR_NOTFOUND, "point a2: it stands on gone, which is not in the catalog",
          catalog_publish(c, id, 210, &lost, ERR_NONE, "", &err));
    free(on_disk.disks.items[0].backing);
    on_disk.disks.items[0].backing = xstrdup("lost");
    FAILS(ERR_NOTFOUND, "it stands on lost",
          catalog_publish(c, id, 210, &on_disk, ERR_NONE, "", &err));
    later = dump(c->db.h);
    assert_string_equal(before, later);
}

/* A checkpoint that was let go meanwhile may be gone at the hypervisor. */
static void no_way_back_for_checkpoints(void **state)
{
    CLEANUP(point_done) struct point a1 = sample_point("a1", "d", "n", 100, NULL, "cp1");
    int64_t id = add_job(c, "d", "n", 100);

    (void)state;
    OK(catalog_job_start(c, id, 100, LEVEL_FULL, "", &a1, &err));
    OK(catalog_checkpoint_drop(c, "cp1", &err));
    OK(catalog_publish(c, id, 110, &a1, ERR_NONE, "", &err));
    assert_checkpoints("d", "cp1 dropping");
}

/* The point came without the checkpoint that was planned: it is no base, and must go. */
static void planned_checkpoint_unused(void **state)
{
    CLEANUP(point_done) struct point plan = sample_point("a1", "d", "n", 100, NULL, "cp1");
    CLEANUP(point_done) struct point made = sample_point("a1", "d", "n", 100, NULL, NULL);
    int64_t id = add_job(c, "d", "n", 100);

    (void)state;
    OK(catalog_job_start(c, id, 100, LEVEL_FULL, "", &plan, &err));
    OK(catalog_publish(c, id, 110, &made, ERR_NONE, "", &err));
    assert_checkpoints("d", "cp1 dropping");
}

static void point_added_by_itself(void **state)
{
    CLEANUP(point_done) struct point a1 = sample_point("a1", "d", "n", 100, NULL, "cp1");
    CLEANUP(point_done) struct point a2 = sample_point("a2", "d", "n", 200, "a1", "cp2");
    const struct point_filter all = {0};
    struct point_list l = {0};
    int64_t id;

    (void)state;
    FAILS(ERR_NOTFOUND, "point a2: it stands on a1", catalog_point_add(c, &a2, &err));
    OK(catalog_point_add(c, &a1, &err));
    OK(catalog_point_set_keep(c, "a1", "daily 1", &err));
    OK(catalog_point_add(c, &a1, &err));
    OK(catalog_points(c, &all, &l, &err));
    assert_int_equal(l.n, 1);
    assert_same_point(&l.items[0], &a1);
    assert_string_equal(l.items[0].keep, "daily 1");
    point_list_done(&l);
    assert_checkpoints("d", "");
    /* The job that made it ends well all the same. */
    id = add_job(c, "d", "n", 100);
    OK(catalog_job_start(c, id, 100, LEVEL_FULL, "", &a1, &err));
    OK(catalog_publish(c, id, 110, &a1, ERR_NONE, "", &err));
    assert_checkpoints("d", "cp1 current");
}

static void point_filters(void **state)
{
    static const struct {
        struct point_filter f;
        const char *want;
    } cases[] = {
        {{0}, "d1 d2 d3 e1 "},
        {{.host = "h"}, "d1 d2 d3 e1 "},
        {{.host = "g"}, ""},
        {{.domain = "d"}, "d1 d2 d3 "},
        {{.domain = "d", .policy = "n"}, "d1 d3 "},
        {{.host = "h", .domain = "d", .policy = "m", .repository = "main"}, "d2 "},
        {{.repository = "other"}, ""},
    };
    struct point points[] = {
        sample_point("e1", "e", "n", 50, NULL, NULL),
        sample_point("d3", "d", "n", 300, NULL, NULL),
        sample_point("d1", "d", "n", 100, NULL, NULL),
        sample_point("d2", "d", "m", 200, NULL, NULL),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        OK(catalog_point_add(c, &points[i], &err));
        point_done(&points[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct point_list l = {0};
        char text[64] = "";

        OK(catalog_points(c, &cases[i].f, &l, &err));
        for (size_t k = 0; k < l.n; k++)
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ", l.items[k].id);
        if (strcmp(text, cases[i].want) != 0)
            fail_msg("case %zu: '%s', not '%s'", i, text, cases[i].want);
        point_list_done(&l);
    }
}

static void assert_last_good(const char *domain, const char *policy, const char *want)
{
    CLEANUP(point_done) struct point p = {0};
    bool found = !want;

    OK(catalog_last_good(c, "h", domain, policy, &p, &found, &err));
    assert_int_equal(found, want != NULL);
    if (want)
        assert_string_equal(p.id, want);
}

static void last_good(void **state)
{
    struct point points[] = {
        sample_point("d1", "d", "n", 100, NULL, NULL),
        sample_point("d2", "d", "m", 200, NULL, NULL),
        sample_point("d3", "d", "n", 300, NULL, NULL),
    };

    (void)state;
    assert_last_good("d", NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        OK(catalog_point_add(c, &points[i], &err));
        point_done(&points[i]);
    }
    assert_last_good("d", "n", "d3");
    assert_last_good("d", NULL, "d3");
    OK(catalog_point_set_state(c, "d3", POINT_DAMAGED, "torn", &err));
    assert_last_good("d", "n", "d1");
    assert_last_good("d", NULL, "d2");
    OK(catalog_point_set_state(c, "d2", POINT_DELETING, NULL, &err));
    OK(catalog_point_set_state(c, "d1", POINT_DELETING, NULL, &err));
    assert_last_good("d", NULL, NULL);
    FAILS(ERR_NOTFOUND, "point x", catalog_point_set_state(c, "x", POINT_GOOD, NULL, &err));
    FAILS(ERR_NOTFOUND, "point x", catalog_point_set_keep(c, "x", "why", &err));
}

/* Undoing is steps of its own, in the same journal: how far the job had come stays known. */
static void publishing_is_remembered(void **state)
{
    const struct job_filter open = {.active = true};
    CLEANUP(point_done) struct point p = sample_point("a", "d", "n", 1000, NULL, NULL);
    struct job_list jobs = {0};
    const char *const steps[] = {"preparing", "publishing", "aborting"};
    const bool wanted[] = {false, true, true};
    int64_t id = add_job(c, "d", "n", 900);

    (void)state;
    OK(catalog_job_start(c, id, 1001, LEVEL_FULL, p.why, &p, &err));
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        OK(catalog_job_step(c, id, steps[i], &err));
        OK(catalog_jobs(c, &open, &jobs, &err));
        assert_int_equal(jobs.items[0].publishing, wanted[i]);
        job_list_done(&jobs);
    }
}

static void point_deletion(void **state)
{
    CLEANUP(point_done) struct point a1 = sample_point("a1", "d", "n", 100, NULL, NULL);
    CLEANUP(point_done) struct point a2 = sample_point("a2", "d", "n", 200, "a1", NULL);
    CLEANUP(point_done) struct point b1 = sample_point("b1", "d", "n", 300, NULL, NULL);
    CLEANUP_FREE char *left = NULL;

    (void)state;
    b1.disks.items[1].backing = xstrdup("a2"); /* by a disk alone */
    OK(catalog_point_add(c, &a1, &err));
    OK(catalog_point_add(c, &a2, &err));
    OK(catalog_point_add(c, &b1, &err));
    FAILS(ERR_BUSY, "point a1: a2 stands on it", catalog_point_delete(c, "a1", &err));
    FAILS(ERR_BUSY, "point a2: b1 stands on it", catalog_point_delete(c, "a2", &err));
    OK(catalog_point_delete(c, "b1", &err));
    OK(catalog_point_delete(c, "a2", &err));
    OK(catalog_point_delete(c, "a1", &err));
    OK(catalog_point_delete(c, "a1", &err));
    left = dump(c->db.h);
    assert_string_equal(left, "");
}

/* What the code gets wrong the database refuses. */
static void constraints(void **state)
{
    static const char *const refused[] = {
        "INSERT INTO checkpoint VALUES ('y', 'h', 'd', 'n', 'current', 1)",
        "INSERT INTO checkpoint VALUES ('z', 'h', 'd', 'n', 'lost', 1)",
        "UPDATE point SET state = 'fine'",
        "UPDATE point SET created = 'soon'",
        "UPDATE point SET parent = id, level = 'incremental'",
        "UPDATE point SET parent = 'nobody', level = 'incremental'",
        "UPDATE point_disk SET backing = 'nobody'",
        "UPDATE point_disk SET bytes = -1",
        "UPDATE job SET state = 'running'",
        "UPDATE job SET outcome = ''",
        "INSERT INTO job_disk VALUES (77, 0, 'vda', 'f', 'qcow2', NULL, 1)",
    };
    CLEANUP(point_done) struct point a1 = sample_point("a1", "d", "n", 100, NULL, "cp1");

    (void)state;
    backup(c, &a1);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        if (sqlite3_exec(c->db.h, refused[i], NULL, NULL, NULL) == SQLITE_OK)
            fail_msg("not refused: %s", refused[i]);
}

/* ---- coverage, history, what was seen ---- */

static void coverage(void **state)
{
    struct cover_list all = {0};
    struct catalog_history h;

    (void)state;
    OK(catalog_history(c, "h", "d", "n", &h, &err));
    assert_int_equal(h.since, 0);
    OK(catalog_cover(c, "h", "d", "n", 100, &err));
    OK(catalog_cover(c, "h", "d", "n", 200, &err));
    OK(catalog_cover(c, "h", "d", "m", 300, &err));
    OK(catalog_history(c, "h", "d", "n", &h, &err));
    assert_int_equal(h.since, 100);
    assert_int_equal(h.last_due, 0);
    assert_false(h.has_attempt);
    OK(catalog_uncover(c, "h", "d", "n", 350, &err));
    OK(catalog_uncover(c, "h", "d", "n", 360, &err));
    OK(catalog_coverage(c, &all, &err));
    assert_int_equal(cover_list_find(&all, "h", "d", "n")->away, 350);
    assert_int_equal(cover_list_find(&all, "h", "d", "m")->away, 0);
    cover_list_done(&all);
    OK(catalog_cover(c, "h", "d", "n", 400, &err));
    OK(catalog_history(c, "h", "d", "n", &h, &err));
    assert_int_equal(h.since, 400);
    OK(catalog_history(c, "h", "d", "m", &h, &err));
    assert_int_equal(h.since, 300);
}

static void check_covered(const char *host, const char *first, const char *second)
{
    struct strlist names = {0};

    OK(catalog_covered(c, host, &names, &err));
    assert_int_equal(names.n, (first != NULL) + (second != NULL));
    if (first)
        assert_string_equal(names.items[0], first);
    if (second)
        assert_string_equal(names.items[1], second);
    strlist_done(&names);
}

/* One that is gone is covered since the same time when it is back. */
static void coverage_gone(void **state)
{
    struct catalog_history h;

    (void)state;
    OK(catalog_cover(c, "h", "d", "n", 100, &err));
    OK(catalog_cover(c, "h", "d", "m", 100, &err));
    OK(catalog_cover(c, "h", "e", "n", 100, &err));
    OK(catalog_cover(c, "i", "f", "n", 100, &err));
    check_covered("h", "d", "e");
    OK(catalog_cover_gone(c, "h", "d", 200, &err));
    OK(catalog_cover_gone(c, "h", "d", 300, &err));
    check_covered("h", "e", NULL);
    OK(catalog_cover_expire(c, 200, &err));
    OK(catalog_cover(c, "h", "d", "n", 400, &err));
    check_covered("h", "d", "e");
    OK(catalog_history(c, "h", "d", "n", &h, &err));
    assert_int_equal(h.since, 100);
    OK(catalog_cover_expire(c, 201, &err)); /* of policy m, it is gone still */
    OK(catalog_cover(c, "h", "d", "m", 500, &err));
    OK(catalog_history(c, "h", "d", "m", &h, &err));
    assert_int_equal(h.since, 500);
    check_covered("nowhere", NULL, NULL);
}

static int64_t job_at(const char *host, const char *domain, const char *place)
{
    int64_t ret;

    OK(catalog_at_host_find(c, host, domain, place, &ret, &err));
    return ret;
}

static void at_host(void **state)
{
    struct job row = {.kind = JOB_BACKUP,
                      .host = (char *)"h",
                      .domain = (char *)"d",
                      .policy = (char *)"n",
                      .repository = (char *)"r",
                      .level = LEVEL_FULL,
                      .state = JOB_QUEUED,
                      .created = 1};
    struct at_host was;

    (void)state;
    OK(catalog_job_add(c, &row, &err));
    OK(catalog_at_host(c, row.id, &was, &err));
    assert_null(was.place);
    assert_null(was.boot);
    OK(catalog_at_host_place(c, row.id, "/r/p/vda.qcow2", &err));
    OK(catalog_at_host_ran(c, row.id, "boot", 50, &err));
    OK(catalog_at_host_ran(c, row.id, "boot", 80, &err));
    OK(catalog_at_host(c, row.id, &was, &err));
    assert_string_equal(was.place, "/r/p/vda.qcow2");
    assert_string_equal(was.boot, "boot");
    assert_int_equal(was.ran, 80);
    at_host_done(&was);
    assert_int_equal(job_at("h", "d", "/r/p/vda.qcow2"), row.id);
    assert_int_equal(job_at("h", "e", "/r/p/vda.qcow2"), 0);
    assert_int_equal(job_at("i", "d", "/r/p/vda.qcow2"), 0);
    assert_int_equal(job_at("h", "d", "/elsewhere"), 0);
}

static void a_chain_knows_whose_it_is(void **state)
{
    CLEANUP_FREE char *none = NULL, *last = NULL, *old = NULL;

    (void)state;
    OK(catalog_chain_uuid(c, "h/d/nightly", &none, &err));
    assert_null(none);
    OK(catalog_chain_uuid_put(c, "h/d/nightly", "u1", 10, &err));
    OK(catalog_chain_uuid_put(c, "h/d/nightly", "u2", 20, &err));
    OK(catalog_chain_uuid(c, "h/d/nightly", &last, &err));
    assert_string_equal(last, "u2");
    OK(catalog_chain_uuid_put(c, "h/e/nightly", "u3", 91 * 86400, &err));
    OK(catalog_chain_uuid(c, "h/d/nightly", &old, &err));
    assert_null(old);
}

/* By its UUID, on the same host, under another name; not for ever. */
static void one_that_is_gone_is_known_by_its_uuid(void **state)
{
    CLEANUP_FREE char *was = NULL, *back = NULL, *elsewhere = NULL, *old = NULL;
    int64_t until = 0;

    (void)state;
    OK(catalog_gone_put(c, "h/old", "u1", 10, &err));
    OK(catalog_gone_put(c, "h/older", "u1", 5, &err));
    OK(catalog_gone_put(c, "h/other", "u2", 20, &err));
    OK(catalog_gone_name(c, "h/new", "u1", &was, &until, &err));
    assert_string_equal(was, "h/old");
    assert_int_equal(until, 10);
    OK(catalog_gone_name(c, "h/old", "u2", &back, &until, &err));
    assert_string_equal(back, "h/other");
    OK(catalog_gone_name(c, "hh/new", "u1", &elsewhere, &until, &err));
    assert_null(elsewhere);
    OK(catalog_gone_put(c, "h/late", "u3", 91 * 86400, &err));
    OK(catalog_gone_name(c, "h/new", "u1", &old, &until, &err));
    assert_null(old);
}

static void seen_forgotten(void **state)
{
    struct seen_list seen = {0};

    (void)state;
    OK(catalog_seen_put(c, "domain", "h/d", "running", NULL, NULL, 1, &err));
    OK(catalog_seen_put(c, "domain", "h/e", "running", NULL, NULL, 1, &err));
    OK(catalog_seen_forget(c, "domain", "h/d", &err));
    OK(catalog_seen_forget(c, "domain", "h/d", &err));
    OK(catalog_seen(c, "domain", &seen, &err));
    assert_int_equal(seen.n, 1);
    assert_string_equal(seen.items[0].name, "h/e");
    seen_list_done(&seen);
}

static void end_job(int64_t id, int64_t now, enum job_outcome outcome, enum err_code code)
{
    OK(catalog_job_end(c, id, now, outcome, code, "", &err));
}

static struct catalog_history history(void)
{
    struct catalog_history h = {0};

    OK(catalog_history(c, "h", "d", "n", &h, &err));
    return h;
}

static void history_of_failures(void **state)
{
    struct catalog_history h;
    int64_t id;

    (void)state;
    end_job(add_job(c, "d", "n", 50), 60, OUTCOME_FAILED, ERR_IO);
    end_job(add_job(c, "d", "n", 100), 110, OUTCOME_FAILED, ERR_TIMEOUT);
    h = history();
    assert_int_equal(h.last_due, 100);
    assert_true(h.has_attempt);
    assert_true(h.failed);
    assert_int_equal(h.error, ERR_TIMEOUT);
    assert_int_equal(h.last_end, 110);
    assert_int_equal(h.failures, 1);
    assert_int_equal(h.last_level, LEVEL_INCREMENTAL);

    /* A retry, for the same due time; what was decided does not change what was asked for. */
    id = add_job(c, "d", "n", 100);
    h = history();
    assert_false(h.has_attempt);
    assert_false(h.failed);
    assert_int_equal(h.failures, 1);
    OK(catalog_job_start(c, id, 120, LEVEL_FULL, "tracking lost", NULL, &err));
    assert_false(history().has_attempt);
    end_job(id, 130, OUTCOME_FAILED, ERR_CORRUPT);
    h = history();
    assert_true(h.has_attempt);
    assert_false(h.failed); /* will not pass by itself */
    assert_int_equal(h.failures, 2);
    assert_int_equal(h.last_end, 130);
    assert_int_equal(h.last_level, LEVEL_INCREMENTAL);
}

static void history_of_other_ends(void **state)
{
    struct job prune = {.kind = "prune",
                        .host = (char *)"h",
                        .domain = (char *)"d",
                        .policy = (char *)"n",
                        .repository = (char *)"main",
                        .due = 900};
    struct catalog_history h;

    (void)state;
    end_job(add_job(c, "d", "n", 100), 110, OUTCOME_ABORTED, ERR_TIMEOUT);
    h = history();
    assert_true(h.has_attempt);
    assert_false(h.failed);
    assert_int_equal(h.failures, 0);
    end_job(add_job(c, "d", "n", 200), 210, OUTCOME_SKIPPED, ERR_NONE);
    h = history();
    assert_int_equal(h.last_due, 200);
    assert_true(h.has_attempt);
    assert_false(h.failed);
    /* Neither jobs asked for by hand count, nor prunes, nor anybody else's. */
    end_job(add_job(c, "d", "n", 0), 300, OUTCOME_FAILED, ERR_IO);
    end_job(add_job(c, "d", "m", 400), 410, OUTCOME_FAILED, ERR_IO);
    end_job(add_job(c, "e", "n", 500), 510, OUTCOME_FAILED, ERR_IO);
    OK(catalog_job_add(c, &prune, &err));
    h = history();
    assert_int_equal(h.last_due, 200);
    assert_false(h.failed);
    /* The one made last counts, whatever its time: a clock may have been set back. */
    end_job(add_job(c, "d", "n", 150), 610, OUTCOME_FAILED, ERR_IO);
    assert_int_equal(history().last_due, 150);
    assert_true(history().failed);
    end_job(add_job(c, "d", "n", 700), 710, OUTCOME_SUCCESS, ERR_NONE);
    h = history();
    assert_int_equal(h.last_due, 700);
    assert_false(h.failed);
    assert_int_equal(h.failures, 0);
}

static void due_times(void **state)
{
    static const int64_t dues[] = {100, 200, 2000, 150, 150, 0, 300};
    struct due_list l = {0};
    int64_t before;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(dues); i++) {
        struct job j = {.kind = JOB_BACKUP,
                        .guest = true,
                        .host = (char *)"h",
                        .domain = (char *)"d",
                        .policy = (char *)"n",
                        .repository = (char *)"main",
                        .due = dues[i],
                        .created = 1000 + (int64_t)i,
                        .uptime = 10 + (int64_t)i,
                        .boot = "b1"};

        OK(catalog_job_add(c, &j, &err));
        end_job(j.id, 1000, OUTCOME_SUCCESS, ERR_NONE);
    }
    assert_int_equal(history().last_due, 300);
    assert_int_equal(history().last_created, 1006);
    assert_int_equal(history().last_uptime, 16);
    assert_string_equal(history().last_boot, "b1");
    OK(catalog_due_before(c, "h", "d", "n", 1000, &before, &err));
    assert_int_equal(before, 300);
    OK(catalog_due_before(c, "h", "d", "n", 99, &before, &err));
    assert_int_equal(before, 0);
    OK(catalog_dues_after(c, "h", "d", "n", 150, &l, &err));
    assert_int_equal(l.n, 3);
    assert_int_equal(l.items[0], 200);
    assert_int_equal(l.items[1], 300);
    assert_int_equal(l.items[2], 2000);
    due_list_done(&l);
}

static void seen(void **state)
{
    struct seen_list l = {0};

    (void)state;
    OK(catalog_seen_put(c, "domain", "h/d", "running", NULL, NULL, 1, &err));
    OK(catalog_seen_put(c, "domain", "h/a", "unreachable", "no socket", NULL, 2, &err));
    OK(catalog_seen_put(c, "repository", "main", "ok", NULL, NULL, 3, &err));
    OK(catalog_seen_put(c, "domain", "h/d", "shut off", "it's off", NULL, 4, &err));
    OK(catalog_seen(c, "domain", &l, &err));
    assert_int_equal(l.n, 2);
    assert_string_equal(l.items[0].name, "h/a");
    assert_string_equal(l.items[0].problem, "no socket");
    assert_string_equal(l.items[1].name, "h/d");
    assert_string_equal(l.items[1].kind, "domain");
    assert_string_equal(l.items[1].state, "shut off");
    assert_string_equal(l.items[1].problem, "it's off");
    assert_int_equal(l.items[1].at, 4);
    seen_list_done(&l);
    OK(catalog_seen_put(c, "domain", "h/d", "running", NULL, NULL, 5, &err));
    OK(catalog_seen(c, "domain", &l, &err));
    assert_null(l.items[1].problem);
    assert_null(l.items[1].uuid);
    seen_list_done(&l);
    OK(catalog_seen_uuid(c, "h/d", "1-2", &err));
    OK(catalog_seen_put(c, "domain", "h/d", "shut off", NULL, NULL, 6, &err));
    OK(catalog_seen(c, "domain", &l, &err));
    assert_null(l.items[0].uuid);
    assert_string_equal(l.items[1].uuid, "1-2"); /* of when it ran last */
    seen_list_done(&l);
    OK(catalog_seen_uuid(c, "h/d", NULL, &err));
    OK(catalog_seen(c, "domain", &l, &err));
    assert_null(l.items[1].uuid);
    seen_list_done(&l);
}

/* Decisions ask the catalog all the time: each of these questions goes to the rows it is about. */
static void fast_questions(void **state)
{
    static const struct {
        enum db_stmt stmt;
        const char *plan;
    } asked[] = {
        {ST_HISTORY, "SEARCH j USING INDEX job_of (host=? AND domain=? AND policy=?"},
        {ST_DUE_BEFORE, "INDEX job_due (host=? AND domain=? AND policy=? AND kind=? AND due"},
        {ST_DUES_AFTER, "INDEX job_due (host=? AND domain=? AND policy=? AND kind=? AND due"},
        {ST_JOB_GET, "SEARCH job USING INTEGER PRIMARY KEY"},
        {ST_JOB_LIST_OF, "COVERING INDEX job_of (host=? AND domain=?"},
        {ST_JOB_LAST_BACKUP, "INDEX job_of (host=? AND domain=? AND policy=? AND kind=?"},
        {ST_JOB_LIST_OPEN, "INDEX job_open"},
        {ST_JOB_EXPIRE, "SEARCH job USING INDEX job_ended (ended>? AND ended<?)"},
        {ST_JOB_EXPIRE_TO, "SEARCH job USING INDEX job_ended (ended>? AND ended<?)"},
        {ST_POINT_OF_TIME, "SEARCH point USING INDEX point_created (created=?)"},
        {ST_JOB_STEP, "SEARCH job USING INTEGER PRIMARY KEY"},
        {ST_POINT_LAST_GOOD, "SEARCH point USING INDEX point_of (host=? AND domain=?"},
        {ST_POINT_LIST_OF, "SEARCH point USING INDEX point_of (host=? AND domain=?"},
        {ST_POINT_LIST_IN, "SEARCH point USING INDEX point_in (repository=?"},
        {ST_POINT_NEEDED, "INDEX point_disk_backing (backing=?)"},
        {ST_POINT_DISK_LIST, "SEARCH point_disk USING PRIMARY KEY (point=?)"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
        CLEANUP_FREE char *q = xasprintf("EXPLAIN QUERY PLAN %s", db_sql[asked[i].stmt]);
        sqlite3_stmt *st = NULL;
        bool found = false;

        assert_int_equal(sqlite3_prepare_v2(c->db.h, q, -1, &st, NULL), SQLITE_OK);
        while (sqlite3_step(st) == SQLITE_ROW)
            found = found || strstr((const char *)sqlite3_column_text(st, 3), asked[i].plan);
        sqlite3_finalize(st);
        if (!found)
            fail_msg("not by '%s': %s", asked[i].plan, db_sql[asked[i].stmt]);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* ---- backups begun by hand, and checkpoints that are kept ---- */

static struct job by_hand(const char *domain)
{
    return (struct job){.kind = JOB_BACKUP_BEGIN,
                        .guest = true,
                        .host = (char *)"h",
                        .domain = (char *)domain,
                        .policy = (char *)"",
                        .repository = (char *)"",
                        .level = LEVEL_INCREMENTAL,
                        .step = (char *)"beginning",
                        .why = (char *)"begun by hand",
                        .started = 100,
                        .document = (char *)"<domainbackup mode='pull'/>",
                        .reuse_external = true,
                        .plan = {.mode = MODE_PULL}};
}

static struct checkpoint_disk one_disk[] = {{.name = (char *)"vda", .capacity = 4096}};

static struct checkpoint named(const char *domain, const char *name)
{
    return (struct checkpoint){.name = (char *)name,
                               .host = (char *)"h",
                               .domain = (char *)domain,
                               .description = (char *)"a note",
                               .created = 100,
                               .disks = {one_disk, 1, 1}};
}

static void begun_by_hand(void **state)
{
    struct job j = by_hand("d"), last = {0};
    struct checkpoint k = named("d", "mine");
    bool found = true;
    int64_t next;

    (void)state;
    OK(catalog_last_ended(c, "h", "d", &last, &found, &err));
    assert_false(found);
    OK(catalog_next_job(c, &next, &err));
    OK(catalog_job_add(c, &j, &err));
    assert_int_equal(j.id, next);
    OK(catalog_job_begin(c, &j, &k, &err));
    FAILS(ERR_INVALID, "is running, not queued", catalog_job_begin(c, &j, NULL, &err));
    last = get_job(c, j.id);
    assert_string_equal(last.kind, JOB_BACKUP_BEGIN);
    assert_int_equal(last.state, JOB_RUNNING);
    assert_int_equal(last.plan.mode, MODE_PULL);
    assert_string_equal(last.plan.checkpoint, "mine");
    assert_string_equal(last.document, "<domainbackup mode='pull'/>");
    assert_true(last.reuse_external);
    job_done(&last);

    /* One backup of a domain at a time, of whichever kind. */
    k.name = (char *)"other";
    OK(catalog_job_add(c, &j, &err));
    FAILS(ERR_BUSY, "another backup", catalog_job_begin(c, &j, &k, &err));
    assert_checkpoints("d", "mine provisional");
    OK(catalog_job_remove(c, j.id, &err));
    j.id = next;
    j.bytes_done = 10;
    j.bytes_total = 20;
    j.temp_used = 3;
    j.temp_total = 4;
    j.elapsed_ms = 1234;
    OK(catalog_job_progress(c, &j, &err));
    OK(catalog_job_end(c, next, 200, OUTCOME_SUCCESS, ERR_NONE, "ended on request", &err));
    OK(catalog_last_ended(c, "h", "d", &last, &found, &err));
    assert_true(found);
    assert_int_equal(last.id, next);
    assert_int_equal(last.bytes_total, 20);
    assert_int_equal(last.temp_used, 3);
    assert_int_equal(last.temp_total, 4);
    assert_int_equal(last.elapsed_ms, 1234);
    job_done(&last);
    assert_checkpoints("d", "mine kept");
}

/* Refused, or found at a start: nothing was done under it, but its number was seen. */
static void one_that_has_not_begun_goes(void **state)
{
    struct job j = by_hand("d");
    struct job_list rows = {0};
    int64_t number, next;

    (void)state;
    OK(catalog_job_add(c, &j, &err));
    number = j.id;
    OK(catalog_job_remove(c, number, &err));
    OK(catalog_jobs(c, &(struct job_filter){0}, &rows, &err));
    assert_int_equal(rows.n, 0);
    FAILS(ERR_NOTFOUND, "not in the catalog", catalog_job_remove(c, number, &err));
    OK(catalog_next_job(c, &next, &err));
    assert_int_equal(next, number + 1);
    OK(catalog_job_add(c, &j, &err));
    OK(catalog_job_begin(c, &j, NULL, &err));
    FAILS(ERR_INVALID, "is running, not queued", catalog_job_remove(c, j.id, &err));
    OK(catalog_job_end(c, j.id, 200, OUTCOME_FAILED, ERR_IO, "so", &err));
    FAILS(ERR_INVALID, "is ended, not queued", catalog_job_remove(c, j.id, &err));
}

static void a_bad_end_keeps_no_checkpoint(void **state)
{
    struct job j = by_hand("d");
    struct checkpoint k = named("d", "mine");

    (void)state;
    OK(catalog_job_add(c, &j, &err));
    OK(catalog_job_begin(c, &j, &k, &err));
    OK(catalog_job_end(c, j.id, 200, OUTCOME_FAILED, ERR_NOSPACE, "full", &err));
    assert_checkpoints("d", "mine dropping");
}

static void names_are_of_their_domain(void **state)
{
    struct checkpoint a = named("a", "same"), b = named("b", "same");

    (void)state;
    OK(catalog_checkpoint_add(c, &a, &err));
    OK(catalog_checkpoint_add(c, &b, &err));
    FAILS(ERR_EXISTS, "'same' already", catalog_checkpoint_add(c, &a, &err));
    OK(catalog_checkpoint_keep(c, "h", "a", "same", &err));
    FAILS(ERR_NOTFOUND, "same", catalog_checkpoint_keep(c, "h", "a", "same", &err));
    OK(catalog_checkpoint_drop_orphans(c, &err));
    assert_checkpoints("a", "same kept");
    assert_checkpoints("b", "same dropping");
    OK(catalog_checkpoint_delete(c, "h", "b", "same", &err));
    assert_checkpoints("a", "same kept");
    assert_checkpoints("b", "");
}

static const char *parent_of(struct checkpoint_list *l, const char *name)
{
    const struct checkpoint *k = checkpoint_list_find(l, name);

    assert_non_null(k);
    assert_int_equal(k->disks.n, 1);
    assert_string_equal(k->disks.items[0].name, "vda");
    assert_string_equal(k->description, "a note");
    return k->parent ? k->parent : "none";
}

static void children_go_to_the_grandparent(void **state)
{
    static const char *const names[] = {"one", "two", "three"};
    struct checkpoint_list l = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct checkpoint k = named("d", names[i]);

        OK(catalog_checkpoint_add(c, &k, &err));
        OK(catalog_checkpoint_keep(c, "h", "d", names[i], &err));
    }
    OK(catalog_checkpoints(c, "h", "d", &l, &err));
    assert_string_equal(parent_of(&l, "one"), "none");
    assert_string_equal(parent_of(&l, "three"), "two");
    checkpoint_list_done(&l);
    OK(catalog_checkpoint_delete(c, "h", "d", "two", &err));
    OK(catalog_checkpoints(c, "h", "d", &l, &err));
    assert_string_equal(parent_of(&l, "three"), "one");
    checkpoint_list_done(&l);
    OK(catalog_checkpoint_delete(c, "h", "d", "one", &err));
    OK(catalog_checkpoints(c, "h", "d", &l, &err));
    assert_string_equal(parent_of(&l, "three"), "none");
    checkpoint_list_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(plan_says_who_made_it),
        TEST(job_life),
        TEST(begun_by_hand),
        TEST(one_that_has_not_begun_goes),
        TEST(a_bad_end_keeps_no_checkpoint),
        TEST(names_are_of_their_domain),
        TEST(children_go_to_the_grandparent),
        TEST(job_added_ended),
        TEST(job_wrong_states),
        TEST(one_backup_a_domain),
        TEST(start_is_whole_or_nothing),
        TEST(job_filters),
        TEST(job_expiry),
        TEST(expiry_in_steps),
        TEST(expiry_costs_its_rows),
        TEST(expiry_costs_its_rows_within_a_second),
        TEST(publishing),
        TEST(publish_refused),
        TEST(no_way_back_for_checkpoints),
        TEST(planned_checkpoint_unused),
        TEST(point_added_by_itself),
        TEST(point_filters),
        TEST(last_good),
        TEST(publishing_is_remembered),
        TEST(point_deletion),
        TEST(constraints),
        TEST(coverage),
        TEST(coverage_gone),
        TEST(one_that_is_gone_is_known_by_its_uuid),
        TEST(a_chain_knows_whose_it_is),
        TEST(seen_forgotten),
        TEST(at_host),
        TEST(history_of_failures),
        TEST(history_of_other_ends),
        TEST(due_times),
        TEST(seen),
        TEST(fast_questions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
