/* SPDX-License-Identifier: MIT
 *
 * tmp: for fuzzers that need files by name: the test's temporary folder is the working directory,
 * and what they make there they remove when they exit. */
#ifndef VMKEEP_TESTS_FUZZ_TMP_H
#define VMKEEP_TESTS_FUZZ_TMP_H

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

static inline void enter_tmp(void (*cleanup)(void))
{
    const char *dir = getenv("TMPDIR");

    assert(chdir(dir ? dir : "/tmp") == 0);
    atexit(cleanup);
}

#endif
