/* SPDX-License-Identifier: MIT
 *
 * Before everything else in a build that counts lines (the preset "coverage"): a child process that
 * ends by _exit() writes down what it has run, too. */
#ifndef VMKEEP_TESTS_COVERAGE_H
#define VMKEEP_TESTS_COVERAGE_H

#include <unistd.h>

void __gcov_dump(void);

static inline __attribute__((noreturn)) void exit_counted(int status)
{
    __gcov_dump();
    _exit(status);
}

#define _exit exit_counted

#endif
