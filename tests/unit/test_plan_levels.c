/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "policies/plan.h"

#define GIB (UINT64_C(1) << 30)
#define ASKED "scheduled: incremental, Mon..Sat *-*-* 02:30:00"

/* A point with vda and vdb of 10 GiB, and the disks as they should be for an incremental on it. */
static struct point base_point(void)
{
    struct point p = {.id = xstrdup("local/web01/2026-11-22T02-30-00Z.nightly"),
                      .checkpoint = xstrdup("vmkeep-41")};

    for (int i = 0; i < 2; i++) {
        struct point_disk *d = VEC_ADD(&p.disks);

        d->name = xasprintf("vd%c", 'a' + i);
        d->capacity = 10 * GIB;
    }
    return p;
}

static const struct plan_disk sound[] = {
    {.name = "vda",
     .capacity = 10 * GIB,
     .format = "qcow2",
     .trackable = true,
     .base_present = true,
     .base_usable = true},
    {.name = "vdb",
     .capacity = 10 * GIB,
     .format = "qcow2",
     .trackable = true,
     .base_present = true,
     .base_usable = true},
};

/* levels: one letter a disk, F or I. */
static void expect(enum backup_level asked, const struct point *base, const char *base_missing,
                   bool current, const struct plan_disk *disks, size_t n, const char *levels,
                   const char *why)
{
    struct plan_disk_level got[4];
    char text[PLAN_LEVELS_WHY_MAX];
    enum backup_level level;

    memset(got, 'x', sizeof(got));
    memset(text, 'x', sizeof(text));
    level = plan_levels(asked, asked == LEVEL_FULL ? "asked for by root" : ASKED, base,
                        base_missing, current, disks, n, got, text);
    assert_string_equal(text, why);
    assert_int_equal(level, strchr(levels, 'I') ? LEVEL_INCREMENTAL : LEVEL_FULL);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(got[i].level, levels[i] == 'F' ? LEVEL_FULL : LEVEL_INCREMENTAL);
        assert_int_equal(got[i].why[0] != '\0', levels[i] == 'F');
    }
}

static void all_incremental(void **state)
{
    struct point base = base_point();

    (void)state;
    expect(LEVEL_INCREMENTAL, &base, NULL, true, sound, 2, "II", ASKED);
    expect(LEVEL_INCREMENTAL, &base, NULL, true, sound, 1, "I", ASKED);
    point_done(&base);
}

static void whole_fulls(void **state)
{
    struct point base = base_point();

    (void)state;
    expect(LEVEL_FULL, &base, NULL, true, sound, 2, "FF", "asked for by root");
    expect(LEVEL_INCREMENTAL, NULL, NULL, false, sound, 2, "FF",
           ASKED "; made a full: first backup: there is no good point to stand on");
    expect(LEVEL_INCREMENTAL, NULL, "its repository was replaced", false, sound, 2, "FF",
           ASKED "; made a full: there is no point to stand on: its repository was replaced");
    expect(LEVEL_INCREMENTAL, &base, "vda.qcow2 is gone", true, sound, 2, "FF",
           ASKED
           "; made a full: point local/web01/2026-11-22T02-30-00Z.nightly cannot be stood on: "
           "vda.qcow2 is gone");
    expect(LEVEL_INCREMENTAL, &base, NULL, false, sound, 2, "FF",
           ASKED "; made a full: checkpoint vmkeep-41 of the last point is not the current one");
    free(base.checkpoint);
    base.checkpoint = NULL;
    expect(LEVEL_INCREMENTAL, &base, NULL, false, sound, 2, "FF",
           ASKED "; made a full: the last point has no checkpoint");
    expect(LEVEL_INCREMENTAL, &base, NULL, true, sound, 2, "FF",
           ASKED "; made a full: the last point has no checkpoint");
    point_done(&base);
}

/* vdb as changed by the case, vda sound. */
static void expect_vdb(struct plan_disk vdb, const char *reason)
{
    struct point base = base_point();
    struct plan_disk disks[] = {sound[0], vdb};
    CLEANUP_FREE char *part = xasprintf("%s; in full: %s: %s", ASKED, vdb.name, reason);
    CLEANUP_FREE char *all = xasprintf("%s; made a full: %s: %s", ASKED, vdb.name, reason);

    expect(LEVEL_INCREMENTAL, &base, NULL, true, disks, 2, "IF", part);
    expect(LEVEL_INCREMENTAL, &base, NULL, true, disks + 1, 1, "F", all);
    point_done(&base);
}

static void one_disk_in_full(void **state)
{
    struct plan_disk d;

    (void)state;
    d = sound[1];
    d.name = "vdc";
    expect_vdb(d, "disk is new");
    d = sound[1];
    d.capacity = 20 * GIB;
    expect_vdb(d, "size changed from 10.0 GiB to 20.0 GiB");
    d = sound[1];
    d.capacity += 512;
    expect_vdb(d, "size changed from 10737418240 to 10737418752 bytes");
    d = sound[1];
    d.base_present = d.base_usable = false;
    expect_vdb(d, "tracking lost: the bitmap of checkpoint vmkeep-41 is gone");
    d = sound[1];
    d.base_usable = false;
    expect_vdb(d, "tracking lost: the bitmap of checkpoint vmkeep-41 is not usable");
    d.unusable = "inconsistent";
    expect_vdb(d, "tracking lost: the bitmap of checkpoint vmkeep-41 is inconsistent");
    d = sound[1];
    d.trackable = d.base_present = d.base_usable = false;
    d.format = "raw";
    expect_vdb(d, "raw disk: every backup of it is a full");
    d.format = NULL;
    expect_vdb(d, "untrackable disk: every backup of it is a full");
    d.format = "qcow2";
    expect_vdb(d, "qcow2 of the old version (compat 0.10): every backup of it is a full");
}

