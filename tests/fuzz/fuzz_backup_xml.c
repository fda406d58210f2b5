/* SPDX-License-Identifier: MIT
 *
 * A <domainbackup> from anywhere: it is refused, saying why in one line, or what it says is the
 * same when it is written and read again.  The domain it is then held against has the disks vda
 * and vdb.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "engine/xml/backup_xml.h"
#include "tests/support/backup_request.h"
#include "tests/support/domain_facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_refusal(const struct err *err)
{
    assert(err->code == ERR_INVALID || err->code == ERR_UNSUPPORTED);
    assert(*err->msg && !strchr(err->msg, '\n'));
}

static void check_round_trip(const struct backup_document *d)
{
    CLEANUP(backup_document_freep) struct backup_document *again = NULL;
    CLEANUP_FREE char *one = backup_document_format(&d->request);
    CLEANUP_FREE char *two = NULL;
    struct err err = ERR_INIT;

    /* What is written has more to it than what was read: it may have grown too large. */
    if (strlen(one) > DOCUMENT_MAX)
        return;
    assert(backup_document_parse(one, strlen(one), &again, &err) == 0);
    assert_requests_equal(&again->request, &d->request);
    two = backup_document_format(&again->request);
    assert(strcmp(one, two) == 0);
}

static void check_completion(struct backup_document *d)
{
    CLEANUP(domain_facts_freep) struct domain_facts *f = xcalloc(1, sizeof(*f));
    const struct backup_defaults defaults = {.now = 1525889631, .scratch_dir = "/nowhere/s"};
    struct err err = ERR_INIT;

    add_bitmap(add_disk(f, "vda", "/nowhere/a", "qcow2"), "cp1", true, false);
    add_disk(f, "vdb", "/nowhere/b", "raw");
    if (backup_document_complete(d, f, NULL, &defaults, &err) < 0) {
        assert(err.code != ERR_NONE && *err.msg);
        return;
    }
    assert(d->request.n_disks >= 1 && d->request.n_disks <= 2);
    for (size_t i = 0; i < d->request.n_disks; i++)
        assert(d->request.disks[i].place.type != PLACE_NONE);
    check_round_trip(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(backup_document_freep) struct backup_document *d = NULL;
    struct err err = ERR_INIT;

    if (backup_document_parse((const char *)data, size, &d, &err) < 0) {
        check_refusal(&err);
        return 0;
    }
    assert(d->all_disks == (d->request.n_disks == 0));
    check_round_trip(d);
    check_completion(d);
    return 0;
}
