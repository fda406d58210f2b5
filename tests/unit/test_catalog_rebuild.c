/* SPDX-License-Identifier: MIT
 *
 * Copies of the catalog in a repository, and a catalog that is made anew. */
#include "tests/unit/catalog_support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "storage/repository/catalog_copies.h"
#include "storage/repository/manifest.h"
#include "storage/repository/owner.h"
#include "storage/rebuild/rebuild.h"
#include "storage/repository/repository.h"

#define OTHER "0badcafe"

static char *repo_path(const struct scratch *s)
{
    return xasprintf("%s/repo", s->dir);
}

static void make_repo(const struct scratch *s)
{
    CLEANUP_FREE char *path = repo_path(s);

    assert_int_equal(mkdir(path, 0755), 0);
    OK(repository_open(path, true, &err));
}

/* As the repository has it: a directory with its manifest. */
static void put_point(const struct scratch *s, const struct point *p)
{
    CLEANUP_FREE char *dir = xasprintf("%s/repo/%s", s->dir, p->id);
    CLEANUP_FREE char *file = xasprintf("%s/point.json", dir);
    CLEANUP_FREE char *text = manifest_write(p);

    OK(mkdir_all(dir, 0755, &err));
    OK(write_file_durably(file, text, strlen(text), 0600, &err));
}

static struct point make_point(const char *domain, int64_t created, const char *catalog,
                               int64_t job, const struct point *parent)
{
    CLEANUP_FREE char *checkpoint =
        catalog ? xasprintf("vmkeep-%s-%lld", catalog, (long long)job) : xstrdup("cp");
    struct point p =
        sample_point("x", domain, "n", created, parent ? parent->id : NULL, checkpoint);

    p.catalog = xstrdup(catalog);
    p.job = job;
    free(p.id);
    p.id = point_id_make(&p);
    return p;
}

/* A backup by c: in the catalog and in the repository. */
static struct point made(const struct scratch *s, struct catalog *c, const char *domain,
                         int64_t created, const struct point *parent)
{
    int64_t id = add_job(c, domain, "n", created);
    struct point p = make_point(domain, created, catalog_id(c), id, parent);

    OK(catalog_job_start(c, id, created, p.level, p.why, &p, &err));
    put_point(s, &p);
    OK(catalog_publish(c, id, created + 10, &p, ERR_NONE, "done", &err));
    return p;
}

static void put_copy(const struct scratch *s, struct catalog *c)
{
    CLEANUP_FREE char *copy = xasprintf("%s.copy", s->path), *repo = repo_path(s);
    struct catalog_copy *going = NULL;
    int64_t next = 0;
    bool done = false;

    OK(catalog_copy_start(c, copy, &going, &err));
    OK(catalog_copy_step(going, -1, &done, &err));
    catalog_copy_free(going);
    OK(catalog_next_job(c, &next, &err));
    OK(catalog_copies_put(repo, copy, catalog_id(c), next - 1, &err));
}

/* The points as `points` prints them. Caller frees. */
static char *points_text(struct catalog *c)
{
    const struct point_filter all = {0};
    struct point_list l = {0};
    char *ret = xstrdup("");

    OK(catalog_points(c, &all, &l, &err));
    for (size_t i = 0; i < l.n; i++) {
        CLEANUP_FREE char *old = ret, *text = manifest_write(&l.items[i]);

        ret = xasprintf("%s%s %s\n", old, text, point_state_name(l.items[i].state));
    }
    point_list_done(&l);
    return ret;
}

static void remove_catalog(const struct scratch *s)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};

    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        CLEANUP_FREE char *name = xasprintf("%s%s", s->path, suffixes[i]);

        unlink(name);
    }
}

static int try_rebuild(const struct scratch *s, const char *id, struct rebuild **ret,
                       struct err *err)
{
    CLEANUP_FREE char *repo = repo_path(s);
    struct rebuild *r = NULL;
    int rc = -1;

    if (rebuild_new(s->path, true, &r, err) == 0 && rebuild_add(r, "main", repo, err) == 0 &&
        rebuild_choose(r, id, err) == 0)
        rc = rebuild_make(r, 1000000, err);
    if (rc == 0 && ret)
        *ret = r;
    else
        rebuild_free(r);
    return rc;
}

static struct catalog *rebuilt(const struct scratch *s)
{
    OK(try_rebuild(s, NULL, NULL, &err));
    return open_writer(s);
}

