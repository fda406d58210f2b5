/* SPDX-License-Identifier: MIT
 *
 * A manifest from anywhere: it is refused, or it is one that is written and read again unchanged,
 * and that names nothing outside its point's directory.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "storage/repository/manifest.h"
#include "storage/repository/repository.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(point_done) struct point p = {0};
    CLEANUP(point_done) struct point q = {0};
    CLEANUP_FREE char *one = NULL;
    CLEANUP_FREE char *two = NULL;
    struct err err = ERR_INIT;

    if (manifest_read((const char *)data, size, "point.json", &p, &err) < 0) {
        assert(err.code == ERR_CORRUPT || err.code == ERR_UNSUPPORTED);
        return 0;
    }
    assert(point_id_check(p.id, &err) == 0);
    for (size_t i = 0; i < p.disks.n; i++)
        assert(p.disks.items[i].path[0] != '.' && !strchr(p.disks.items[i].path, '/'));
    one = manifest_write(&p);
    assert(manifest_read(one, strlen(one), "again", &q, &err) == 0);
    two = manifest_write(&q);
    assert(strcmp(one, two) == 0);
    return 0;
}
