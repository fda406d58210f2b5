/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "storage/store/scratch.h"
#include "storage/store/store.h"
#include "tests/integration/repo_support.h"

static const struct store_finish AS_IT_IS = {0};

static struct store *store;
static char scratch_dir[128];
static struct store_scratch scratch = {.dir = scratch_dir, .tag = "abc-1"};

static int setup(void **state)
{
    repo_setup(state);
    snprintf(scratch_dir, sizeof(scratch_dir), "%s/scratch", repo_tmp);
    store = store_new(EV_DEFAULT, repo_path, AS->self);
    return 0;
}

static int teardown(void **state)
{
    store->ops->free(store);
    return repo_teardown(state);
}

struct end {
    int done;
    struct err err;
};

static void on_done(void *ctx, const struct err *err)
{
    struct end *e = ctx;

    e->done++;
    e->err = err ? *err : ERR_INIT;
}

/* Runs the loop until the operation has ended, once, and not before the loop ran. */
#define END(start, want)                                                                           \
    do {                                                                                           \
        struct end end = {0};                                                                      \
        struct err err = ERR_INIT;                                                                 \
        assert_non_null(start);                                                                    \
        assert_int_equal(end.done, 0);                                                             \
        ev_run(EV_DEFAULT, 0);                                                                     \
        assert_int_equal(end.done, 1);                                                             \
        if (end.err.code != (want))                                                                \
            fail_msg("%s: %s, not %s", end.err.msg, err_code_name(end.err.code),                   \
                     err_code_name(want));                                                         \
    } while (0)

static bool scratch_is_there(void)
{
    CLEANUP_FREE char *path = scratch_path(scratch.dir, scratch.tag);

    return access(path, F_OK) == 0;
}

#define THEN on_done, &end, &err

static void from_nothing_to_a_point_and_back(void **state)
{
    CLEANUP(point_done) struct point plan = plan_make(0, NULL);
    CLEANUP(point_done) struct point p = {0};
    CLEANUP_FREE char *image = NULL;
    struct store_space space = {0};

    (void)state;
    END(store->ops->probe(store, true, NULL, &space, THEN), ERR_NONE);
    assert_true(space.free > 0 && space.free <= space.total);
    assert_int_equal(strlen(space.id), 16);
    END(store->ops->prepare(store, &plan, ORIGIN("domain.xml", "<domain/>"), &scratch, THEN),
        ERR_NONE);
    assert_true(scratch_is_there());
    END(store->ops->probe(store, true, scratch.dir, &space, THEN), ERR_NONE);
    assert_true(space.scratch < UINT64_MAX);
    END(store->ops->probe(store, true, "/nowhere", &space, THEN), ERR_NONE);
    assert_true(space.scratch == UINT64_MAX);
    image = store->ops->target(store, &plan, 1);
    image_write(image, 0, 1 << 20, 0x77);
    END(store->ops->publish(store, &plan, &scratch, &AS_IT_IS, &p, THEN), ERR_NONE);
    assert_string_equal(p.id, plan.id);
    assert_false(scratch_is_there());
    assert_true(p.disks.items[1].bytes > 1 << 20);
    assert_non_null(p.disks.items[1].content);
    END(store->ops->check_chain(store, plan.id, THEN), ERR_NONE);
    END(store->ops->remove(store, plan.id, THEN), ERR_NONE);
    END(store->ops->remove(store, plan.id, THEN), ERR_NONE);
    END(store->ops->check_chain(store, plan.id, THEN), ERR_NOTFOUND);
}

/* Another disk under the same path: nothing of it is read or written. */
static void another_repository(void **state)
{
    CLEANUP(point_done) struct point plan = plan_make(0, NULL);
    CLEANUP(point_done) struct point p = {0};
    struct store_space space = {0};

    (void)state;
    END(store->ops->probe(store, true, NULL, &space, THEN), ERR_NONE);
    strcpy(store->id, space.id);
    END(store->ops->prepare(store, &plan, NULL, &scratch, THEN), ERR_NONE);
    put("repository.json", "{\"format\": 1, \"id\": \"00000000000000aa\"}");
    END(store->ops->probe(store, true, NULL, &space, THEN), ERR_NOTFOUND);
    END(store->ops->check_chain(store, plan.id, THEN), ERR_NOTFOUND);
    END(store->ops->publish(store, &plan, &scratch, &AS_IT_IS, &p, THEN), ERR_NOTFOUND);
    END(store->ops->discard(store, &plan, MADE_PARTIAL, &scratch, THEN), ERR_NOTFOUND);
    END(store->ops->remove(store, plan.id, THEN), ERR_NOTFOUND);
    store->id[0] = '\0';
    END(store->ops->publish(store, &plan, &scratch, &AS_IT_IS, &p, THEN), ERR_NONE);
    strcpy(store->id, "00000000000000bb");
    END(store->ops->remove(store, plan.id, THEN), ERR_NOTFOUND);
    strcpy(store->id, "00000000000000aa");
    END(store->ops->remove(store, plan.id, THEN), ERR_NONE);
}

