/* SPDX-License-Identifier: MIT
 *
 * cmocka wants these four headers before its own, in this order. */
#ifndef VMKEEP_TESTS_TEST_H
#define VMKEEP_TESTS_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

/* A new directory in the temporary folder, where tests/support/in_tmp sees what is left. */
static inline void test_make_dir(char *dir, size_t size)
{
    const char *tmp = getenv("TMPDIR");

    assert_true(snprintf(dir, size, "%s/vmkeep-XXXXXX", tmp ? tmp : "/tmp") < (int)size);
    assert_non_null(mkdtemp(dir));
}

static inline int test_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

/* It, and all that is in it. */
static inline int test_remove_dir(const char *dir)
{
    return nftw(dir, test_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
