/* SPDX-License-Identifier: MIT
 *
 * The file of a tree from anywhere: it is refused as damaged, or it is one that is written again
 * as it was, and that can be laid over others.  Its checksum is made to fit, so that what is
 * behind it is reached. */
#include <assert.h>
#include <openssl/sha.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "storage/digest/leaves.h"
#include "storage/digest/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try(const uint8_t *data, size_t size)
{
    CLEANUP(tree_done) struct tree t = {0};
    CLEANUP_FREE unsigned char *again = NULL;
    struct err err = ERR_INIT;
    size_t len;

    if (tree_parse(data, size, &t, &err) < 0) {
        assert(err.code == ERR_CORRUPT && !strchr(err.msg, '\n'));
        return;
    }
    again = tree_format(&t, &len);
    assert(len == size && memcmp(again, data, len) == 0);
    if (t.capacity < UINT64_C(1) << 40) {
        CLEANUP(leaves_done) struct leaves l = {0};

        leaves_lay(&l, &t);
        leaves_content(&l, (unsigned char[TREE_DIGEST]){0});
    }
    if (t.delta) {
        struct tree below = {.capacity = t.capacity / 2};

        memcpy(below.content, t.below, TREE_DIGEST);
        assert(tree_absorb(&t, &below, &err) == 0 && !t.delta);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE uint8_t *fitting = NULL;

    try(data, size);
    fitting = xreallocarray(NULL, size + TREE_DIGEST, 1);
    if (size)
        memcpy(fitting, data, size);
    SHA256(fitting, size, fitting + size);
    try(fitting, size + TREE_DIGEST);
    return 0;
}
