/* SPDX-License-Identifier: MIT
 *
 * What we write, before libvirt's own schemas (package libvirt0) and xmllint: all but what
 * libvirt's schema lacks, which is NBD targets, and the index and the short <domain> of
 * documents on output.
 */
#include "tests/support/test.h"

#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/proc.h"
#include "engine/xml/backup_xml.h"
#include "engine/xml/checkpoint_xml.h"
#include "tests/support/backup_request.h"

#define SCHEMAS "/usr/share/libvirt/schemas/"

static char dir[512];
static char *file;

static int set_up(void **state)
{
    (void)state;
    test_make_dir(dir, sizeof(dir));
    file = xasprintf("%s/document.xml", dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(file);
    free(file);
    return rmdir(dir);
}

static int validate(const char *schema, const char *text, struct err *err)
{
    const char *argv[] = {"xmllint", "--nonet", "--noout", "--relaxng", schema, file, NULL};

    assert_int_equal(write_file_durably(file, text, strlen(text), 0600, err), 0);
    return proc_run(argv, NULL, err);
}

static void assert_valid(const char *schema, const char *text)
{
    struct err err = ERR_INIT;

    if (validate(schema, text, &err) < 0)
        fail_msg("%s\n%s", text, err.msg);
}

static bool in_schema(const struct backup_request *r)
{
    for (size_t i = 0; i < r->n_disks; i++)
        if (r->disks[i].place.type == PLACE_NETWORK)
            return false;
    return true;
}

static void requests(void **state)
{
    size_t valid = 0;

    (void)state;
    for (size_t i = 0; i < n_sample_requests; i++) {
        struct backup_request r = sample_requests[i];
        struct backup_disk *disks = xcalloc(r.n_disks, sizeof(*disks));
        CLEANUP_FREE char *text = NULL;

        valid += in_schema(&r);
        memcpy(disks, r.disks, r.n_disks * sizeof(*disks));
        for (size_t k = 0; k < r.n_disks; k++)
            disks[k].index = 0;
        r.disks = disks;
        text = backup_document_format(&r);
        free(disks);
        if (in_schema(&sample_requests[i]))
            assert_valid(SCHEMAS "domainbackup.rng", text);
    }
    assert_true(valid >= 5);
}

/* Documents that leave out what they may. */
static void short_requests(void **state)
{
    static const char *const documents[] = {
        "<domainbackup/>",
        "<domainbackup mode='pull'/>",
        "<domainbackup><disks><disk name='vda'/></disks></domainbackup>",
        "<domainbackup><disks><disk name='vda'><driver type='raw'/></disk></disks></domainbackup>",
        ("<domainbackup mode='pull'><incremental>c</incremental><server port='1'/><disks>"
         "<disk name='vda'/><disk name='vdb' backupmode='full'/></disks></domainbackup>"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
        CLEANUP(backup_document_freep) struct backup_document *d = NULL;
        CLEANUP_FREE char *text = NULL;
        struct err err = ERR_INIT;

        assert_int_equal(backup_document_parse(documents[i], strlen(documents[i]), &d, &err), 0);
        text = backup_document_format(&d->request);
        assert_valid(SCHEMAS "domainbackup.rng", text);
    }
}

static void checkpoints(void **state)
{
    static const char *const documents[] = {
        "<domaincheckpoint/>",
        "<domaincheckpoint><name>1525889631</name><description>a &lt; b</description>"
        "<parent><name>cp-0.a_B</name></parent><creationTime>1525889631</creationTime><disks>"
        "<disk name='vda' bitmap='1525889631' size='1'/><disk name='vdb' checkpoint='no'/>"
        "<disk name='/img/c'/></disks></domaincheckpoint>",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
        CLEANUP(checkpoint_document_freep) struct checkpoint_document *d = NULL;
        CLEANUP_FREE char *text = NULL;
        struct err err = ERR_INIT;

        assert_int_equal(checkpoint_document_parse(documents[i], strlen(documents[i]), &d, &err),
                         0);
        text = checkpoint_document_format(d);
        assert_valid(SCHEMAS "domaincheckpoint.rng", text);
    }
}

/* That the schemas are at work at all. */
static void wrong_ones(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(validate(SCHEMAS "domainbackup.rng", "<domainbackup mode='x'/>", &err), -1);
    assert_int_equal(
        validate(SCHEMAS "domaincheckpoint.rng", "<domaincheckpoint><x/></domaincheckpoint>", &err),
        -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(short_requests),
        cmocka_unit_test(checkpoints),
        cmocka_unit_test(wrong_ones),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
