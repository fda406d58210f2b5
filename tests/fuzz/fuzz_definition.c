/* SPDX-License-Identifier: MIT
 *
 * Any definition of a domain: an error in one line, or one that can be read and rewritten again,
 * has the name that was asked for, and no UUID.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "storage/definition/definition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct definition_disk disks[] = {{"vda", "/to/vda.qcow2"}};
    CLEANUP_FREE char *xml = xasprintf("%.*s", (int)size, (const char *)data);
    CLEANUP(definition_done) struct definition once = {0};
    CLEANUP(definition_done) struct definition twice = {0};
    struct definition_request r = {
        .xml = xml, .name = "copy", .format = "raw", .disks = disks, .n_disks = 1};
    struct err err = ERR_INIT;

    r.live = size % 2 ? xml : NULL;
    if (definition_rewrite(&r, &once, &err) < 0) {
        assert(err.code != ERR_NONE && !strchr(err.msg, '\n'));
        return 0;
    }
    assert(strcmp(once.name, "copy") == 0);
    r.xml = once.xml;
    r.live = NULL;
    assert(definition_rewrite(&r, &twice, &err) == 0);
    assert(strcmp(twice.name, "copy") == 0);
    return 0;
}
