/* SPDX-License-Identifier: MIT
 *
 * What libvirt tells of a domain, as facts: on documents of libvirt 9.0 (kinds.live.xml,
 * snapshot.off.xml) and on what they may hold besides (odd.live.xml).
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "engine/libvirt/checkpoint_facts.h"
#include "engine/libvirt/denied.h"
#include "engine/libvirt/domain_xml.h"
#include "engine/libvirt/facts.h"
#include "tests/support/domain_facts.h"

static char *fixture(const char *name)
{
    CLEANUP_FREE char *path = xasprintf("libvirt/%s", name);
    struct err err = ERR_INIT;
    char *ret = NULL;
    size_t len;

    if (read_file(path, 1 << 20, &ret, &len, &err) < 0)
        fail_msg("%s", err.msg);
    return ret;
}

static struct domain_facts *read_xml(const char *xml)
{
    struct domain_facts *f = xcalloc(1, sizeof(*f));
    struct err err = ERR_INIT;

    if (libvirt_domain_xml(xml, f, &err) < 0)
        fail_msg("%s", err.msg);
    return f;
}

static struct domain_facts *read_fixture(const char *name)
{
    CLEANUP_FREE char *xml = fixture(name);

    return read_xml(xml);
}

/* "vda qcow2 /images/a.qcow2 ..." of each. */
static char *one_line(const struct disk_facts *d)
{
    return xasprintf("%s %s %s%s%s%s%s%s%s%s", d->name, d->format ? d->format : "-",
                     d->image ? d->image : "-", d->identity ? " " : "",
                     d->identity ? d->identity : "", d->trackable ? " tracked" : "",
                     d->encrypted ? " encrypted" : "", d->special ? " special" : "",
                     d->busy ? " busy" : "", d->empty ? " empty" : "");
}

static void assert_lines(const struct disk_facts *disks, size_t n, const char *const *lines)
{
    for (size_t i = 0; i < n; i++) {
        CLEANUP_FREE char *line = one_line(&disks[i]);

        assert_non_null(lines[i]);
        assert_string_equal(line, lines[i]);
    }
    assert_null(lines[n]);
}

/* ---- documents ---- */

static void each_kind_of_a_real_domain_is_read(void **state)
{
    static const char *const disks[] = {
        "vda qcow2 /images/top.qcow2 tracked",
        "vdb raw /images/raw.img",
        "vdc qcow2 - volume vol1 of pool p1 tracked",
        "vdd qcow2 /dev/loop0 tracked special",
        "vde raw - nbd+unix:///e1?socket=/images/nbd.sock",
        "vdf qcow2 /images/v2.qcow2 tracked",
        "vdh qcow2 /images/luks.qcow2 tracked encrypted",
        NULL,
    };
    static const char *const asides[] = {
        "vdg raw /images/ro.img", "sda raw /images/cd.iso",     "sdb - - empty",
        "fda raw /images/fd.img", "sdd raw /images/shared.img", NULL};
    static const char *const files[] = {
        "/images/top.qcow2", "/images/mid.qcow2", "/images/base.qcow2", "/images/raw.img",
        "/dev/loop0",        "/images/v2.qcow2",  "/images/ro.img",     "/images/luks.qcow2",
        "/images/cd.iso",    "/images/fd.img",    "/images/shared.img",
    };
    CLEANUP(domain_facts_freep) struct domain_facts *f = read_fixture("kinds.live.xml");

    (void)state;
    assert_lines(f->disks.items, f->disks.n, disks);
    assert_lines(f->asides.items, f->asides.n, asides);
    assert_int_equal(f->files.n, ARRAY_LEN(files));
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        assert_true(strlist_has(&f->files, files[i]));
    assert_string_equal(f->uuid, "63a3a797-5cc9-441a-8802-ab77cc537bcf");
    assert_null(f->confined);
    assert_int_equal(f->uid, 64055);
    assert_int_equal(f->gid, 64055);
    assert_string_equal(domain_facts_disk(f, "vda")->device, "virtio-disk0");
    assert_string_equal(disk_facts_aside(domain_facts_any(f, "vdg")), "a read-only disk");
    assert_string_equal(disk_facts_aside(domain_facts_any(f, "sda")), "a CD-ROM or the like");
    assert_string_equal(disk_facts_aside(domain_facts_any(f, "sdb")), "an empty drive");
    assert_non_null(domain_facts_any(f, "sdd")->cannot);
}