/* Disks that share a reason share its sentence. */
static void several_disks_in_full(void **state)
{
    struct point base = base_point();
    struct plan_disk disks[] = {sound[0], sound[1], sound[0], sound[0]};

    (void)state;
    disks[0].base_present = disks[0].base_usable = false;
    disks[1].base_present = disks[1].base_usable = false;
    expect(LEVEL_INCREMENTAL, &base, NULL, true, disks, 2, "FF",
           ASKED
           "; made a full: vda, vdb: tracking lost: the bitmap of checkpoint vmkeep-41 is gone");
    disks[1] = sound[1];
    disks[2].name = "vdc";
    disks[3].name = "vdd";
    expect(LEVEL_INCREMENTAL, &base, NULL, true, disks, 4, "FIFF",
           ASKED "; in full: vda: tracking lost: the bitmap of checkpoint vmkeep-41 is gone; "
                 "vdc, vdd: disk is new");
    point_done(&base);
}

static bool ends_so(const char *text, const char *end)
{
    return strlen(text) > strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

/* Long names lose the end of the sentence, nothing else, and that is seen. */
static void long_names(void **state)
{
    struct point base = base_point();
    CLEANUP_FREE char *name = xasprintf("%05000d", 0);
    struct plan_disk disks[] = {sound[0], sound[1]};
    struct plan_disk_level got[2];
    char why[PLAN_LEVELS_WHY_MAX];

    (void)state;
    disks[1].name = name;
    assert_int_equal(plan_levels(LEVEL_INCREMENTAL, ASKED, &base, NULL, true, disks, 2, got, why),
                     LEVEL_INCREMENTAL);
    assert_int_equal(strlen(why), PLAN_LEVELS_WHY_MAX - 1);
    assert_true(ends_so(why, "000 ..."));
    assert_int_equal(plan_levels(LEVEL_INCREMENTAL, ASKED, &base, name, true, disks, 2, got, why),
                     LEVEL_FULL);
    assert_int_equal(strlen(got[1].why), PLAN_WHY_MAX - 1);
    assert_true(ends_so(got[1].why, "000 ..."));
    point_done(&base);
}

/* A name is not an identity; what is not known is not compared. */
static void another_disk(void **state)
{
    struct plan_disk disk = sound[0];
    struct point base = base_point();
    struct disk_origin *then = &base.disks.items[0].origin;

    (void)state;
    disk.image = "/x/b.qcow2";
    disk.identity = "inode 2 of 2026-01-01T00:00:00Z";
    disk.device = "/machine/peripheral/two";
    expect(LEVEL_INCREMENTAL, &base, NULL, true, &disk, 1, "I", ASKED);
    then->image = xstrdup("/x/a.qcow2");
    then->identity = xstrdup("inode 1 of 2026-01-01T00:00:00Z");
    then->device = xstrdup("/machine/peripheral/two");
    expect(LEVEL_INCREMENTAL, &base, NULL, true, &disk, 1, "F",
           ASKED "; made a full: vda: its image is another one: /x/b.qcow2, and was /x/a.qcow2");
    disk.image = "/x/a.qcow2"; /* another file took its place */
    expect(LEVEL_INCREMENTAL, &base, NULL, true, &disk, 1, "F",
           ASKED "; made a full: vda: its image /x/a.qcow2 is another one: inode 2 of"
                 " 2026-01-01T00:00:00Z, and was inode 1 of 2026-01-01T00:00:00Z");
    disk.identity = "inode 1 of 2026-01-01T00:00:00Z"; /* it was moved */
    disk.image = "/y/a.qcow2";
    expect(LEVEL_INCREMENTAL, &base, NULL, true, &disk, 1, "I", ASKED);
    disk.device = NULL; /* shut off */
    expect(LEVEL_INCREMENTAL, &base, NULL, true, &disk, 1, "I", ASKED);
    disk.device = "/machine/peripheral/one";
    expect(LEVEL_INCREMENTAL, &base, NULL, true, &disk, 1, "F",
           ASKED "; made a full: vda: it hangs on another device: /machine/peripheral/one, and did"
                 " on /machine/peripheral/two");
    point_done(&base);
}

static void a_full_by_itself(void **state)
{
    const struct config_full_after never = {0}, thirty = {.incrementals = 30},
                                   both = {.incrementals = 30, .age = 90 * 86400};
    const struct plan_since_full few = {29, 1000000}, enough = {30, 1000000}, unknown = {5, 0};
    const int64_t after = 1000000 + INT64_C(90) * 86400;
    char why[PLAN_WHY_MAX] = "";

    (void)state;
    assert_false(plan_full_after(&never, &enough, after * 10, why));
    assert_false(plan_full_after(&thirty, &few, after * 10, why));
    assert_true(plan_full_after(&thirty, &enough, 1000001, why));
    assert_string_equal(why, "a full by itself: 30 incrementals were made since the last one "
                             "(full_after: 30)");
    assert_false(plan_full_after(&both, &few, after - 1, why));
    assert_true(plan_full_after(&both, &few, after, why));
    assert_string_equal(why, "a full by itself: the last one is 90d old (full_after: 90d)");
    /* A clock that was set back, and a last full that nobody knows of. */
    assert_false(plan_full_after(&both, &few, 5, why));
    assert_false(plan_full_after(&both, &unknown, after, why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_by_itself),      cmocka_unit_test(all_incremental),
        cmocka_unit_test(whole_fulls),           cmocka_unit_test(one_disk_in_full),
        cmocka_unit_test(several_disks_in_full), cmocka_unit_test(long_names),
        cmocka_unit_test(another_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
