/* SPDX-License-Identifier: MIT
 *
 * What qemu-img says of an image that a domain which is shut off has: names of bitmaps and backing
 * files in it are whatever somebody wrote into the image.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/qmp/offline/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct view_disk_name disk = {
        .name = (char *)"vda", .image = (char *)"/dev/null", .format = (char *)"qcow2"};
    CLEANUP_FREE char *text = xcalloc(size + 1, 1);
    struct image image = {0};
    struct err err = ERR_INIT;

    if (size > 0)
        memcpy(text, data, size);
    if (image_decode(text, &disk, &image, &err) < 0) {
        assert(err.code == ERR_PROTOCOL || err.code == ERR_UNSUPPORTED);
        assert(*err.msg);
    } else {
        assert(strcmp(image.facts.name, "vda") == 0 && image.files.n > 0);
        assert(image.facts.allocated <= image.facts.capacity);
        for (size_t i = 0; i < image.facts.bitmaps.n; i++)
            assert(image.facts.bitmaps.items[i].name);
    }
    image_done(&image);
    return 0;
}