static void assert_points(struct catalog *c, const char *want)
{
    CLEANUP_FREE char *got = points_text(c);

    assert_string_equal(got, want);
}

/* ---- from manifests alone ---- */

static void from_manifests(void **state)
{
    struct scratch *s = *state;
    CLEANUP_FREE char *want = NULL, *checkpoints = NULL, *expected = NULL;
    struct catalog *c = open_writer(s);
    char id[9];

    make_repo(s);
    {
        CLEANUP(point_done) struct point a = made(s, c, "d", 100, NULL);
        CLEANUP(point_done) struct point b = made(s, c, "d", 200, &a);
        CLEANUP(point_done) struct point e = made(s, c, "e", 150, NULL);

        expected = xasprintf("%s current", b.checkpoint);
    }
    want = points_text(c);
    snprintf(id, sizeof(id), "%s", catalog_id(c));
    catalog_close(c);
    remove_catalog(s);
    c = rebuilt(s);
    assert_string_equal(catalog_id(c), id);
    assert_points(c, want);
    checkpoints = checkpoints_text(c, "d");
    assert_string_equal(checkpoints, expected);
    assert_int_equal(add_job(c, "d", "n", 0), 4);
    catalog_close(c);
}

static void nothing_there(void **state)
{
    struct scratch *s = *state;
    struct catalog *c;

    make_repo(s);
    c = rebuilt(s);
    assert_int_equal(strlen(catalog_id(c)), 8);
    assert_points(c, "");
    catalog_close(c);
}

/* What a read has found is known still, and so is what stands on it; what a look at its files has
 * found is not: they are looked at anew. */
static void what_was_damaged(void **state)
{
    struct scratch *s = *state;
    const struct point_filter all = {0};
    CLEANUP(point_list_done) struct point_list l = {0};
    struct catalog *c;

    make_repo(s);
    c = open_writer(s);
    {
        CLEANUP(point_done) struct point a = made(s, c, "d", 100, NULL);
        CLEANUP(point_done) struct point b = made(s, c, "d", 200, &a);
        CLEANUP(point_done) struct point e = made(s, c, "e", 300, NULL);

        OK(catalog_point_set_damage(c, a.id, "disk vda: bytes 0..65536", &err));
        OK(catalog_point_set_state(c, e.id, POINT_DAMAGED, "its file is shorter", &err));
    }
    catalog_close(c);
    c = rebuilt(s);
    OK(catalog_points(c, &all, &l, &err));
    assert_int_equal(l.n, 3);
    assert_int_equal(l.items[0].state, POINT_DAMAGED);
    assert_string_equal(l.items[0].damage, "disk vda: bytes 0..65536");
    assert_int_equal(l.items[1].state, POINT_DAMAGED);
    assert_non_null(strstr(l.items[1].problem, "which is damaged: disk vda: bytes"));
    assert_int_equal(l.items[2].state, POINT_GOOD);
    assert_null(l.items[2].problem);
    catalog_close(c);
}

/* A point whose parent's directory is gone is not forgotten, and neither is why it is no use. */
static void missing_parent(void **state)
{
    struct scratch *s = *state;
    const struct point_filter all = {0};
    struct point_list l = {0};
    struct rebuild *r = NULL;
    struct catalog *c;

    make_repo(s);
    {
        CLEANUP(point_done) struct point a = make_point("d", 100, OTHER, 1, NULL);
        CLEANUP(point_done) struct point b = make_point("d", 200, OTHER, 2, &a);

        put_point(s, &b);
    }
    OK(try_rebuild(s, NULL, &r, &err));
    assert_int_equal(r->missing.n, 1);
    rebuild_free(r);
    c = open_writer(s);
    OK(catalog_points(c, &all, &l, &err));
    assert_int_equal(l.n, 2);
    assert_int_equal(l.items[0].state, POINT_MISSING);
    assert_non_null(l.items[0].problem);
    assert_int_equal(l.items[1].state, POINT_DAMAGED);
    assert_non_null(strstr(l.items[1].problem, "which is missing: "));
    assert_string_equal(l.items[1].parent, l.items[0].id);
    point_list_done(&l);
    catalog_close(c);
}

/* ---- what only a catalog knew ---- */

