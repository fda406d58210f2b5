/* SPDX-License-Identifier: MIT */
#include "base/libvirt_uri.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "tests/support/test.h"

static void test_uris(void **state)
{
    static const struct {
        const char *uri;
        bool local;
        const char *host;
    } table[] = {
        {"qemu:///system", true, "localhost"},
        {"qemu:///session?socket=/run/x", true, "localhost"},
        {"qemu+unix:///system?socket=/run/x@y", true, "localhost"},
        {"qemu://hv1/system", false, "hv1"},
        {"qemu+tls://hv1.example.org:16514/system?pkipath=/etc/a", false, "hv1.example.org"},
        {"qemu+ssh://root@hv1/system", false, "hv1"},
        {"qemu+ssh://me@hv1:2222/system?keyfile=/root/k@1", false, "hv1"},
        {"qemu+tls://[fd00::1]:16514/system", false, "fd00::1"},
        {"qemu+tls://root@[fd00::1]/system", false, "fd00::1"},
        {"qemu+ssh:///system", false, "localhost"},
        {"qemu+tcp://192.0.2.1", false, "192.0.2.1"},
        {"nonsense", false, "localhost"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char *host = libvirt_uri_host(table[i].uri);

        assert_int_equal(libvirt_uri_is_local(table[i].uri), table[i].local);
        assert_string_equal(host, table[i].host);
        free(host);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_uris)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
