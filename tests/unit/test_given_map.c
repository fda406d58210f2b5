/* SPDX-License-Identifier: MIT */
#include "engine/image_command.h"

#include <string.h>

#include "tests/support/test.h"

#define CAPACITY (1024 * 1024)

static int check(const char *map, struct err *err)
{
    *err = ERR_INIT;
    return image_check_map("/x", map, CAPACITY, err);
}

static void assert_refused(const char *map, enum err_code code, const char *why)
{
    struct err err;

    assert_int_equal(check(map, &err), -1);
    assert_string_equal(err.msg, why);
    assert_int_equal(err.code, code);
}

static void test_an_empty_image_of_the_size_is_taken(void **state)
{
    struct err err;

    (void)state;
    assert_int_equal(
        check("[{\"start\": 0, \"length\": 524288, \"present\": false, \"data\": false},"
              " {\"start\": 524288, \"length\": 524288}]",
              &err),
        0);
}

static void test_data_and_sizes_are_refused(void **state)
{
    (void)state;
    assert_refused("[{\"start\": 0, \"length\": 65536},"
                   " {\"start\": 65536, \"length\": 983040, \"data\": true}]",
                   ERR_EXISTS,
                   "/x is not empty: it holds data at offset 65536, which would become part of the"
                   " backup; make it anew");
    assert_refused("[{\"start\": 0, \"length\": 65536}]", ERR_INVALID,
                   "/x is an image of 65536 bytes, the disk has 1048576");
    assert_refused("[]", ERR_INVALID, "/x is an image of 0 bytes, the disk has 1048576");
}

static void test_what_is_no_map_is_refused(void **state)
{
    static const char why[] = "qemu-img map /x: not a list of extents";

    (void)state;
    assert_refused("", ERR_PROTOCOL, why);
    assert_refused("{}", ERR_PROTOCOL, why);
    assert_refused("[7]", ERR_PROTOCOL, why);
    assert_refused("[{\"start\": -5, \"length\": 1048581}]", ERR_PROTOCOL, why);
    assert_refused("[{\"start\": 0, \"length\": 1048576}, {\"start\": 1048576, \"length\": 0}]",
                   ERR_PROTOCOL, why);
    /* The sum is beyond what JSON's numbers are here. */
    assert_refused("[{\"start\": 9223372036854775807, \"length\": 9223372036854775807}]",
                   ERR_INVALID,
                   "/x is an image of 18446744073709551614 bytes, the disk has 1048576");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_image_of_the_size_is_taken),
        cmocka_unit_test(test_data_and_sizes_are_refused),
        cmocka_unit_test(test_what_is_no_map_is_refused),
    };

    return cmocka_run_group_tests_name("given_map", tests, NULL, NULL);
}
