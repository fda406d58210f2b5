/* SPDX-License-Identifier: MIT
 *
 * QEMU's command line, kept without the secrets in it.
 */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/qmp/state/args.h"

static const struct {
    const char *option, *arg;
    const char *kept; /* NULL: as it is */
} cases[] = {
    {"-object", "secret,id=s0,data=hunter2", "secret,id=s0,file=PATH-TO-FILL-IN"},
    {"--object", "secret,data=a,,b,id=s0,format=raw",
     "secret,file=PATH-TO-FILL-IN,id=s0,format=raw"},
    {"-object", "qom-type=secret,id=s0,data=hunter2", "qom-type=secret,id=s0,file=PATH-TO-FILL-IN"},
    {"-object", "{\"qom-type\":\"secret\",\"id\":\"s0\",\"data\":\"hunter2\"}",
     "{\"qom-type\":\"secret\",\"id\":\"s0\",\"file\":\"PATH-TO-FILL-IN\"}"},
    {"-object", "secret,id=s0,file=/etc/key", NULL},
    {"-object", "secret_keyring,id=s0,serial=1", NULL},
    {"-object", "memory-backend-ram,id=data,size=1G", NULL},
    {"-object", "{\"qom-type\":\"secret\",\"id\":\"s0\",\"file\":\"/etc/key\"}", NULL},
    {"-vnc", ":0,password=on", NULL},
    {"-vnc", ":0,password", NULL},
    {"-vnc", ":0,password-secret=s0", NULL},
    {"-spice", "port=5900,password=hunter2,disable-ticketing=off",
     "port=5900,password-secret=ID-TO-FILL-IN,disable-ticketing=off"},
    {"-iscsi", "user=me,password=hunter2", "user=me,password-secret=ID-TO-FILL-IN"},
    {"-drive", "file=iscsi://me%hunter2@host/iqn/1,if=none",
     "file=iscsi://me%LEFT-OUT@host/iqn/1,if=none"},
    {"-drive", "file=https://me:hunter2@host/a,,b.img,format=raw",
     "file=https://me:LEFT-OUT@host/a,,b.img,format=raw"},
    {"-drive", "file=https://host/a@b:c,format=raw", NULL},
    {"-drive", "file.driver=https,file.url=https://h/x,file.username=u,file.password=hunter2",
     "file.driver=https,file.url=https://h/x,file.username=u,file.password-secret=ID-TO-FILL-IN"},
    {"-drive", "file=rbd:pool/image:id=admin:key=AQB\\:x==:conf=/etc/ceph.conf,format=raw",
     "file=rbd:pool/image:id=admin:key=LEFT-OUT:conf=/etc/ceph.conf,format=raw"},
    {"-hda", "rbd:pool/image:key=AQB==", "rbd:pool/image:key=LEFT-OUT"},
    {"-drive", "file=json:{\"driver\":\"http\",,\"password\":\"hunter2\"},format=raw",
     "file=json:{\"driver\":\"http\",,\"password-secret\":\"ID-TO-FILL-IN\"},format=raw"},
    {"-blockdev", "{\"driver\":\"qcow2\",\"file\":{\"driver\":\"https\",\"cookie\":\"hunter2\"}}",
     "{\"driver\":\"qcow2\",\"file\":{\"driver\":\"https\",\"cookie-secret\":\"ID-TO-FILL-IN\"}}"},
    {"-blockdev", "{ \"driver\": \"qcow2\", \"encrypt\": { \"key-secret\": \"s0\" } }", NULL},
    {"-blockdev", "driver=file,filename=/a/password=x,node-name=n", NULL},
    {"-set", "drive.d0.password=hunter2", "drive.d0.password-secret=ID-TO-FILL-IN"},
    {"-smbios", "type=11,value=io.systemd.credential:root.pw=hunter2",
     "type=11,value=io.systemd.credential:root.pw=LEFT-OUT"},
    {"-smbios", "type=11,value=a=b", NULL},
    {"-fw_cfg", "name=opt/io.systemd.credentials/pw,string=hunter2",
     "name=opt/io.systemd.credentials/pw,file=PATH-TO-FILL-IN"},
    {"-fw_cfg", "name=opt/x,string=y", NULL},
    {"-name", "web,,01", NULL},
    {"-object", "{not JSON", NULL},
    {"-append", "root=/dev/vda quiet", NULL},
};

static void secrets_are_left_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP_FREE char *args = NULL, *got = NULL, *want = NULL;
        const char *kept = cases[i].kept ? cases[i].kept : cases[i].arg;
        unsigned secrets;
        size_t len = (size_t)asprintf(&args, "qemu%c%s%c%s", 0, cases[i].option, 0, cases[i].arg);

        got = args_text(args, len + 1, &secrets);
        assert_true(asprintf(&want, "qemu\n%s\n%s\n", cases[i].option, kept) > 0);
        assert_string_equal(got, want);
        assert_int_equal(secrets, cases[i].kept ? 1 : 0);
    }
}

static void each_is_counted(void **state)
{
    static const char args[] = "qemu\0-object\0secret,id=a,data=x\0-drive\0"
                               "file=https://u:p@h/x,file.cookie=c\0-S";
    CLEANUP_FREE char *got = NULL;
    unsigned secrets;

    (void)state;
    got = args_text(args, sizeof(args), &secrets);
    assert_string_equal(got, "qemu\n-object\nsecret,id=a,file=PATH-TO-FILL-IN\n-drive\n"
                             "file=https://u:LEFT-OUT@h/x,file.cookie-secret=ID-TO-FILL-IN\n-S\n");
    assert_int_equal(secrets, 3);
    free(TAKE_PTR(got));
    got = args_text("", 0, &secrets);
    assert_string_equal(got, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_are_left_out),
        cmocka_unit_test(each_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
