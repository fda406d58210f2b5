/* SPDX-License-Identifier: MIT
 *
 * Points that the catalog does not know: whose they are. */
#include "tests/unit/catalog_support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "storage/repository/catalog_copies.h"
#include "storage/repository/manifest.h"
#include "storage/repository/owner.h"
#include "storage/repository/repository_priv.h"
#include "storage/repository/unknown.h"

static const struct unknown_asker us = {"a59d85fc", "/var/lib/vmkeep/catalog.db"};

/* A point of the domain, made by that catalog; its id, which the caller frees. */
static char *put_point(const struct scratch *s, const char *domain, const char *catalog)
{
    CLEANUP(point_done) struct point p = sample_point("x", domain, "n", 100, NULL, "cp 1");
    CLEANUP_FREE char *dir = NULL, *file = NULL, *text = NULL;

    free(p.id);
    p.catalog = xstrdup(catalog);
    p.job = catalog ? 7 : 0;
    free(p.checkpoint);
    p.checkpoint = xstrdup("vmkeep-cp");
    p.id = point_id_make(&p);
    dir = xasprintf("%s/%s", s->dir, p.id);
    file = xasprintf("%s/point.json", dir);
    text = manifest_write(&p);
    OK(mkdir_all(dir, 0755, &err));
    OK(write_file_durably(file, text, strlen(text), 0600, &err));
    return xstrdup(p.id);
}

static void own(const struct scratch *s, const char *id, const char *catalog, const char *path)
{
    CLEANUP(owner_done) struct owner o = {0};
    CLEANUP_CLOSE int dir = -1;

    owner_here(catalog, path, &o);
    OK(find_domain_dir(s->dir, id, &dir, &err));
    OK(owner_take_over(dir, id, &o, 100, &err));
}

static struct unknown examine(const struct scratch *s, char **ids, size_t n)
{
    struct strlist list = {.items = ids, .n = n};
    struct unknown ret = {0};

    OK(unknown_examine(s->dir, &us, &list, &ret, &err));
    return ret;
}

static void whose(void **state)
{
    struct scratch *s = *state;
    char *ids[] = {
        put_point(s, "ours", "a59d85fc"),   put_point(s, "older", NULL),
        put_point(s, "stray", "0badcafe"),  put_point(s, "former", "0badcafe"),
        put_point(s, "others", "0badcafe"), put_point(s, "adopted", "0badcafe"),
    };
    static const struct {
        enum unknown_whose whose;
        const char *catalog;
        size_t id;
    } want[] = {{UNKNOWN_OURS, "a59d85fc", 0},
                {UNKNOWN_OURS, NULL, 1},
                {UNKNOWN_STRAY, "0badcafe", 2},
                {UNKNOWN_FORMER, "0badcafe", 3},
                {UNKNOWN_OURS, "a59d85fc", 5}};
    struct unknown u;

    own(s, ids[3], "0badcafe", us.path);
    own(s, ids[4], "0badcafe", "/elsewhere/catalog.db");
    own(s, ids[5], us.id, us.path);
    u = examine(s, ids, ARRAY_LEN(ids));
    assert_int_equal(u.points.n, ARRAY_LEN(want));
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_int_equal(u.points.items[i].whose, want[i].whose);
        assert_string_equal(u.points.items[i].id, ids[want[i].id]);
        assert_string_equal(u.points.items[i].checkpoint, "vmkeep-cp");
        if (want[i].catalog)
            assert_string_equal(u.points.items[i].catalog, want[i].catalog);
        else
            assert_null(u.points.items[i].catalog);
    }
    assert_int_equal(u.last_job, 0);
    unknown_done(&u);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        free(ids[i]);
}

static void copies_tell(void **state)
{
    struct scratch *s = *state;
    CLEANUP_FREE char *file = xasprintf("%s/copy", s->dir);
    struct unknown u;

    OK(write_file_durably(file, "x", 1, 0600, &err));
    OK(catalog_copies_put(s->dir, file, us.id, 41, &err));
    OK(catalog_copies_put(s->dir, file, "0badcafe", 900, &err));
    u = examine(s, NULL, 0);
    assert_int_equal(u.last_job, 41);
    unknown_done(&u);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(whose), TEST(copies_tell)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
