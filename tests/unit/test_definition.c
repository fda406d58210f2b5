/* SPDX-License-Identifier: MIT
 *
 * A restored domain's definition: what stays, what becomes of its disks, and what two domains
 * cannot share.
 */
#include "tests/support/test.h"

#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "storage/definition/definition.h"

static const char head[] = "<domain type='qemu' id='7'><name>web01</name>"
                           "<uuid>8e9d1f5a-33e3-4b1a-b8cf-3f4a1c3d0e11</uuid>";

static const struct definition_disk disks[] = {{"vda", "/to/vda.qcow2"}, {"vdb", "/to/b&b.qcow2"}};

static struct definition_request request(const char *xml)
{
    return (struct definition_request){
        .xml = xml, .name = "copy", .format = "qcow2", .disks = disks, .n_disks = ARRAY_LEN(disks)};
}

static void rewritten(const struct definition_request *r, struct definition *ret)
{
    struct err err = ERR_INIT;

    if (definition_rewrite(r, ret, &err) < 0)
        fail_msg("%s", err.msg);
}

static bool noted(const struct definition *d, const char *text)
{
    for (size_t i = 0; i < d->notes.n; i++)
        if (strstr(d->notes.items[i], text))
            return true;
    return false;
}

/* What <devices> (or the domain, before them) holds; what it must and must not hold as the domain's
 * copy, and as the domain itself; what is said of the copy. */
static const struct {
    const char *outside, *inside;
    const char *copy, *not_in_copy;
    const char *same, *note;
} cases[] = {
    /* identity */
    {"", "", "<name>copy</name>", "8e9d1f5a", "8e9d1f5a-33e3-4b1a-b8cf-3f4a1c3d0e11", NULL},
    {"<genid>55c1-1</genid>", "", "<genid/>", "55c1-1", "<genid>55c1-1</genid>", NULL},
    {"<sysinfo type='smbios'><system><entry name='uuid'>8e9d</entry>"
     "<entry name='serial'>s1</entry></system></sysinfo>",
     "", "name=\"serial\"", "name=\"uuid\"", "name=\"uuid\"", NULL},
    {"<seclabel type='dynamic' model='dac'><label>+64055</label></seclabel>", "", "seclabel",
     "64055", "seclabel", NULL},
    {"<os><loader>/fw/code.fd</loader><nvram template='/fw/t.fd'>/nvram/web01.fd</nvram></os>", "",
     "<nvram template=\"/fw/t.fd\"/>", "web01.fd", ">/nvram/web01.fd</nvram>", "/nvram/web01.fd"},
    {"<commandline xmlns='http://libvirt.org/schemas/domain/qemu/1.0'><arg value='-x'/>"
     "</commandline>",
     "", "<name>copy</name>", "commandline", "commandline", "past libvirt"},
    /* disks */
    {"",
     "<disk type='block' device='lun' rawio='yes'><driver name='qemu' type='raw' cache='none'/>"
     "<source dev='/dev/sdx' index='2'/><backingStore/><target dev='vda' bus='scsi'/>"
     "<alias name='scsi0'/></disk>",
     "<source file=\"/to/vda.qcow2\"/>", "/dev/sdx", "device=\"disk\"", NULL},
    {"", "<disk type='file'><source file='/i/b'/><target dev='vdb'/></disk>",
     "file=\"/to/b&amp;b.qcow2\"", "/i/b", "type=\"qcow2\"", NULL},
    {"", "<disk type='file' device='disk'><source file='/i/c'/><target dev='vdc'/></disk>",
     "<name>copy</name>", "/i/c", "/i/c", "vdc (/i/c): not in the point, left out"},
    {"", "<disk type='file' device='cdrom'><source file='/i/cd'/><target dev='sda'/></disk>",
     "startupPolicy=\"optional\"", "&amp;&amp;", "/i/cd", NULL},
    {"",
     "<disk type='network' device='cdrom'><source protocol='http' name='x'/>"
     "<target dev='sda'/></disk>",
     "<disk type=\"file\" device=\"cdrom\">", "protocol", "sda", NULL},
    /* what reaches outside */
    {"",
     "<interface type='network'><mac address='52:54:00:00:00:01'/><source network='default' "
     "portid='p' bridge='virbr0'/><target dev='vnet3'/></interface>",
     "network=\"default\"", "52:54:00", "52:54:00", "52:54:00:00:00:01"},
    {"",
     "<interface type='bridge'><source bridge='br0'/><target dev='mine0'/></interface>"
     "<interface type='network'><source network='n' portid='p'/><target "
     "dev='vnet3'/></interface>",
     "mine0", "vnet3", "br0", NULL},
    {"",
     "<channel type='unix'><source mode='bind' path='/run/ga'/><target type='virtio' "
     "name='org.qemu.guest_agent.0'/></channel>",
     "<channel type=\"unix\">", "/run/ga", "/run/ga", NULL},
    {"", "<serial type='unix'><source mode='bind' path='/run/s'/><target port='0'/></serial>",
     "<serial type=\"pty\">", "/run/s", "/run/s", "serial of type unix (/run/s)"},
    {"", "<console type='pty' tty='/dev/pts/1'><source path='/dev/pts/1'/></console>",
     "<console type=\"pty\"/>", "/dev/pts", "console", NULL},
    {"", "<graphics type='vnc' port='5901' autoport='no'/>", "autoport=\"yes\"", "5901", "5901",
     "5901"},
    {"", "<graphics type='vnc' port='5901' autoport='yes'/>", "autoport=\"yes\"", "5901", "vnc",
     NULL},
    {"", "<hostdev mode='subsystem' type='pci'><source/></hostdev>", "devices", "hostdev",
     "hostdev", "hostdev of type pci"},
    {"", "<filesystem type='mount'><source dir='/srv/share'/></filesystem>", "devices",
     "/srv/share", "/srv/share", "/srv/share"},
    {"", "<tpm model='tpm-crb'><backend type='emulator' persistent_state='yes'/></tpm>", "tpm-crb",
     "persistent_state", "persistent_state", "TPM"},
    {"", "<tpm model='tpm-tis'><backend type='passthrough'/></tpm>", "devices", "tpm-tis",
     "tpm-tis", "tpm: left out"},
    {"", "<controller type='scsi'><alias name='scsi0'/></controller>", "controller", "alias",
     "controller", NULL},
    {"", "<controller type='scsi'><alias name='ua-mine'/></controller>", "ua-mine",
     "id=", "ua-mine", NULL},
};

