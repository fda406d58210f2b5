/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include "base/cleanup.h"
#include "jobs/whose.h"

#define THEIRS "job 12 of another vmkeep (catalog 0a1b2c3d)"
#define NOBODYS "a backup that is not vmkeep's"

static const struct {
    const char *place, *whose;
} cases[] = {
    /* a push, a pull, and those of a host that is another machine */
    {"/r/h/lab/vm1/2026-01-02T030405Z.nightly@0a1b2c3d-12.partial/vda.qcow2", THEIRS},
    {"/r@home/h/lab/a@b/2026-01-02T030405Z.n@0a1b2c3d-12.partial/vda.qcow2", THEIRS},
    {"/var/scratch/0a1b2c3d-12/0.qcow2", THEIRS},
    {"/var/ffffffff-1/0a1b2c3d-12/10.qcow2", THEIRS},
    {"/var/scratch/vmkeep-0a1b2c3d-12.vda", THEIRS},
    {"/images/vm1.qcow2.vmkeep-0a1b2c3d-12", THEIRS},
    /* what only looks like one */
    {"/r/h/lab/vm1/2026-01-02T030405Z.nightly@0a1b2c3d-12/vda.qcow2", NOBODYS},
    {"/r/h/lab/vm1/2026-01-02T030405Z.nightly@0a1b2c3-12.partial/vda.qcow2", NOBODYS},
    {"/r/h/lab/vm1/2026-01-02T030405Z.nightly@0a1b2c3d4-12.partial/vda.qcow2", NOBODYS},
    {"/r/h/lab/vm1/2026-01-02T030405Z.nightly@0a1b2c3d-.partial/vda.qcow2", NOBODYS},
    {"/r/h/lab/vm1/2026-01-02T030405Z.nightly@0a1b2c3d- 12.partial/vda.qcow2", NOBODYS},
    {"/backup/20261127-12/vda.qcow2", NOBODYS},
    {"/backup/20261127-12/0.raw", NOBODYS},
    {"/backup/20261127-12", NOBODYS},
    {"/backup/vmkeep-0a1b2c3d-12.d/vda.qcow2", NOBODYS},
    {"/images/vm1.1764270000", NOBODYS},
    {"", NOBODYS},
};

static void told_by_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP_FREE char *said = whose(cases[i].place);

        assert_string_equal(said, cases[i].whose);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(told_by_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
