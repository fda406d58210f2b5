/* SPDX-License-Identifier: MIT
 *
 * What `vmkeep init` writes, by what it has found: what a machine that runs the tests happens to
 * have is no part of it (tests/integration/init.bats looks at that).
 */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/init_found.h"
#include "policies/config.h"

static char *written(const struct init_found *f)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    init_write(f, out);
    fclose(out);
    return text;
}

/* A libvirt that systemd has not started yet has the domains all the same. */
static void a_libvirt_that_sleeps_is_a_host(void **state)
{
    const struct init_found f = {.asleep = "systemctl start libvirtd",
                                 .place = {.dir = (char *)"/srv/backup"}};
    CLEANUP_FREE char *text = written(&f);
    struct diagnostics diags = {0};
    struct config *config = NULL;

    (void)state;
    assert_int_equal(config_parse(text, strlen(text), "x", &config, &diags), 0);
    assert_int_equal(diags.n, 0);
    assert_int_equal(config->hosts.n, 1);
    assert_int_equal(config->hosts.items[0].driver, DRIVER_LIBVIRT);
    assert_non_null(strstr(text, "  # It does not answer now: `systemctl start libvirtd`.\n"));
    diagnostics_done(&diags);
    config_free(config);
}

/* Beside QEMUs of their own it may be unused. */
static void beside_qemus_it_is_a_comment(void **state)
{
    struct init_qemu q = {.name = (char *)"web01", .qmp = (char *)"/run/web01.qmp", .pid = 1};
    const struct init_found f = {.asleep = "systemctl start libvirtd",
                                 .qemus = {.items = &q, .n = 1},
                                 .place = {.dir = (char *)"/srv/backup"}};
    CLEANUP_FREE char *text = written(&f);
    struct diagnostics diags = {0};
    struct config *config = NULL;

    (void)state;
    assert_int_equal(config_parse(text, strlen(text), "x", &config, &diags), 0);
    assert_int_equal(config->hosts.n, 1);
    assert_int_equal(config->hosts.items[0].driver, DRIVER_QEMU);
    assert_non_null(
        strstr(text, "  # - { name: libvirt, driver: libvirt, uri: qemu:///system }\n"));
    diagnostics_done(&diags);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_libvirt_that_sleeps_is_a_host),
        cmocka_unit_test(beside_qemus_it_is_a_comment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
