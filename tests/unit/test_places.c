/* SPDX-License-Identifier: MIT
 *
 * Whose a file is, by whatever name: links, mounts, backing chains, names that do not exist yet.
 */
#include "tests/support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "base/text.h"
#include "storage/places/place_parts.h"
#include "storage/places/places.h"

static char dir[64];

static const char *in_dir(const char *name)
{
    static char paths[8][256];
    static size_t next;
    char *ret = paths[next++ % ARRAY_LEN(paths)];

    snprintf(ret, sizeof(paths[0]), "%s/%s", dir, name);
    return ret;
}

static void touch(const char *name)
{
    CLEANUP_CLOSE int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
}

static void make_image(const char *name, const char *backing, const char *format, const char *data)
{
    CLEANUP_FREE char *options = xasprintf("data_file=%s", data ? data : "");
    const char *argv[12] = {"qemu-img", "create", "-q", "-f", "qcow2"};
    struct err err = ERR_INIT;
    size_t n = 5;

    if (backing) {
        argv[n++] = "-b";
        argv[n++] = backing;
        argv[n++] = "-F";
        argv[n++] = format;
    }
    if (data) {
        argv[n++] = "-o";
        argv[n++] = options;
    }
    argv[n++] = in_dir(name);
    argv[n] = "1M";
    if (proc_run(argv, NULL, &err) < 0)
        fail_msg("%s", err.msg);
}

/* A socket that somebody has listened on; kept open: that still does. */
static int make_socket(const char *name, bool keep)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", dir, name);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 1), 0);
    if (!keep)
        close(fd);
    return fd;
}

static int set_up(void **state)
{
    CLEANUP_FREE char *json = NULL;

    (void)state;
    test_make_dir(dir, sizeof(dir));
    if (mkdir(in_dir("repo"), 0700) < 0 || mkdir(in_dir("repo/lab"), 0700) < 0 ||
        mkdir(in_dir("other"), 0700) < 0 || mkdir(in_dir("mounted"), 0700) < 0)
        return -1;
    touch("base.raw");
    if (truncate(in_dir("base.raw"), 1 << 20) < 0)
        return -1;
    make_image("mid.qcow2", "base.raw", "raw", NULL);
    json = xasprintf("json:{\"driver\":\"qcow2\",\"file\":{\"driver\":\"file\","
                     "\"filename\":\"%s\"}}",
                     in_dir("mid.qcow2"));
    make_image("top.qcow2", json, "qcow2", NULL);
    make_image("split.qcow2", NULL, NULL, in_dir("split.raw"));
    touch("repo/lab/vda.qcow2");
    touch("catalog.db");
    touch("free");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    umount2(in_dir("mounted"), MNT_DETACH);
    return test_remove_dir(dir);
}

static struct owned_list everything(void)
{
    struct owned_list l = {0};

    owned_add(&l, OWNED_IMAGE, in_dir("top.qcow2"), "disk '%s' of domain 'lab/vm2'", "vda");
    owned_add(&l, OWNED_IMAGE, in_dir("split.qcow2"), "disk 'vdb' of domain 'lab/vm2'");
    owned_add(&l, OWNED_TREE, in_dir("repo"), "repository 'main'");
    owned_add(&l, OWNED_FILE, in_dir("catalog.db"), "the catalog");
    owned_add(&l, OWNED_FILE, in_dir("catalog.db-wal"), "the catalog");
    owned_add(&l, OWNED_FILE, in_dir("not/there"), "nothing that is there");
    owned_add(&l, OWNED_FILE, NULL, "nothing");
    return l;
}

/* Of a wish: the refusal without its path, or "". */
static const char *check(enum place_use use, const char *name)
{
    CLEANUP(owned_list_done) struct owned_list owned = everything();
    const struct place_wish wish = {use, "target", "vdx", in_dir(name)};
    static struct err err;
    char start[320];

    err = ERR_INIT;
    if (places_check(&owned, &wish, 1, &err) == 0)
        return "";
    snprintf(start, sizeof(start), "disk 'vdx': target '%s' ", wish.path);
    assert_true(starts_with(err.msg, start));
    return err.msg + strlen(start);
}