/* Only what is named like an older job of this catalog, and is none that runs. */
static void sweeping_scratch(void **state)
{
    static const char *const names[] = {"abc-1", "abc-2", "abc-1x", "abc-notes",
                                        "abc-",  "def-1", "abc-8"};
    CLEANUP(strlist_done) struct strlist keep = {0};

    (void)state;
    WORKS(mkdir_all(scratch_dir, 0700, err));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP_FREE char *path = scratch_path(scratch_dir, names[i]);

        assert_int_equal(mkdir(path, 0700), 0);
    }
    strlist_add(&keep, "abc-2");
    WORKS(scratch_sweep(scratch_dir, "abc-", 8, &keep, err));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP_FREE char *path = scratch_path(scratch_dir, names[i]);

        if (path_exists(path) != (i > 0))
            fail_msg("%s is %s", names[i], i > 0 ? "gone" : "there");
        rmdir(path);
    }
}

/* A trial's file goes; one of that name that holds something is somebody's. */
static void sweeping_trials(void **state)
{
    CLEANUP_FREE char *empty = scratch_path(scratch_dir, TRIAL_NAME "abc-1");
    CLEANUP_FREE char *full = scratch_path(scratch_dir, TRIAL_NAME "abc-2");
    CLEANUP_FREE char *other = scratch_path(scratch_dir, TRIAL_NAME "def-1");
    const struct strlist none = {0};

    (void)state;
    WORKS(mkdir_all(scratch_dir, 0700, err));
    WORKS(write_file_durably(empty, "", 0, 0600, err));
    WORKS(write_file_durably(full, "x", 1, 0600, err));
    WORKS(write_file_durably(other, "", 0, 0600, err));
    assert_int_equal(
        scratch_sweep(scratch_dir, TRIAL_NAME "abc-", INT64_MAX, &none, &(struct err){0}), -1);
    assert_false(path_exists(empty));
    assert_true(path_exists(full));
    assert_true(path_exists(other));
    unlink(full);
    unlink(other);
}

static void errors_come_through(void **state)
{
    CLEANUP(point_done) struct point plan = plan_make(0, NULL);
    CLEANUP(point_done) struct point p = {0};
    struct store *none = store_new(EV_DEFAULT, "/nonexistent", AS->self);
    struct store_space space;

    (void)state;
    END(none->ops->probe(none, true, NULL, &space, THEN), ERR_NOTFOUND);
    none->ops->free(none);
    END(store->ops->publish(store, &plan, &scratch, &AS_IT_IS, &p, THEN), ERR_NOTFOUND);
    assert_null(p.id);
    END(store->ops->remove(store, "../x", THEN), ERR_INVALID);
    END(store->ops->prepare(store, &plan, NULL, &scratch, THEN), ERR_NONE);
    END(store->ops->publish(store, &plan, &scratch, &AS_IT_IS, &p, THEN), ERR_NONE);
    END(store->ops->prepare(store, &plan, NULL, &scratch, THEN), ERR_EXISTS);
}

/* What was lent for the start may go as soon as it has returned. */
static void arguments_are_lent_for_the_start_only(void **state)
{
    struct point plan = plan_make(0, NULL);
    char *id = xstrdup(plan.id), definition[] = "<domain/>";
    CLEANUP_FREE char *file = repository_image(repo_path, id, "domain.xml", true);
    CLEANUP_FREE char *text = NULL;
    struct end end = {0};
    struct err err = ERR_INIT;

    (void)state;
    assert_non_null(
        store->ops->prepare(store, &plan, ORIGIN("domain.xml", definition), &scratch, THEN));
    point_done(&plan);
    memset(definition, 'x', sizeof(definition));
    ev_run(EV_DEFAULT, 0);
    assert_int_equal(end.err.code, ERR_NONE);
    assert_int_equal(read_file(file, 100, &text, NULL, &err), 0);
    assert_string_equal(text, "<domain/>");
    free(id);
}

/* A repository that hangs (its marker is a FIFO that nobody writes) does not hold up a cancel. */
static void canceling_what_hangs(void **state)
{
    CLEANUP_FREE char *marker = xasprintf("%s/repository.json", repo_path);
    struct store_space space;
    struct end end = {0};
    struct err err = ERR_INIT;
    struct op *op;

    (void)state;
    unlink(marker);
    assert_int_equal(mkfifo(marker, 0600), 0);
    op = store->ops->probe(store, true, NULL, &space, THEN);
    assert_non_null(op);
    op_cancel(op);
    assert_int_equal(end.done, 0);
    ev_run(EV_DEFAULT, 0);
    assert_int_equal(end.done, 1);
    assert_int_equal(end.err.code, ERR_CANCELED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(from_nothing_to_a_point_and_back),
        TEST(another_repository),
        TEST(sweeping_scratch),
        TEST(sweeping_trials),
        TEST(errors_come_through),
        TEST(arguments_are_lent_for_the_start_only),
        TEST(canceling_what_hangs),
    };

    ev_default_loop(0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
