/* SPDX-License-Identifier: MIT
 *
 * What qemu-img says of where an image is allocated that was given as a target: it is refused, or
 * it holds nothing and is of the disk's size.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/image_command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *text = xcalloc(size + 1, 1);
    struct err err = ERR_INIT;

    if (size > 0)
        memcpy(text, data, size);
    if (image_check_map("/x", text, 1 << 20, &err) < 0) {
        assert(err.code == ERR_PROTOCOL || err.code == ERR_INVALID || err.code == ERR_EXISTS);
        assert(*err.msg);
    } else {
        assert(strchr(text, '['));
    }
    return 0;
}