static void nobodys(void **state)
{
    (void)state;
    assert_string_equal(check(USE_NEW, "new"), "");
    assert_string_equal(check(USE_NEW, "other/new"), "");
    assert_string_equal(check(USE_NEW, "repo.not"), "");
    assert_string_equal(check(USE_THERE, "free"), "");
    assert_string_equal(check(USE_DIRECTORY, "other"), "");
    assert_string_equal(check(USE_NEW, "free"), "exists");
    assert_string_equal(check(USE_THERE, "new"), "does not exist");
    assert_string_equal(check(USE_DEVICE, "free"), "is not a block device, as type='block' says");
    assert_string_equal(check(USE_THERE, "other"), "is neither a file nor a block device");
}

static void images_and_what_is_below_them(void **state)
{
    (void)state;
    assert_string_equal(check(USE_THERE, "top.qcow2"),
                        "is the image of disk 'vda' of domain 'lab/vm2'");
    assert_string_equal(check(USE_THERE, "mid.qcow2"),
                        "is a backing file of disk 'vda' of domain 'lab/vm2'");
    assert_string_equal(check(USE_THERE, "base.raw"),
                        "is a backing file of disk 'vda' of domain 'lab/vm2'");
    assert_string_equal(check(USE_THERE, "split.raw"),
                        "is the data file of disk 'vdb' of domain 'lab/vm2'");
}

static void links(void **state)
{
    (void)state;
    assert_int_equal(link(in_dir("base.raw"), in_dir("hard")), 0);
    assert_int_equal(symlink("mid.qcow2", in_dir("soft")), 0);
    assert_int_equal(symlink("repo", in_dir("way")), 0);
    assert_int_equal(symlink("new", in_dir("dangling")), 0);
    assert_int_equal(link(in_dir("repo/lab/vda.qcow2"), in_dir("outside")), 0);
    assert_string_equal(check(USE_THERE, "hard"),
                        "is a backing file of disk 'vda' of domain 'lab/vm2'");
    assert_string_equal(check(USE_THERE, "soft"),
                        "is a backing file of disk 'vda' of domain 'lab/vm2'");
    assert_string_equal(check(USE_NEW, "way/lab/new"), "is in repository 'main'");
    assert_string_equal(check(USE_THERE, "outside"), "is in repository 'main'");
    assert_string_equal(check(USE_NEW, "dangling"), "exists");
    assert_string_equal(check(USE_SOCKET, "soft"),
                        "is a backing file of disk 'vda' of domain 'lab/vm2'");
    assert_string_equal(check(USE_SOCKET, "dangling"), "exists, and is no socket");
}

static void what_does_not_exist_yet(void **state)
{
    (void)state;
    assert_string_equal(check(USE_NEW, "repo/new"), "is in repository 'main'");
    assert_string_equal(check(USE_NEW, "other/../repo/lab/new"), "is in repository 'main'");
    assert_string_equal(check(USE_NEW, "repo/lab//new/"), "is in repository 'main'");
    assert_string_equal(check(USE_NEW, "other/../catalog.db-wal"), "is the catalog");
    assert_string_equal(check(USE_SOCKET, "repo/lab/socket"), "is in repository 'main'");
    assert_string_equal(check(USE_DIRECTORY, "repo"), "is in repository 'main'");
    assert_string_equal(check(USE_DIRECTORY, "repo/lab/scratch"), "is in repository 'main'");
    assert_string_equal(check(USE_NEW, "not/there"), ""); /* it cannot be made either */
}

/* Whether something is there cannot be told: it is not said to be free. */
static void unseen(void **state)
{
    (void)state;
    assert_int_equal(symlink("circle", in_dir("circle")), 0);
    assert_string_equal(check(USE_NEW, "circle/new"),
                        "cannot be looked at: Too many levels of symbolic links");
    assert_string_equal(check(USE_NEW, "free/new"), "cannot be looked at: Not a directory");
    assert_string_equal(check(USE_THERE, "circle/there"),
                        "cannot be looked at: Too many levels of symbolic links");
}