static void from_copy(void **state)
{
    struct scratch *s = *state;
    struct catalog *c = open_writer(s);
    CLEANUP_FREE char *want = NULL, *after = NULL;
    struct checkpoint by_hand = {
        .name = (char *)"mine", .host = (char *)"h", .domain = (char *)"d"};
    int64_t open, lost;
    struct job j;

    make_repo(s);
    {
        CLEANUP(point_done) struct point a = made(s, c, "d", 100, NULL);
        CLEANUP(point_done) struct point b = {0};

        OK(catalog_cover(c, "h", "d", "n", 77, &err));
        OK(catalog_point_set_keep(c, a.id, "last: 1", &err));
        OK(catalog_checkpoint_add(c, &by_hand, &err));
        OK(catalog_checkpoint_keep(c, "h", "d", "mine", &err));
        open = add_job(c, "d", "n", 200);
        b = make_point("d", 200, catalog_id(c), open, &a);
        OK(catalog_job_start(c, open, 200, b.level, b.why, &b, &err));
        lost = add_job(c, "e", "n", 210);
        put_copy(s, c);
        /* After the copy: one is published, the other goes down with the catalog. */
        put_point(s, &b);
        OK(catalog_publish(c, open, 260, &b, ERR_NONE, "done", &err));
    }
    want = points_text(c);
    catalog_close(c);
    remove_catalog(s);
    c = rebuilt(s);
    assert_points(c, want);
    j = get_job(c, 1);
    assert_int_equal(j.outcome, OUTCOME_SUCCESS);
    assert_string_equal(j.reason, "done");
    job_done(&j);
    j = get_job(c, open);
    assert_int_equal(j.state, JOB_ENDED);
    assert_int_equal(j.outcome, OUTCOME_SUCCESS);
    assert_string_equal(j.reason, "its point was found when the catalog was rebuilt");
    job_done(&j);
    j = get_job(c, lost);
    assert_int_equal(j.state, JOB_ENDED);
    assert_int_equal(j.outcome, OUTCOME_FAILED);
    job_done(&j);
    after = dump(c->db.h);
    assert_non_null(strstr(after, "last: 1"));
    assert_non_null(strstr(after, "h|d|n|77|"));
    assert_non_null(strstr(after, "mine|h|d||kept"));
    free(after);
    after = checkpoints_text(c, "d");
    assert_non_null(strstr(after, "-2 current")); /* of the point that the copy did not know */
    assert_non_null(strstr(after, "-1 dropping"));
    assert_int_equal(add_job(c, "d", "n", 0), lost + 1);
    catalog_close(c);
}

static void believe(struct catalog *c, int64_t at)
{
    OK(catalog_seen_put(c, "clock", "believed", "5 boot", NULL, NULL, at, &err));
}

/* "name state at, ..." Caller frees. */
static char *clock_text(struct catalog *c)
{
    struct seen_list l = {0};
    char *ret = xstrdup("");

    OK(catalog_seen(c, "clock", &l, &err));
    for (size_t i = 0; i < l.n; i++) {
        CLEANUP_FREE char *old = ret;

        ret = xasprintf("%s%s%s %s %lld", old, *old ? ", " : "", l.items[i].name, l.items[i].state,
                        (long long)l.items[i].at);
    }
    seen_list_done(&l);
    return ret;
}

/* A clock that was in doubt is that after it, and one that has leapt meanwhile is found. */
static void clock_in_doubt(void **state)
{
    struct scratch *s = *state;
    struct catalog *c = open_writer(s);
    CLEANUP_FREE char *all = NULL, *text = NULL;

    make_repo(s);
    {
        CLEANUP(point_done) struct point a = made(s, c, "d", 100, NULL);

        believe(c, 900);
        OK(catalog_seen_put(c, "clock", "hold", "on", "why", NULL, 950, &err));
        OK(catalog_seen_put(c, "host", "h", "ok", NULL, NULL, 950, &err));
        put_copy(s, c);
    }
    catalog_close(c);
    remove_catalog(s);
    c = rebuilt(s);
    text = clock_text(c);
    assert_string_equal(text, "believed 5 boot 900, hold on 950");
    all = dump(c->db.h);
    assert_non_null(strstr(all, "why"));
    assert_null(strstr(all, "host|h"));
    catalog_close(c);
}

/* Of the former file and a copy: whichever was written later, whatever the numbers of their
 * jobs. */
