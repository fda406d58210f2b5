/* SPDX-License-Identifier: MIT
 *
 * The start of a file that may be a qcow2 image, as anybody may put it into a repository or beneath
 * a guest: its header is refused, saying why in one line, or says something that can be.  The files
 * that it names are told without judging it.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "storage/images/qcow2.h"
#include "storage/images/qcow2_links.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_header(int fd)
{
    CLEANUP(qcow2_header_done) struct qcow2_header h = {0};
    struct err err = ERR_INIT;

    if (qcow2_read_header(fd, "image", &h, &err) < 0) {
        assert(err.code == ERR_CORRUPT || err.code == ERR_UNSUPPORTED);
        assert(*err.msg && !strchr(err.msg, '\n'));
        assert(!h.backing && !h.backing_format);
        return;
    }
    assert(!h.backing || strlen(h.backing) <= 1023);
    assert(!h.backing_format || h.backing);
}

static void check_links(int fd)
{
    CLEANUP(qcow2_links_done) struct qcow2_links l = {0};
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    qcow2_links_read(path, &l);
    /* Absolute, for a relative one is resolved against the image's directory. */
    assert(!l.backing || l.backing[0] == '/');
    assert(!l.data || l.data[0] == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_CLOSE int fd = memfd_create("image", MFD_CLOEXEC);

    assert(fd >= 0 && (size == 0 || write(fd, data, size) == (ssize_t)size));
    check_header(fd);
    check_links(fd);
    return 0;
}