static void mounts(void **state)
{
    (void)state;
    if (mount(in_dir("repo/lab"), in_dir("mounted"), NULL, MS_BIND, NULL) < 0) {
        assert_int_equal(errno, EPERM);
        skip();
    }
    assert_string_equal(check(USE_NEW, "mounted/new"), "is in repository 'main'");
    assert_string_equal(check(USE_THERE, "mounted/vda.qcow2"), "is in repository 'main'");
    assert_int_equal(umount(in_dir("mounted")), 0);
    assert_int_equal(mount(in_dir("other"), in_dir("mounted"), NULL, MS_BIND, NULL), 0);
    assert_string_equal(check(USE_NEW, "mounted/new"), "");
    assert_int_equal(umount(in_dir("mounted")), 0);
    assert_int_equal(mount(in_dir("mid.qcow2"), in_dir("free"), NULL, MS_BIND, NULL), 0);
    assert_string_equal(check(USE_THERE, "free"),
                        "is a backing file of disk 'vda' of domain 'lab/vm2'");
    assert_int_equal(umount(in_dir("free")), 0);
}

/* A loop device on a file in dir, and a link to it there; -1: there is none to be had.  It goes
 * when it is closed. */
static int make_loop(const char *file, const char *name)
{
    CLEANUP_CLOSE int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    CLEANUP_CLOSE int backing = open(in_dir(file), O_RDWR | O_CLOEXEC);
    CLEANUP_FREE char *path = NULL;
    struct loop_config config = {.fd = (__u32)backing, .info = {.lo_flags = LO_FLAGS_AUTOCLEAR}};
    int number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE), ret;

    if (number < 0)
        return -1;
    path = xasprintf("/dev/loop%d", number);
    ret = open(path, O_RDWR | O_CLOEXEC);
    if (ret < 0 || ioctl(ret, LOOP_CONFIGURE, &config) < 0) {
        if (ret >= 0)
            close(ret);
        return -1;
    }
    assert_int_equal(symlink(path, in_dir(name)), 0);
    return ret;
}

static void loop_devices(void **state)
{
    CLEANUP(owned_list_done) struct owned_list owned = {0};
    CLEANUP_CLOSE int image = make_loop("mid.qcow2", "loop-image"),
                      point = make_loop("repo/lab/vda.qcow2", "loop-point"),
                      other = make_loop("base.raw", "loop-other");
    CLEANUP_FREE char *file = xstrdup(in_dir("loop-file"));
    const struct place_wish wish = {USE_THERE, "target", NULL, file};
    struct err err = ERR_INIT;

    (void)state;
    if (image < 0 || point < 0 || other < 0)
        skip();
    assert_string_equal(check(USE_DEVICE, "loop-image"),
                        "is a backing file of disk 'vda' of domain 'lab/vm2'");
    assert_string_equal(check(USE_THERE, "loop-other"),
                        "is a backing file of disk 'vda' of domain 'lab/vm2'");
    assert_string_equal(check(USE_DEVICE, "loop-point"), "is in repository 'main'");

    /* a disk is that device, and its file the target */
    assert_int_equal(link(in_dir("mid.qcow2"), file), 0);
    owned_add(&owned, OWNED_IMAGE, in_dir("loop-image"), "disk 'vdc' of domain 'lab/vm3'");
    assert_int_equal(places_check(&owned, &wish, 1, &err), -1);
    assert_non_null(strstr(err.msg, "loop-file' has in it the image of disk 'vdc'"));
}

static void put(const char *name, const char *text)
{
    CLEANUP_FCLOSE FILE *f = fopen(in_dir(name), "we");

    assert_non_null(f);
    fputs(text, f);
}