static void clock_of_the_latest(void **state)
{
    struct scratch *s = *state;
    struct catalog *c = open_writer(s);
    CLEANUP_FREE char *copy = NULL, *former = NULL;

    make_repo(s);
    {
        CLEANUP(point_done) struct point a = made(s, c, "d", 100, NULL);
    }
    believe(c, 900);
    put_copy(s, c);
    believe(c, 800);
    OK(catalog_seen_put(c, "clock", "hold", "over", NULL, NULL, 700, &err));
    catalog_close(c);
    c = rebuilt(s);
    copy = clock_text(c);
    assert_string_equal(copy, "believed 5 boot 900, hold over 700");
    believe(c, 990);
    catalog_close(c);
    c = rebuilt(s);
    former = clock_text(c);
    assert_string_equal(former, "believed 5 boot 990, hold over 700");
    catalog_close(c);
}

/* No catalog tells: what the last point is dated, unless that is to come. */
static void clock_of_points(void **state)
{
    struct scratch *s = *state;
    struct catalog *c;
    CLEANUP_FREE char *text = NULL;

    make_repo(s);
    {
        CLEANUP(point_done) struct point a = make_point("d", 100, OTHER, 1, NULL);
        CLEANUP(point_done) struct point b = make_point("d", 300, OTHER, 2, &a);
        CLEANUP(point_done) struct point e = make_point("e", 2000000, OTHER, 3, NULL);

        put_point(s, &a);
        put_point(s, &b);
        put_point(s, &e);
    }
    c = rebuilt(s);
    text = clock_text(c);
    assert_string_equal(text, "believed not known 300");
    catalog_close(c);
}

/* One that was put back has undone a job that had ended well after it was saved, and could not
 * remove what that had made: the point is one all the same, and its checkpoint the chain's last. */
static void undone_in_vain(void **state)
{
    struct scratch *s = *state;
    struct catalog *c = open_writer(s);
    CLEANUP_FREE char *points = NULL, *checkpoints = NULL;

    make_repo(s);
    {
        CLEANUP(point_done) struct point a = made(s, c, "d", 100, NULL);
        CLEANUP(point_done) struct point b = make_point("d", 200, catalog_id(c), 2, NULL);
        CLEANUP(point_done) struct point e = make_point("e", 100, catalog_id(c), 3, NULL);
        CLEANUP(point_done) struct point f = make_point("e", 200, catalog_id(c), 4, &e);
        struct point debris = {0};

        put_point(s, &b);
        put_point(s, &e);
        put_point(s, &f);
        for (int i = 0; i < 2; i++) {
            debris = i ? e : b;
            debris.state = POINT_DELETING;
            debris.disks.n = 0;
            OK(catalog_point_add(c, &debris, &err));
        }
    }
    catalog_close(c);
    c = rebuilt(s);
    points = points_text(c);
    assert_null(strstr(points, "} deleting"));
    assert_non_null(strstr(points, "} good"));
    checkpoints = checkpoints_text(c, "d");
    assert_non_null(strstr(checkpoints, "-2 current"));
    assert_null(strstr(checkpoints, "-1 current"));
    catalog_close(c);
}

/* What retention had given up stays given up, unless something stands on it. */
static void given_up(void **state)
{
    struct scratch *s = *state;
    struct catalog *c = open_writer(s);
    CLEANUP_FREE char *points = NULL;

    make_repo(s);
    {
        CLEANUP(point_done) struct point a = made(s, c, "d", 100, NULL);
        CLEANUP(point_done) struct point b = made(s, c, "e", 100, NULL);
        CLEANUP(point_done) struct point b2 = made(s, c, "e", 200, &b);

        OK(catalog_point_set_state(c, a.id, POINT_DELETING, NULL, &err));
        OK(catalog_point_set_state(c, b.id, POINT_DELETING, NULL, &err));
    }
    catalog_close(c);
    c = rebuilt(s);
    points = points_text(c);
    assert_non_null(strstr(points, "} deleting"));
    assert_null(strstr(strstr(points, "} deleting") + 1, "} deleting"));
    catalog_close(c);
}

/* As a job leaves it that could not clean up. */
static void put_unfinished(const struct scratch *s, const char *domain, const char *catalog,
                           int64_t job, const char *suffix)
{
    CLEANUP(point_done) struct point p = make_point(domain, 500 + job, catalog, job, NULL);
    CLEANUP_FREE char *dir = xasprintf("%s/repo/%s%s", s->dir, p.id, suffix);

    OK(mkdir_all(dir, 0755, &err));
}

/* Who removes what is left of jobs whose rows are gone, if not the catalog that they were of?  A
 * job that is open comes back to its own, and what is somebody else's is his. */