static void what_becomes_of_each_part(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP_FREE char *xml = xasprintf("%s%s<devices>%s</devices></domain>", head,
                                           cases[i].outside, cases[i].inside);
        CLEANUP(definition_done) struct definition copy = {0};
        CLEANUP(definition_done) struct definition same = {0};
        struct definition_request r = request(xml);

        rewritten(&r, &copy);
        assert_string_equal(copy.name, "copy");
        if (!strstr(copy.xml, cases[i].copy) || strstr(copy.xml, cases[i].not_in_copy))
            fail_msg("case %zu: of %s came %s", i, xml, copy.xml);
        if (cases[i].note && !noted(&copy, cases[i].note))
            fail_msg("case %zu: nothing is said of %s", i, cases[i].note);
        r.same_identity = true;
        r.name = NULL;
        rewritten(&r, &same);
        assert_string_equal(same.name, "web01");
        if (!strstr(same.xml, cases[i].same))
            fail_msg("case %zu: as itself, of %s came %s", i, xml, same.xml);
    }
}

/* A disk that was plugged in, and is in the definition of the domain that ran alone. */
static void a_disk_that_only_ran(void **state)
{
    CLEANUP_FREE char *xml = xasprintf("%s<devices/></domain>", head);
    CLEANUP_FREE char *live =
        xasprintf("%s<devices><disk type='file'><source file='/i/a'/><target dev='vda' "
                  "bus='virtio'/><address type='pci'/></disk></devices></domain>",
                  head);
    CLEANUP(definition_done) struct definition d = {0};
    struct definition_request r = request(xml);

    (void)state;
    r.live = live;
    rewritten(&r, &d);
    assert_non_null(strstr(d.xml, "file=\"/to/vda.qcow2\""));
    assert_non_null(strstr(d.xml, "bus=\"virtio\""));
    assert_null(strstr(d.xml, "pci"));
    assert_null(strstr(d.xml, "/i/a"));
    assert_true(noted(&d, "disk vdb: not in the definition"));
}

static void variables_of_the_firmware(void **state)
{
    CLEANUP_FREE char *xml = xasprintf(
        "%s<os><nvram template='/fw/t.fd' type='file'>/nvram/web01.fd</nvram></os></domain>", head);
    CLEANUP(definition_done) struct definition d = {0};
    struct definition_request r = request(xml);

    (void)state;
    r.nvram = "/to/nvram.fd";
    rewritten(&r, &d);
    assert_non_null(strstr(d.xml, "<nvram template=\"/fw/t.fd\">/to/nvram.fd</nvram>"));
    assert_false(noted(&d, "UEFI"));
}

static void what_is_no_definition(void **state)
{
    static const struct {
        const char *xml, *why;
    } bad[] = {
        {"", "not well-formed"},
        {"<domain", "line 1: not well-formed"},
        {"<network/>", "<network> is no domain's definition"},
        {"<domain/>", "has no name"},
        {"<!DOCTYPE d [<!ENTITY e 'x'>]><domain><name>&e;</name></domain>", "DOCTYPE"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct definition d = {0};
        struct err err = ERR_INIT;
        const struct definition_request r = {.xml = bad[i].xml, .format = "raw"};

        assert_int_equal(definition_rewrite(&r, &d, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
        if (!strstr(err.msg, bad[i].why))
            fail_msg("%s: %s", bad[i].xml, err.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_becomes_of_each_part),
        cmocka_unit_test(a_disk_that_only_ran),
        cmocka_unit_test(variables_of_the_firmware),
        cmocka_unit_test(what_is_no_definition),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
