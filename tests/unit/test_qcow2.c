/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "storage/images/qcow2.h"

#define SIZE 4096

/* A version 3 header of a 1 GiB image on ../a/vda.qcow2, format qcow2. */
static void make_header(unsigned char b[SIZE])
{
    static const unsigned char head[] = {
        'Q', 'F', 'I', 0xfb, 0, 0, 0, 3,                 /* magic, version */
        0,   0,   0,   0,    0, 0, 2, 0, 0,    0, 0, 14, /* backing file: at 512, 14 bytes */
        0,   0,   0,   16,   0, 0, 0, 0, 0x40, 0, 0, 0,  /* cluster bits, size */
    };
    static const unsigned char extension[] = {0xe2, 0x79, 0x2a, 0xca, 0,   0,  0,
                                              5,    'q',  'c',  'o',  'w', '2'};

    memset(b, 0, SIZE);
    memcpy(b, head, sizeof(head));
    b[103] = 104; /* header length */
    memcpy(b + 104, extension, sizeof(extension));
    memcpy(b + 512, "../a/vda.qcow2", 14);
}

static enum err_code read_bytes(const unsigned char *b, size_t len, struct qcow2_header *ret)
{
    CLEANUP_CLOSE int fd = memfd_create("image", MFD_CLOEXEC);
    struct err err = ERR_INIT;
    int rc;

    assert_int_equal(write(fd, b, len), len);
    rc = qcow2_read_header(fd, "image", ret, &err);
    assert_int_equal(rc, err.code == ERR_NONE ? 0 : -1);
    return err.code;
}

static void reading(void **state)
{
    CLEANUP(qcow2_header_done) struct qcow2_header h = {0};
    unsigned char b[SIZE];

    (void)state;
    make_header(b);
    assert_int_equal(read_bytes(b, SIZE, &h), ERR_NONE);
    assert_int_equal(h.capacity, 1 << 30);
    assert_string_equal(h.backing, "../a/vda.qcow2");
    assert_string_equal(h.backing_format, "qcow2");
}

static void version_2_stands_alone(void **state)
{
    CLEANUP(qcow2_header_done) struct qcow2_header h = {0};
    unsigned char b[SIZE];

    (void)state;
    make_header(b);
    b[7] = 2;
    memset(b + 8, 0, 12);
    memset(b + 72, 0xff, 32); /* no flags there in version 2 */
    assert_int_equal(read_bytes(b, SIZE, &h), ERR_NONE);
    assert_null(h.backing);
}

static void damaged(void **state)
{
    static const struct {
        int at;
        unsigned char value;
        enum err_code code;
    } cases[] = {
        {0, 'X', ERR_CORRUPT},    {7, 4, ERR_UNSUPPORTED},
        {7, 0, ERR_UNSUPPORTED},  {17, 1, ERR_CORRUPT}, /* a name of 65550 bytes */
        {8, 0xff, ERR_CORRUPT},                         /* far behind the end of the file */
        {79, 2, ERR_CORRUPT},                           /* marked corrupt */
        {79, 4, ERR_UNSUPPORTED},                       /* an external data file */
        {108, 0xff, ERR_CORRUPT},                       /* an extension without end */
        {100, 0xff, ERR_CORRUPT},                       /* a header without end */
    };
    CLEANUP(qcow2_header_done) struct qcow2_header h = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned char b[SIZE];

        make_header(b);
        b[cases[i].at] = cases[i].value;
        if (read_bytes(b, SIZE, &h) != cases[i].code)
            fail_msg("byte %d: should be %s", cases[i].at, err_code_name(cases[i].code));
        assert_null(h.backing);
    }
}

static void cut_off(void **state)
{
    CLEANUP(qcow2_header_done) struct qcow2_header h = {0};
    unsigned char b[SIZE];

    (void)state;
    make_header(b);
    for (size_t len = 0; len < 526; len++)
        assert_int_equal(read_bytes(b, len, &h), ERR_CORRUPT);
    assert_int_equal(read_bytes(b, 526, &h), ERR_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading),
        cmocka_unit_test(version_2_stands_alone),
        cmocka_unit_test(damaged),
        cmocka_unit_test(cut_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