static void the_channel_of_an_agent_is_seen(void **state)
{
    CLEANUP_FREE char *with = fixture("kinds.live.xml"), *without = fixture("odd.live.xml");

    (void)state;
    assert_true(libvirt_domain_has_agent(with));
    assert_false(libvirt_domain_has_agent(without));
    assert_false(libvirt_domain_has_agent("nonsense"));
}

static void one_that_is_shut_off_is_read(void **state)
{
    static const char *const disks[] = {"vda qcow2 /images/ov.qcow2 tracked",
                                        "vdb qcow2 /images/vm1-vdb.qcow2 tracked", NULL};
    CLEANUP(domain_facts_freep) struct domain_facts *f = read_fixture("snapshot.off.xml");

    (void)state;
    assert_lines(f->disks.items, f->disks.n, disks);
    assert_true(strlist_has(&f->files, "/images/vm1-vda.qcow2"));
    assert_int_equal(f->uid, geteuid());
}

static void what_no_backup_takes_is_aside(void **state)
{
    static const char *const disks[] = {
        "vdd raw - special",
        "vde qcow2 - rbd://ceph1:6789,ceph2/pool/image tracked",
        "vdf qcow2 /images/copied.qcow2 tracked busy",
        "vdg qcow2 /images/meta.qcow2 tracked encrypted",
        "vdh raw /images/noformat.img",
        NULL,
    };
    static const char *const asides[] = {"sda", "vda", "vdb", "sdz", "vdc"};
    CLEANUP(domain_facts_freep) struct domain_facts *f = read_fixture("odd.live.xml");

    (void)state;
    assert_lines(f->disks.items, f->disks.n, disks);
    assert_int_equal(f->asides.n, ARRAY_LEN(asides));
    for (size_t i = 0; i < f->asides.n; i++) {
        assert_string_equal(f->asides.items[i].name, asides[i]);
        assert_non_null(f->asides.items[i].cannot);
        assert_string_equal(disk_facts_aside(&f->asides.items[i]), f->asides.items[i].cannot);
    }
    assert_true(strlist_has(&f->files, "/images/copy.qcow2"));
    assert_true(strlist_has(&f->files, "/images/copy-base.qcow2"));
    assert_true(strlist_has(&f->files, "/images/data.raw"));
    assert_true(strlist_has(&f->files, "/var/lib/libvirt/qemu/nvram/odd_VARS.fd"));
    assert_false(strlist_has(&f->files, "/dev/sg0"));
    assert_string_equal(f->confined, "AppArmor");
    assert_int_equal(f->uid, 107);
    assert_int_equal(f->gid, 108);
}

static void a_long_chain_is_read_to_its_end(void **state)
{
    char *xml = xstrdup("<backingStore/>"), *whole;

    (void)state;
    for (int i = 100; i > 0; i--) {
        char *more =
            xasprintf("<backingStore type='file'><source file='/i/%d'/>%s</backingStore>", i, xml);

        free(xml);
        xml = more;
    }
    whole = xasprintf("<domain><devices><disk type='file' device='disk'><source file='/i/0'/>%s"
                      "<target dev='vda'/></disk></devices></domain>",
                      xml);
    CLEANUP(domain_facts_freep) struct domain_facts *f = read_xml(whole);
    assert_int_equal(f->files.n, 101);
    assert_true(strlist_has(&f->files, "/i/100"));
    free(xml);
    free(whole);
}

