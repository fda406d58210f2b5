/* SPDX-License-Identifier: MIT
 *
 * What a libvirt domain has besides its disks, by its document.
 */
#include "tests/support/test.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/libvirt/beside.h"

#define UUID "8b5d1b1e-0c4c-4d0a-9d0e-2f5b0f6d7a10"
#define SYSTEM_STATE "/var/lib/libvirt/swtpm/" UUID

/* "what name from lacks; " of each */
static char *listed(const char *inside, enum libvirt_at at)
{
    CLEANUP(definition_list_done) struct definition_list l = {0};
    CLEANUP_FREE char *xml = xasprintf("<domain><uuid>" UUID "</uuid>%s</domain>", inside);
    char *ret = xstrdup("");

    libvirt_beside(xml, at, &l);
    for (size_t i = 0; i < l.n; i++) {
        const struct definition_file *d = &l.items[i];
        char *more = xasprintf("%s%s|%s|%s|%s;", ret, d->what, d->name ? d->name : "",
                               d->from ? d->from : "", d->lacks ? d->lacks : "");

        free(ret);
        ret = more;
    }
    return ret;
}

static void each_kind_is_found(void **state)
{
    static const struct {
        const char *inside;
        enum libvirt_at at;
        const char *is;
    } cases[] = {
        {"<os/>", LIBVIRT_SYSTEM, ""},
        {"<os><kernel>/boot/k</kernel><initrd>/boot/i</initrd></os>", LIBVIRT_SYSTEM,
         "kernel||/boot/k|;initrd||/boot/i|;"},
        {"<os><kernel>/boot/k</kernel></os>", LIBVIRT_REMOTE,
         "kernel||/boot/k|/boot/k: the host is another machine;"},
        {"<os><nvram template='/t'>/v.fd</nvram></os>", LIBVIRT_SYSTEM,
         "UEFI variables|nvram.fd|/v.fd|;"},
        {"<os><nvram type='file'><source file='/w.fd'/></nvram></os>", LIBVIRT_SYSTEM,
         "UEFI variables|nvram.fd|/w.fd|;"},
        {"<os><nvram type='network'><source protocol='nbd'/></nvram></os>", LIBVIRT_SYSTEM,
         "UEFI variables|nvram.fd||it is in no file of the host;"},
        {"<devices><tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm></devices>",
         LIBVIRT_SYSTEM, "TPM state|tpm.permall|" SYSTEM_STATE "/tpm2/tpm2-00.permall|;"},
        {"<devices><tpm model='tpm-tis'><backend type='emulator' version='1.2'/></tpm></devices>",
         LIBVIRT_SYSTEM, "TPM state|tpm.permall|" SYSTEM_STATE "/tpm1.2/tpm-00.permall|;"},
        {"<devices><tpm><backend type='emulator' version='2.0'/></tpm></devices>", LIBVIRT_SESSION,
         "TPM state|tpm.permall|/c/libvirt/qemu/swtpm/" UUID "/tpm2/tpm2-00.permall|;"},
        {"<devices><tpm><backend type='emulator'><source type='dir' path='/s'/></backend></tpm>"
         "</devices>",
         LIBVIRT_SYSTEM, "TPM state|tpm.permall|/s/tpm2-00.permall|;"},
        {"<devices><tpm><backend type='passthrough'/></tpm></devices>", LIBVIRT_SYSTEM,
         "TPM state|tpm.permall||it is in the host's own TPM (passthrough);"},
    };

    (void)state;
    setenv("XDG_CONFIG_HOME", "/c", 1);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP_FREE char *is = listed(cases[i].inside, cases[i].at);

        if (!str_eq(is, cases[i].is))
            fail_msg("case %zu: %s", i, is);
    }
}

static void uris_tell_whose_files_they_are(void **state)
{
    (void)state;
    assert_int_equal(libvirt_at("qemu:///system"), LIBVIRT_SYSTEM);
    assert_int_equal(libvirt_at("qemu+unix:///system?socket=/s"), LIBVIRT_SYSTEM);
    assert_int_equal(libvirt_at("qemu:///session"), LIBVIRT_SESSION);
    assert_int_equal(libvirt_at("qemu+ssh://hv1/system"), LIBVIRT_REMOTE);
    assert_int_equal(libvirt_at("qemu+ssh:///system"), LIBVIRT_REMOTE);
    assert_int_equal(libvirt_at("nonsense"), LIBVIRT_REMOTE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_found),
        cmocka_unit_test(uris_tell_whose_files_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
