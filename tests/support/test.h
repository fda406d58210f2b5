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

#endif