static void what_is_no_domain_is_refused(void **state)
{
    static const char *const bad[] = {"", "nonsense", "<domainbackup/>", "<domain>",
                                      "<!DOCTYPE d><domain/>"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CLEANUP(domain_facts_freep) struct domain_facts *f = xcalloc(1, sizeof(*f));
        struct err err = ERR_INIT;

        assert_int_equal(libvirt_domain_xml(bad[i], f, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
        assert_true(starts_with(err.msg, "the domain's XML: "));
    }
}

/* ---- bitmaps ---- */

static struct disk_facts bitmaps_of(const char *xml, char *problem, bool sized, const char *disk)
{
    struct libvirt_checkpoint c = {.name = (char *)"c1", .xml = (char *)xml, .problem = problem};
    const struct libvirt_checkpoints all = {{&c, 1, 1}};
    struct disk_facts d = {.name = xstrdup(disk), .capacity = 1 << 20};

    libvirt_bitmaps(&all, sized, &d);
    return d;
}

#define CHECKPOINT                                                                                 \
    "<domaincheckpoint><name>c1</name><disks>"                                                     \
    "<disk name='vda' checkpoint='bitmap' bitmap='c1'/>"                                           \
    "<disk name='vdb' checkpoint='bitmap' bitmap='c1' size='65536'/>"                              \
    "<disk name='hda' checkpoint='no'/></disks></domaincheckpoint>"

static void a_bitmap_whose_size_is_not_told_is_broken(void **state)
{
    struct disk_facts vda = bitmaps_of(CHECKPOINT, NULL, true, "vda");
    struct disk_facts vdb = bitmaps_of(CHECKPOINT, NULL, true, "vdb");
    struct disk_facts hda = bitmaps_of(CHECKPOINT, NULL, true, "hda");
    struct disk_facts off = bitmaps_of(CHECKPOINT, NULL, false, "vda");

    (void)state;
    assert_int_equal(vda.bitmaps.n, 1);
    assert_true(vda.bitmaps.items[0].inconsistent);
    assert_int_equal(vdb.bitmaps.n, 1);
    assert_false(vdb.bitmaps.items[0].inconsistent);
    assert_true(vdb.bitmaps.items[0].recording);
    assert_int_equal(vdb.bitmaps.items[0].dirty, 65536);
    assert_int_equal(hda.bitmaps.n, 0);
    assert_false(off.bitmaps.items[0].inconsistent);
    assert_true(off.bitmaps.items[0].at_most);
    disk_facts_done(&vda);
    disk_facts_done(&vdb);
    disk_facts_done(&hda);
    disk_facts_done(&off);
}

static void the_disk_that_was_resized_above_a_snapshot_is_to_blame(void **state)
{
    static const char text[] =
        "internal error: unable to execute QEMU command 'transaction': Bitmaps are of different "
        "sizes (destination size is %d, source size is 16777216) and can't be merged";
    CLEANUP_FREE char *mine = xasprintf(text, 1 << 20);
    CLEANUP_FREE char *others = xasprintf(text, 1 << 21);
    struct disk_facts blamed = bitmaps_of(CHECKPOINT, mine, true, "vda");
    struct disk_facts spared = bitmaps_of(CHECKPOINT, others, true, "vda");
    struct disk_facts unknown =
        bitmaps_of(CHECKPOINT, (char *)"cannot acquire state change lock", true, "vda");

    (void)state;
    assert_true(blamed.bitmaps.items[0].inconsistent);
    assert_false(spared.bitmaps.items[0].inconsistent);
    assert_false(unknown.bitmaps.items[0].inconsistent);
    disk_facts_done(&blamed);
    disk_facts_done(&spared);
    disk_facts_done(&unknown);
}

static void bitmaps_of_our_own_bear_the_disk_s_name(void **state)
{
    struct libvirt_checkpoint c = {
        .name = (char *)"vmkeep-0123456789ab-7",
        .xml = (char *)"<domaincheckpoint><disks><disk name='vda' checkpoint='bitmap' size='0'/>"
                       "</disks></domaincheckpoint>"};
    const struct libvirt_checkpoints all = {{&c, 1, 1}};
    struct disk_facts d = {.name = xstrdup("vda")};

    (void)state;
    libvirt_bitmaps(&all, true, &d);
    assert_non_null(disk_facts_checkpoint(&d, c.name));
    disk_facts_done(&d);
}

static void a_backup_is_known_by_its_first_place(void **state)
{
    CLEANUP_FREE char *push = libvirt_backup_place(
        "<domainbackup mode='push'><disks><disk name='vda' backup='no'/><disk name='vdb' "
        "backup='yes' type='file'><target file='/to/vdb'/></disk><disk name='vdc'><target "
        "file='/to/vdc'/></disk></disks></domainbackup>");
    CLEANUP_FREE char *pull = libvirt_backup_place(
        "<domainbackup mode='pull'><server transport='unix' socket='/s'/><disks><disk name='vda' "
        "type='block'><scratch dev='/dev/vg/s'/></disk></disks></domainbackup>");

    (void)state;
    assert_string_equal(push, "/to/vdb");
    assert_string_equal(pull, "/dev/vg/s");
    assert_null(libvirt_backup_place("<domainbackup/>"));
    assert_null(libvirt_backup_place("nonsense"));
}

/* ---- the whole ---- */

static struct libvirt_look look_of(const char *state, const char *reason, const char *job,
                                   const char *operation)
{
    struct libvirt_look l = {0};

    l.domain.state = xstrdup(state);
    l.domain.reason = xstrdup(reason);
    l.domain.job = xstrdup(job);
    l.domain.operation = xstrdup(operation);
    l.domain.inactive = fixture("snapshot.off.xml");
    if (strcmp(state, "shutoff") != 0)
        l.domain.live = fixture("kinds.live.xml");
    return l;
}

static void add_block(struct libvirt_look *l, const char *name, const char *path, uint64_t capacity,
                      uint64_t physical)
{
    *VEC_ADD(&l->domain.blocks) = (struct libvirt_block){
        .name = xstrdup(name), .path = xstrdup(path), .capacity = capacity, .physical = physical};
}

static struct domain_facts *facts_of(struct libvirt_look *l)
{
    struct domain_facts *f = xcalloc(1, sizeof(*f));

    libvirt_facts_begin(l, f);
    if (f->state != DOMAIN_UNREACHABLE)
        libvirt_facts_end(l, f);
    return f;
}

static void states_are_told(void **state)
{
    static const struct {
        const char *state, *reason, *job, *operation;
        enum domain_state is;
        const char *problem, *foreign;
    } cases[] = {
        {"running", NULL, NULL, NULL, DOMAIN_RUNNING, NULL, NULL},
        {"blocked", NULL, NULL, NULL, DOMAIN_RUNNING, NULL, NULL},
        {"paused", "user", NULL, NULL, DOMAIN_PAUSED, NULL, NULL},
        {"paused", "io-error", NULL, NULL, DOMAIN_PAUSED, "the guest is stopped by an I/O error",
         NULL},
        {"pmsuspended", NULL, NULL, NULL, DOMAIN_PAUSED, NULL, NULL},
        {"shutoff", "shutdown", NULL, NULL, DOMAIN_SHUTOFF, NULL, NULL},
        {"shutoff", "crashed", NULL, NULL, DOMAIN_SHUTOFF, "the guest has crashed", NULL},
        {"shutoff", "migrated", NULL, NULL, DOMAIN_UNREACHABLE,
         "it has been migrated to another host, which has its disks now", NULL},
        {"paused", "migration", "running", "migration-out", DOMAIN_PAUSED, NULL,
         "a migration away from this host"},
        {"running", NULL, "running", "save", DOMAIN_RUNNING, NULL, "libvirt's save"},
        {"running", NULL, "running", "novelty", DOMAIN_RUNNING, NULL, "libvirt's job 'novelty'"},
        {"running", NULL, "running", "backup-begins", DOMAIN_RUNNING, NULL,
         "a backup that libvirt begins (if it stays so, libvirtd was killed in it, and keeps the "
         "domain from all backups until it is shut off and started)"},
        {"running", NULL, "running", "backup", DOMAIN_RUNNING, NULL,
         "a backup of which libvirt does not tell where it writes"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct libvirt_look l =
            look_of(cases[i].state, cases[i].reason, cases[i].job, cases[i].operation);
        CLEANUP(domain_facts_freep) struct domain_facts *f = facts_of(&l);

        assert_int_equal(f->state, cases[i].is);
        if (!str_eq(f->problem, cases[i].problem) || !str_eq(f->foreign_job, cases[i].foreign))
            fail_msg("case %zu: %s, %s", i, f->problem, f->foreign_job);
        assert_string_equal(f->definitions.items[0].name, "domain.xml");
        libvirt_look_done(&l);
    }
}

/* Its document without them is worth keeping, but the point says what is missing. */
static void secrets_that_libvirt_does_not_give_are_told(void **state)
{
    struct libvirt_look l = look_of("running", NULL, NULL, NULL);
    CLEANUP(domain_facts_freep) struct domain_facts *f = NULL;

    (void)state;
    l.domain.no_secrets = xstrdup("access denied");
    f = facts_of(&l);
    assert_int_equal(f->definitions.n, 3);
    assert_string_equal(f->definitions.items[2].what, "secrets");
    assert_string_equal(f->definitions.items[2].lacks, "access denied");
    libvirt_look_done(&l);
}

static void a_qemu_that_does_not_answer_is_unreachable(void **state)
{
    struct libvirt_look l = look_of("running", NULL, NULL, NULL);
    CLEANUP(domain_facts_freep) struct domain_facts *f = NULL;

    (void)state;
    l.domain.control = xstrdup("occupied");
    l.domain.control_ms = 61000;
    assert_false(libvirt_look_may_ask_qemu(&l));
    f = facts_of(&l);
    assert_int_equal(f->state, DOMAIN_UNREACHABLE);
    assert_string_equal(f->problem, "its QEMU has not answered libvirt for 61 s");
    libvirt_look_done(&l);
}

/* Else its disks would be taken for ones that have shrunk to nothing. */
static void one_that_tells_no_sizes_is_unreachable(void **state)
{
    struct libvirt_look l = look_of("running", NULL, NULL, NULL);
    CLEANUP(domain_facts_freep) struct domain_facts *f = NULL;

    (void)state;
    l.domain.held = true;
    add_block(&l, "vda", "/images/top.qcow2", 0, 0);
    f = facts_of(&l);
    assert_int_equal(f->state, DOMAIN_UNREACHABLE);
    assert_non_null(strstr(f->problem, "another call to libvirt holds it"));
    libvirt_look_done(&l);
}

static void sizes_and_files_complete_the_disks(void **state)
{
    struct libvirt_look l = look_of("running", NULL, NULL, NULL);
    CLEANUP(domain_facts_freep) struct domain_facts *f = NULL;

    (void)state;
    l.local = true;
    add_block(&l, "vda", "/images/top.qcow2", 1000, 400);
    add_block(&l, "vdb", "/images/raw.img", 1000, 2000);
    add_block(&l, "vdc", "/images/pool/vol1", 1000, 0);
    l.domain.blocks.items[0].job = xstrdup("commit");
    l.files.items = xcalloc(2, sizeof(*l.files.items));
    l.files.n = 2;
    l.files.items[0] = (struct file_fact){
        .path = xstrdup("/images/pool/vol1"), .identity = xstrdup("inode 7"), .qcow2 = 2};
    l.files.items[1] = (struct file_fact){
        .path = xstrdup("/images/top.qcow2"), .identity = xstrdup("inode 8"), .qcow2 = 3};
    f = facts_of(&l);
    assert_int_equal(domain_facts_disk(f, "vda")->allocated, 400);
    assert_true(domain_facts_disk(f, "vda")->busy);
    assert_true(domain_facts_disk(f, "vda")->trackable);
    assert_string_equal(domain_facts_disk(f, "vda")->identity, "inode 8");
    assert_int_equal(domain_facts_disk(f, "vdb")->allocated, 1000);
    assert_null(domain_facts_disk(f, "vdb")->identity); /* could not be looked at */
    assert_string_equal(domain_facts_disk(f, "vdc")->image, "/images/pool/vol1");
    assert_string_equal(domain_facts_disk(f, "vdc")->identity, "inode 7");
    assert_false(domain_facts_disk(f, "vdc")->trackable); /* compat 0.10 */
    assert_int_equal(domain_facts_disk(f, "vdc")->allocated, 1000);
    assert_true(strlist_has(&f->files, "/images/pool/vol1"));
    assert_non_null(domain_facts_disk(f, "vda")->unsafe);
    libvirt_look_done(&l);
}

static void what_becomes_of_a_write_that_fails_is_the_error_policys(void **state)
{
    static const struct {
        const char *driver;
        enum write_errors want;
    } cases[] = {
        {"", WRITE_ERRORS_ENOSPACE},
        {"<driver name='qemu'/>", WRITE_ERRORS_ENOSPACE},
        {"<driver name='qemu' rerror_policy='stop'/>", WRITE_ERRORS_ENOSPACE},
        {"<driver name='qemu' error_policy='enospace'/>", WRITE_ERRORS_ENOSPACE},
        {"<driver name='qemu' error_policy='stop'/>", WRITE_ERRORS_STOP},
        {"<driver name='qemu' error_policy='report'/>", WRITE_ERRORS_REPORT},
        {"<driver name='qemu' error_policy='ignore' rerror_policy='stop'/>", WRITE_ERRORS_IGNORE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP_FREE char *xml =
            xasprintf("<domain><devices><disk type='file' device='disk'>%s<source file='/a'/>"
                      "<target dev='vda'/></disk></devices></domain>",
                      cases[i].driver);
        CLEANUP(domain_facts_freep) struct domain_facts *f = read_xml(xml);

        assert_int_equal(domain_facts_disk(f, "vda")->write_errors, cases[i].want);
    }
    assert_null(write_errors_name(WRITE_ERRORS_UNKNOWN));
}

static void elsewhere_an_image_is_known_by_its_name(void **state)
{
    struct libvirt_look l = look_of("running", NULL, NULL, NULL);
    CLEANUP(domain_facts_freep) struct domain_facts *f = facts_of(&l);

    (void)state;
    assert_string_equal(domain_facts_disk(f, "vda")->identity, "/images/top.qcow2");
    assert_string_equal(domain_facts_disk(f, "vde")->identity,
                        "nbd+unix:///e1?socket=/images/nbd.sock");
    libvirt_look_done(&l);
}

/* ---- what keeps QEMU from a file ---- */

static void a_denial_names_the_line_to_add(void **state)
{
    static const struct {
        const char *confined, *has;
    } cases[] = {
        {"AppArmor",
         "if the journal has apparmor=\"DENIED\" of it, add '\"/srv/backup/**\" rwk,' to "
         "/etc/apparmor.d/local/abstractions/libvirt-qemu; `apparmor_parser -r "
         "/etc/apparmor.d/libvirt/libvirt-63a3a797-5cc9-441a-8802-ab77cc537bcf` has the "
         "domain that runs heed it"},
        {"SELinux", "`semanage fcontext -a -t virt_image_t '/srv/backup(/.*)?'; restorecon -R "
                    "/srv/backup`"},
        {NULL,
         "let user 107, as which QEMU runs, pass through /srv/backup and the directories above it "
         "(`namei -m /srv/backup`"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct domain_facts f = {.uid = 107,
                                       .gid = getegid(),
                                       .uuid = (char *)"63a3a797-5cc9-441a-8802-ab77cc537bcf",
                                       .confined = (char *)cases[i].confined};
        struct err err = {.code = ERR_DENIED,
                          .msg = "Could not open '/srv/backup/a': Permission denied"};
        struct err other = {.code = ERR_NOSPACE, .msg = "Permission denied"};
        struct err nowhere = err;

        libvirt_explain_denied(&f, "/srv/backup/a", &err);
        assert_true(starts_with(err.msg, "Could not open '/srv/backup/a': Permission denied; "));
        assert_non_null(strstr(err.msg, cases[i].has));
        libvirt_explain_denied(&f, "/srv/backup/a", &other);
        assert_string_equal(other.msg, "Permission denied");
        libvirt_explain_denied(&f, NULL, &nowhere);
        assert_string_equal(nowhere.msg, "Could not open '/srv/backup/a': Permission denied");
    }
}

/* Without a group of QEMU's no profile is to blame: what vmkeepd makes is closed to it. */
static void the_group_comes_before_the_profile(void **state)
{
    const struct domain_facts f = {.uid = geteuid() + 1,
                                   .gid = (gid_t)-2,
                                   .uuid = (char *)"u",
                                   .confined = (char *)"AppArmor"};
    struct err err = {.code = ERR_DENIED, .msg = "Could not open '/a/b': Permission denied"};

    (void)state;
    if (geteuid() == 0) /* who may share with everybody */
        assert_int_equal(seteuid(65534), 0);
    libvirt_explain_denied(&f, "/a/b", &err);
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
    assert_non_null(strstr(err.msg, "put the user of vmkeepd"));
}

/* As libvirt 9.0 with QEMU 7.2 words them. */
static void a_denial_is_of_the_file_that_it_names(void **state)
{
#define QEMU "internal error: unable to execute QEMU command "
    static const struct {
        const char *text, *dir;
    } cases[] = {
        {QEMU "'blockdev-add': Could not open '/srv/a/vda': Permission denied", "/srv/a"},
        {QEMU "'blockdev-add': Could not open '/srv/other place/vdb': Permission denied",
         "/srv/other place"},
        {QEMU "'nbd-server-start': Failed to bind socket to /run/x/nbd: Permission denied",
         "/run/x"},
        {"failed to create image file '/scratch/1/vdb': Permission denied", "/scratch/1"},
        {"unable to stat: /srv/b/vdb: Permission denied", "/srv/b"},
        {"Permission denied", "/srv/a"},
        {QEMU "'blockdev-add': Could not open 'vda': Permission denied", "/srv/a"},
    };

    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
        const struct domain_facts f = {.uid = 107,
                                       .gid = getegid(),
                                       .uuid = (char *)"u",
                                       .confined = (char *)(i % 2 ? "SELinux" : "AppArmor")};
        CLEANUP_FREE char *want =
            xasprintf(i % 2 ? "restorecon -R %s`" : "'\"%s/**\" rwk,'", cases[i / 2].dir);
        struct err err = {.code = ERR_DENIED};

        snprintf(err.msg, sizeof(err.msg), "%s", cases[i / 2].text);
        libvirt_explain_denied(&f, "/srv/a/vda", &err);
        if (!strstr(err.msg, want))
            fail_msg("%s: no %s", err.msg, want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_a_real_domain_is_read),
        cmocka_unit_test(the_channel_of_an_agent_is_seen),
        cmocka_unit_test(one_that_is_shut_off_is_read),
        cmocka_unit_test(what_no_backup_takes_is_aside),
        cmocka_unit_test(a_long_chain_is_read_to_its_end),
        cmocka_unit_test(what_is_no_domain_is_refused),
        cmocka_unit_test(a_bitmap_whose_size_is_not_told_is_broken),
        cmocka_unit_test(the_disk_that_was_resized_above_a_snapshot_is_to_blame),
        cmocka_unit_test(bitmaps_of_our_own_bear_the_disk_s_name),
        cmocka_unit_test(a_backup_is_known_by_its_first_place),
        cmocka_unit_test(states_are_told),
        cmocka_unit_test(secrets_that_libvirt_does_not_give_are_told),
        cmocka_unit_test(a_qemu_that_does_not_answer_is_unreachable),
        cmocka_unit_test(one_that_tells_no_sizes_is_unreachable),
        cmocka_unit_test(sizes_and_files_complete_the_disks),
        cmocka_unit_test(what_becomes_of_a_write_that_fails_is_the_error_policys),
        cmocka_unit_test(elsewhere_an_image_is_known_by_its_name),
        cmocka_unit_test(a_denial_names_the_line_to_add),
        cmocka_unit_test(the_group_comes_before_the_profile),
        cmocka_unit_test(a_denial_is_of_the_file_that_it_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
