/* SPDX-License-Identifier: MIT */
#include "tests/support/boot_guest.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fsutil.h"
#include "tests/support/test.h"

#define LOG_MAX ((size_t)16 << 20)

static const unsigned char code[] = {
    0x31, 0xc0,                         /* 00 xor ax, ax */
    0x8e, 0xd8,                         /* 02 mov ds, ax */
    0x88, 0x16, 0x5f, 0x7c,             /* 04 mov [0x7c5f], dl: the disk */
    0xb8, 0x00, 0x10,                   /* 08 mov ax, 0x1000 */
    0x8e, 0xc0,                         /* 0b mov es, ax */
    0x26, 0xff, 0x06, 0x00, 0x00,       /* 0d inc word es:[0]: something else */
    0xbe, 0x40, 0x7c,                   /* 12 mov si, 0x7c40 */
    0xb8, 0x00, 0x43,                   /* 15 mov ax, 0x4300: extended write */
    0x8a, 0x16, 0x5f, 0x7c,             /* 18 mov dl, [0x7c5f] */
    0xcd, 0x13,                         /* 1c int 0x13 */
    0xb0, 'o',                          /* 1e mov al, 'o' */
    0x73, 0x02,                         /* 20 jnc 24 */
    0xb0, 'F',                          /* 22 mov al, 'F' */
    0xe6, 0xe9,                         /* 24 out 0xe9, al */
    0x81, 0x06, 0x48, 0x7c, 0x80, 0x00, /* 26 add word [0x7c48], 128 */
    0x81, 0x26, 0x48, 0x7c, 0xff, 0x3f, /* 2c and word [0x7c48], 0x3fff */
    0x81, 0x0e, 0x48, 0x7c, 0x00, 0x10, /* 32 or word [0x7c48], 0x1000 */
    0xeb, 0xd3,                         /* 38 jmp 0d */
};
/* At 40: size, 64 sectors from 1000:0000, to sector 0x1000. */
static const unsigned char packet[] = {0x10, 0, 0x40, 0, 0, 0, 0, 0x10, 0, 0x10, 0, 0, 0, 0, 0, 0};

void boot_guest_write(const char *image)
{
    unsigned char sector[512] = {[510] = 0x55, [511] = 0xaa};
    CLEANUP_CLOSE int fd = open(image, O_WRONLY | O_CLOEXEC);

    memcpy(sector, code, sizeof(code));
    memcpy(sector + 0x40, packet, sizeof(packet));
    assert_int_equal(pwrite(fd, sector, sizeof(sector), 0), sizeof(sector));
}

char *boot_guest_chardev(const char *log)
{
    return xasprintf("file,id=guest,path=%s", log);
}

struct boot_guest_writes boot_guest_writes(const char *log)
{
    struct boot_guest_writes ret = {0};
    CLEANUP_FREE char *text = NULL;
    struct err err = ERR_INIT;
    size_t len = 0;

    if (read_file(log, LOG_MAX, &text, &len, &err) < 0)
        return ret;
    for (size_t i = 0; i < len; i++) {
        ret.good += text[i] == 'o';
        ret.failed += text[i] == 'F';
    }
    return ret;
}