static void debris_is_known(void **state)
{
    for (int copy = 0; copy < 2; copy++) {
        const char *domain = copy ? "e" : "d";
        struct scratch *s = *state;
        struct catalog *c = open_writer(s);
        CLEANUP_FREE char *id = xstrdup(catalog_id(c)), *points = NULL;
        CLEANUP_FREE char *gone = NULL, *open = NULL;

        if (copy == 0)
            make_repo(s);
        {
            CLEANUP(point_done) struct point a = made(s, c, domain, 100, NULL);
            int64_t job = add_job(c, domain, "n", 600);
            CLEANUP(point_done) struct point b = make_point(domain, 500 + job, id, job, NULL);

            OK(catalog_job_start(c, job, 600, b.level, b.why, &b, &err));
            put_unfinished(s, domain, id, job, ".partial");
            open = xasprintf("%s-%lld\"", id, (long long)job);
            gone = xasprintf("%s-%lld\"", id, (long long)job + 1);
            put_unfinished(s, domain, id, job + 1, copy ? ".deleting" : ".partial");
            put_unfinished(s, domain, OTHER, 7, ".partial");
        }
        if (copy)
            put_copy(s, c);
        catalog_close(c);
        if (copy)
            remove_catalog(s);
        c = rebuilt(s);
        points = points_text(c);
        assert_non_null(strstr(points, gone));
        assert_non_null(strstr(strstr(points, gone), "} deleting"));
        assert_null(strstr(points, OTHER));
        if (copy) /* its job was settled, for it is of an instant that is over */
            assert_non_null(strstr(points, open));
        else
            assert_null(strstr(points, open));
        catalog_close(c);
    }
}

/* An older state was put back and went on; a copy in the repository knows what came in between. */
static void from_both(void **state)
{
    struct scratch *s = *state;
    CLEANUP_FREE char *older = xasprintf("%s.older", s->path);
    struct catalog *c = open_writer(s);
    struct job j;
    bool raised;
    int64_t last, behind;

    make_repo(s);
    {
        CLEANUP(point_done) struct point a = made(s, c, "d", 100, NULL);

        catalog_close(c);
        assert_int_equal(link(s->path, older), 0);
        remove_catalog(s);
        /* The same catalog, for SQLite: nothing of it may be shared. */
        CLEANUP_FREE char *cp = xasprintf("cp %s %s", older, s->path);
        assert_int_equal(system(cp), 0);
        c = open_writer(s);
        CLEANUP(point_done) struct point b = made(s, c, "d", 200, &a);
        put_copy(s, c);
        catalog_close(c);
        remove_catalog(s);
        assert_int_equal(rename(older, s->path), 0);
        c = open_writer(s);
        OK(catalog_raise_job(c, 2, &raised, &err));
        CLEANUP(point_done) struct point d = made(s, c, "d", 300, NULL);
        last = d.job;
    }
    assert_int_equal(last, 3);
    catalog_close(c);
    c = rebuilt(s);
    OK(catalog_behind(c, &behind, &err));
    assert_int_equal(behind, 0); /* no more */
    for (int64_t i = 1; i <= last; i++) {
        j = get_job(c, i);
        assert_int_equal(j.outcome, OUTCOME_SUCCESS);
        assert_string_equal(j.reason, "done");
        job_done(&j);
    }
    assert_int_equal(add_job(c, "d", "n", 0), 4);
    catalog_close(c);
}