/* A partition of a disk, a device-mapper's device on both of them and on a loop device. */
static void what_devices_are_made_of(void **state)
{
    static const char *const dirs[] = {"sys",           "sys/sda",   "sys/sda/sda1",  "sys/dm",
                                       "sys/dm/slaves", "sys/loop0", "sys/loop0/loop"};
    CLEANUP(place_parts_done) struct place_parts parts = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
        assert_int_equal(mkdir(in_dir(dirs[i]), 0700), 0);
    put("sys/sda/dev", "8:0\n");
    put("sys/sda/sda1/dev", "8:1\n");
    put("sys/sda/sda1/partition", "1\n");
    put("sys/dm/dev", "253:300\n");
    put("sys/loop0/dev", "7:0\n");
    put("sys/loop0/loop/backing_file", "/a file\n");
    assert_int_equal(symlink("sda", in_dir("sys/8:0")), 0);
    assert_int_equal(symlink("sda/sda1", in_dir("sys/8:1")), 0);
    assert_int_equal(symlink("dm", in_dir("sys/253:300")), 0);
    assert_int_equal(symlink("loop0", in_dir("sys/7:0")), 0);
    assert_int_equal(symlink("../../sda/sda1", in_dir("sys/dm/slaves/sda1")), 0);
    assert_int_equal(symlink("../../loop0", in_dir("sys/dm/slaves/loop0")), 0);
    place_parts_read(in_dir("sys"), makedev(253, 300), &parts);
    assert_int_equal(parts.devices.n, 4);
    assert_true(parts.devices.items[0] == makedev(253, 300));
    assert_int_equal(parts.files.n, 1);
    assert_string_equal(parts.files.items[0], "/a file");
    place_parts_done(&parts);
    place_parts_read(in_dir("sys"), makedev(8, 1), &parts);
    assert_int_equal(parts.devices.n, 2);
    assert_true(parts.devices.items[1] == makedev(8, 0));
    place_parts_done(&parts);
    place_parts_read(in_dir("sys"), makedev(9, 9), &parts);
    assert_int_equal(parts.devices.n, 1);
}

static void sockets(void **state)
{
    CLEANUP_CLOSE int alive = make_socket("alive", true);
    struct stat st;

    (void)state;
    make_socket("dead", false);
    assert_string_equal(check(USE_SOCKET, "new"), "");
    assert_string_equal(check(USE_SOCKET, "dead"), "");
    assert_string_equal(check(USE_SOCKET, "alive"), "exists, and somebody listens on it");
    assert_string_equal(check(USE_SOCKET, "free"), "exists, and is no socket");
    assert_string_equal(check(USE_SOCKET, "other"), "exists, and is no socket");
    assert_string_equal(check(USE_SOCKET, "not/there"), "has no directory to be made in");
    assert_string_equal(check(USE_SOCKET, "catalog.db"), "is the catalog");
    assert_int_equal(stat(in_dir("dead"), &st), 0);
}

static void each_of_its_own(void **state)
{
    const struct place_wish wishes[] = {{USE_NEW, "scratch", "vda", in_dir("one")},
                                        {USE_NEW, "scratch", "vdb", in_dir("other/../one")},
                                        {USE_SOCKET, "socket", NULL, in_dir("one")}};
    const struct owned_list none = {0};
    struct err err = ERR_INIT;
    CLEANUP_FREE char *two =
        xasprintf("disk 'vdb': scratch '%s' is that of disk 'vda' too", wishes[1].path);
    CLEANUP_FREE char *socket =
        xasprintf("socket '%s' is the scratch of disk 'vdb' too", wishes[2].path);

    (void)state;
    assert_int_equal(places_check(&none, wishes, 2, &err), -1);
    assert_string_equal(err.msg, two);
    assert_int_equal(places_check(&none, wishes + 1, 2, &err), -1);
    assert_string_equal(err.msg, socket);
    assert_int_equal(err.code, ERR_INVALID);
}

static void in_use(void **state)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 101, .l_len = 1};
    CLEANUP_CLOSE int fd = open(in_dir("free"), O_RDWR | O_CLOEXEC);

    (void)state;
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
    assert_string_equal(check(USE_THERE, "free"), "is in use by another process");
}

/* Nor that it is free of a file that we may not open. */
static void in_doubt(void **state)
{
    uid_t was = geteuid();
    int rc;

    (void)state;
    touch("closed");
    assert_int_equal(chmod(in_dir("closed"), 0), 0);
    assert_int_equal(chmod(dir, 0711), 0);
    if (was == 0)
        assert_int_equal(seteuid(65534), 0);
    rc = strcmp(check(USE_THERE, "closed"),
                "cannot be opened to see whether it is in use: Permission denied");
    if (was == 0)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(rc, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobodys),      cmocka_unit_test(images_and_what_is_below_them),
        cmocka_unit_test(links),        cmocka_unit_test(what_does_not_exist_yet),
        cmocka_unit_test(unseen),       cmocka_unit_test(mounts),
        cmocka_unit_test(loop_devices), cmocka_unit_test(what_devices_are_made_of),
        cmocka_unit_test(sockets),      cmocka_unit_test(each_of_its_own),
        cmocka_unit_test(in_use),       cmocka_unit_test(in_doubt),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
