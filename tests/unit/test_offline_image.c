/* SPDX-License-Identifier: MIT
 *
 * What qemu-img says of the images of a domain that is shut off: which bitmaps can be believed.
 */
#include "tests/support/test.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/qmp/offline/image.h"

#define BITMAP(name, flags)                                                                        \
    "{\"name\": \"" name "\", \"granularity\": 65536, \"flags\": [" flags "]}"
#define IMAGE(file, bitmaps)                                                                       \
    "{\"filename\": \"" file "\", \"format\": \"qcow2\", \"virtual-size\": 1048576,"               \
    " \"actual-size\": 4096, \"format-specific\": {\"type\": \"qcow2\", \"data\":"                 \
    " {\"compat\": \"1.1\", \"bitmaps\": [" bitmaps "]}}}"

static const struct view_disk_name disk = {(char *)"vda", (char *)"/i/top", (char *)"qcow2"};

static void decode(const char *text, struct image *ret)
{
    struct err err = ERR_INIT;

    if (image_decode(text, &disk, ret, &err) < 0)
        fail_msg("%s", err.msg);
}

static bool is_believed(const struct image *image, const char *bitmap)
{
    const struct bitmap_facts *b = disk_facts_bitmap(&image->facts, bitmap);

    assert_non_null(b);
    return b->recording && !b->inconsistent;
}

static void bitmaps_of_one_image_are_believed(void **state)
{
    CLEANUP(image_done) struct image image = {0};

    (void)state;
    decode("[" IMAGE("/i/top", BITMAP("c1", "\"auto\"") "," BITMAP(
                                   "c2", "\"in-use\", \"auto\"") "," BITMAP("c3", "")) "]",
           &image);
    assert_true(is_believed(&image, "c1"));
    assert_false(is_believed(&image, "c2"));
    assert_false(is_believed(&image, "c3"));
}

/* After an external snapshot: the overlay's bitmap has only what was written since. */
static void one_that_goes_on_below_is_not(void **state)
{
    CLEANUP(image_done) struct image image = {0};

    (void)state;
    decode("[" IMAGE("/i/top", BITMAP("c1", "\"auto\"") "," BITMAP("c2", "\"auto\"")) "," IMAGE(
               "/i/mid", "") "," IMAGE("/i/base", BITMAP("c1", "\"auto\"")) "]",
           &image);
    assert_false(is_believed(&image, "c1"));
    assert_true(is_believed(&image, "c2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bitmaps_of_one_image_are_believed),
        cmocka_unit_test(one_that_goes_on_below_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