static void damaged(void **state)
{
    struct scratch *s = *state;
    CLEANUP_FREE char *want = NULL, *junk = xcalloc(8192, 1);
    struct catalog *c = open_writer(s);
    struct rebuild *r = NULL;
    FILE *f;

    make_repo(s);
    {
        CLEANUP(point_done) struct point a = made(s, c, "d", 100, NULL);
    }
    want = points_text(c);
    catalog_close(c);
    memset(junk, 0x5a, 8192);
    f = fopen(s->path, "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, 4096, SEEK_SET), 0);
    assert_int_equal(fwrite(junk, 8192, 1, f), 1);
    fclose(f);
    FAILS(ERR_CORRUPT, "damaged", try_open(s, CATALOG_WRITE, &err));
    OK(try_rebuild(s, NULL, &r, &err));
    assert_non_null(r->kept);
    assert_non_null(strstr(r->kept, ".damaged"));
    assert_true(path_exists(r->kept));
    rebuild_free(r);
    c = open_writer(s);
    assert_points(c, want);
    catalog_close(c);
    /* Once more, in the same second: each former file has a name of its own. */
    OK(try_rebuild(s, NULL, &r, &err));
    assert_non_null(strstr(r->kept, ".former"));
    rebuild_free(r);
}

/* ---- whose ---- */

static void others_points(void **state)
{
    struct scratch *s = *state;
    struct catalog *c = open_writer(s);
    CLEANUP_FREE char *want = NULL;
    struct rebuild *r = NULL;

    make_repo(s);
    {
        CLEANUP(point_done) struct point a = made(s, c, "d", 100, NULL);
        CLEANUP(point_done) struct point b = make_point("e", 100, OTHER, 41, NULL);

        put_point(s, &b);
    }
    want = points_text(c);
    catalog_close(c);
    /* Our file says who we are. */
    OK(try_rebuild(s, NULL, &r, &err));
    assert_int_equal(r->notes.n, 1);
    assert_non_null(strstr(r->notes.items[0], "left to it"));
    assert_int_equal(r->last_job, 1);
    rebuild_free(r);
    c = open_writer(s);
    assert_points(c, want);
    catalog_close(c);
    /* Without it, nobody can know. */
    remove_catalog(s);
    FAILS(ERR_INVALID, OTHER " with 1 point", try_rebuild(s, NULL, NULL, &err));
    FAILS(ERR_NOTFOUND, "no catalog ffffffff", try_rebuild(s, "ffffffff", NULL, &err));
    assert_false(path_exists(s->path));
    OK(try_rebuild(s, OTHER, NULL, &err));
    c = open_writer(s);
    assert_string_equal(catalog_id(c), OTHER);
    assert_int_equal(add_job(c, "d", "n", 0), 42);
    catalog_close(c);
}

/* Two share a repository, and so far only the other one has points there: ours is not that one. */
static void only_others_points(void **state)
{
    struct scratch *s = *state;
    struct catalog *c = open_writer(s);
    struct rebuild *r = NULL;
    char ours[9];

    make_repo(s);
    snprintf(ours, sizeof(ours), "%s", catalog_id(c));
    add_job(c, "d", "n", 100);
    catalog_close(c);
    {
        CLEANUP(point_done) struct point a = make_point("e", 100, OTHER, 41, NULL);

        put_point(s, &a);
    }
    FAILS(ERR_INVALID, OTHER " with 1 point", try_rebuild(s, NULL, NULL, &err));
    FAILS(ERR_INVALID, ours, try_rebuild(s, NULL, NULL, &err));
    OK(try_rebuild(s, ours, &r, &err));
    assert_int_equal(r->points.n, 0);
    rebuild_free(r);
    c = open_writer(s);
    assert_string_equal(catalog_id(c), ours);
    assert_points(c, "");
    catalog_close(c);
}

static void own(const struct scratch *s, const struct point *p, const char *catalog,
                const char *path)
{
    CLEANUP_FREE char *dir = xasprintf("%s/repo/%s/..", s->dir, p->id);
    CLEANUP_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(owner_done) struct owner o = {0};

    owner_here(catalog, path, &o);
    OK(owner_take_over(fd, dir, &o, 100, &err));
}

/* A point of a former catalog, dated years ahead, does not keep the last one's checkpoint from
 * being the current one. */
static void wrong_date_in_the_chain(void **state)
{
    struct scratch *s = *state;
    struct catalog *c = open_writer(s);
    CLEANUP_FREE char *checkpoints = NULL;

    make_repo(s);
    {
        CLEANUP(point_done) struct point former = make_point("d", 500000, OTHER, 7, NULL);
        CLEANUP(point_done) struct point a = made(s, c, "d", 100, NULL);
        CLEANUP(point_done) struct point b = make_point("d", 200, catalog_id(c), 2, &a);

        put_point(s, &former);
        put_point(s, &b);
        own(s, &a, catalog_id(c), s->path);
    }
    catalog_close(c);
    c = rebuilt(s);
    checkpoints = checkpoints_text(c, "d");
    assert_non_null(strstr(checkpoints, "-2 current"));
    assert_null(strstr(checkpoints, "-1 current"));
    catalog_close(c);
}

/* A catalog that was lost, and one that has points there and lives: by its directories it is not
 * ours. */
static void neighbour_is_not_ours(void **state)
{
    struct scratch *s = *state;
    struct rebuild *r = NULL;
    struct catalog *c;

    make_repo(s);
    {
        CLEANUP(point_done) struct point a = make_point("e", 100, OTHER, 41, NULL);

        put_point(s, &a);
        own(s, &a, OTHER, "/srv/other/catalog.db");
    }
    FAILS(ERR_INVALID, OTHER " with 1 point", try_rebuild(s, NULL, NULL, &err));
    FAILS(ERR_INVALID, "--id new", try_rebuild(s, NULL, NULL, &err));
    assert_false(path_exists(s->path));
    OK(try_rebuild(s, REBUILD_NEW, &r, &err));
    assert_int_equal(r->points.n, 0);
    rebuild_free(r);
    c = open_writer(s);
    assert_string_not_equal(catalog_id(c), OTHER);
    catalog_close(c);
    remove_catalog(s);
    OK(try_rebuild(s, OTHER, &r, &err)); /* it has moved */
    assert_int_equal(r->points.n, 1);
    rebuild_free(r);
}

/* Lost, and another one has worked in its place since and owns the directories: who asks for the
 * lost one gets its jobs, and all the points. */
static void lost_one_asked_for(void **state)
{
    struct scratch *s = *state;
    struct catalog *c = open_writer(s);
    struct rebuild *r = NULL;
    char lost[9];

    make_repo(s);
    snprintf(lost, sizeof(lost), "%s", catalog_id(c));
    {
        CLEANUP(point_done) struct point a = made(s, c, "d", 100, NULL);
        CLEANUP(point_done) struct point b = {0};

        put_copy(s, c);
        catalog_close(c);
        remove_catalog(s);
        c = open_writer(s);
        b = made(s, c, "d", 300, NULL);
        own(s, &b, catalog_id(c), s->path);
        put_copy(s, c);
        catalog_close(c);
    }
    OK(try_rebuild(s, lost, &r, &err));
    assert_string_equal(r->id, lost);
    assert_int_equal(r->points.n, 2);
    assert_int_equal(r->jobs, 1);
    rebuild_free(r);
}

static const char *note_of(const struct rebuild *r, const char *text)
{
    for (size_t i = 0; i < r->notes.n; i++)
        if (strstr(r->notes.items[i], text))
            return r->notes.items[i];
    return NULL;
}

static void assert_note(const struct rebuild *r, const char *text)
{
    if (!note_of(r, text))
        fail_msg("no note has: %s; the first: %s", text, r->notes.n ? r->notes.items[0] : "none");
}

/* Two histories, of which each has points in directories of its own: whichever is chosen, all
 * points are taken, and it is told what is not, and how to get that. */
static void two_histories(void **state)
{
    struct scratch *s = *state;
    struct catalog *c = open_writer(s);
    struct rebuild *r = NULL;
    char lost[9], other[9];

    make_repo(s);
    snprintf(lost, sizeof(lost), "%s", catalog_id(c));
    {
        CLEANUP(point_done) struct point a = made(s, c, "d", 100, NULL);
        CLEANUP(point_done) struct point b = {0}, b2 = {0}, far = {0};

        own(s, &a, lost, s->path);
        put_copy(s, c);
        catalog_close(c);
        remove_catalog(s);
        c = open_writer(s);
        snprintf(other, sizeof(other), "%s", catalog_id(c));
        b = made(s, c, "e", 300, NULL);
        b2 = made(s, c, "e", 400, NULL);
        own(s, &b, other, s->path);
        catalog_close(c);
        far = make_point("f", 100, OTHER, 41, NULL);
        put_point(s, &far);
        own(s, &far, OTHER, "/srv/other/catalog.db");
    }
    for (int i = 0; i < 3; i++) {
        const char *asked = i == 0 ? NULL : i == 1 ? lost : other;
        const char *is = i == 1 ? lost : other, *is_not = i == 1 ? other : lost;
        CLEANUP_FREE char *made_by =
            xasprintf("%d point%s of catalog %s, which was here, too, %s taken", i == 1 ? 2 : 1,
                      i == 1 ? "s" : "", is_not, i == 1 ? "are" : "is");
        CLEANUP_FREE char *how =
            xasprintf("'--id %s' takes those, and not the jobs of %s", is_not, is);

        OK(try_rebuild(s, asked, &r, &err));
        assert_string_equal(r->id, is);
        assert_int_equal(r->points.n, 3);
        assert_note(r, made_by);
        assert_note(r, how);
        assert_note(r, "1 point of catalog " OTHER " is left to it; if that one is gone, 'vmkeep "
                       "repository adopt main' takes it over afterwards");
        rebuild_free(r);
    }
}

static void while_it_runs(void **state)
{
    struct scratch *s = *state;
    struct catalog *c = open_writer(s);

    make_repo(s);
    FAILS(ERR_BUSY, "another vmkeepd", try_rebuild(s, NULL, NULL, &err));
    catalog_close(c);
}

/* A repository that is left out this time keeps its points. */
static void unread_repository(void **state)
{
    struct scratch *s = *state;
    struct catalog *c = open_writer(s);
    CLEANUP(point_done) struct point far = sample_point("far", "d", "n", 100, NULL, NULL);

    make_repo(s);
    {
        CLEANUP(point_done) struct point a = made(s, c, "d", 100, NULL);

        free(far.repository);
        far.repository = xstrdup("offsite");
        backup(c, &far);
    }
    catalog_close(c);
    c = rebuilt(s);
    {
        const struct point_filter offsite = {.repository = "offsite"};
        struct point_list l = {0};

        OK(catalog_points(c, &offsite, &l, &err));
        assert_int_equal(l.n, 1);
        point_list_done(&l);
    }
    catalog_close(c);
}

/* ---- copies ---- */

static char *copies_text(const char *repo)
{
    struct catalog_copies l = {0};
    char *ret = xstrdup("");

    OK(catalog_copies_list(repo, &l, &err));
    for (size_t i = 0; i < l.n; i++) {
        CLEANUP_FREE char *old = ret;

        ret = xasprintf("%s%s-%lld ", old, l.items[i].id, (long long)l.items[i].job);
    }
    catalog_copies_done(&l);
    return ret;
}

static void copies(void **state)
{
    struct scratch *s = *state;
    CLEANUP_FREE char *repo = repo_path(s), *file = xasprintf("%s/copy", s->dir);
    CLEANUP_FREE char *left = xasprintf("%s/.catalogs/a59d85fc-7.db.tmp", repo);
    CLEANUP_FREE char *odd = xasprintf("%s/.catalogs/notes", repo);
    CLEANUP_FREE char *text = NULL, *back = NULL;

    make_repo(s);
    OK(write_file_durably(file, "one", 3, 0600, &err));
    OK(catalog_copies_put(repo, file, "a59d85fc", 8, &err));
    OK(write_file_durably(left, "half", 4, 0600, &err));
    OK(write_file_durably(odd, "mine", 4, 0600, &err));
    OK(write_file_durably(file, "two", 3, 0600, &err));
    OK(catalog_copies_put(repo, file, "a59d85fc", 9, &err));
    text = copies_text(repo);
    assert_string_equal(text, "a59d85fc-9 ");
    assert_false(path_exists(left));
    assert_true(path_exists(odd));
    free(text);
    text = xasprintf("%s/.catalogs/a59d85fc-9.db", repo);
    OK(read_file(text, 100, &back, NULL, &err));
    assert_string_equal(back, "two");
    FAILS(ERR_EXISTS, "later state", catalog_copies_put(repo, file, "a59d85fc", 8, &err));
    OK(catalog_copies_put(repo, file, OTHER, 1, &err)); /* another daemon's */
    free(text);
    text = copies_text(repo);
    assert_non_null(strstr(text, "a59d85fc-9 "));
    assert_non_null(strstr(text, OTHER "-1 "));
    /* They are no part of what a repository lists. */
    {
        struct point_list points = {0};
        struct strlist bad = {0};

        OK(repository_list(repo, &points, &bad, &err));
        assert_int_equal(points.n + bad.n, 0);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(from_manifests),
        TEST(nothing_there),
        TEST(what_was_damaged),
        TEST(missing_parent),
        TEST(from_copy),
        TEST(from_both),
        TEST(clock_in_doubt),
        TEST(clock_of_the_latest),
        TEST(clock_of_points),
        TEST(undone_in_vain),
        TEST(wrong_date_in_the_chain),
        TEST(given_up),
        TEST(debris_is_known),
        TEST(damaged),
        TEST(others_points),
        TEST(only_others_points),
        TEST(neighbour_is_not_ours),
        TEST(lost_one_asked_for),
        TEST(two_histories),
        TEST(while_it_runs),
        TEST(unread_repository),
        TEST(copies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
