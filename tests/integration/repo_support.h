/* SPDX-License-Identifier: MIT
 *
 * A repository in a directory of its own, and what a hypervisor would do with its images.
 */
#ifndef VMKEEP_TESTS_REPO_SUPPORT_H
#define VMKEEP_TESTS_REPO_SUPPORT_H

#include "base/model.h"

#define CAPACITY (UINT64_C(8) << 20)
#define T0 INT64_C(1795401000) /* 2026-11-23T02:30:00Z */

/* Setup and teardown of a test: repo_path is a new repository, repo_tmp the directory around it. */
extern char *repo_tmp, *repo_path;
int repo_setup(void **state);
int repo_teardown(void **state);

/* The plan of a point of local/web01, policy nightly, day days after T0, with the disks vda and vdb;
 * parent NULL: a full. */
struct point plan_make(int day, const struct point *parent);

/* Writes len bytes of `pattern` at `at` into the image, as a guest would; pattern 0 writes zeroes. */
void image_write(const char *file, uint64_t at, uint64_t len, int pattern);

/* Prepares and publishes a full and two increments, all with different data, some overwritten and
 * some zeroed, and writes the same to the reference images repo_tmp/ref-DAY-DISK.raw. */
void make_chain(struct point points[3]);

/* The two images hold the same bytes. */
void assert_same_content(const char *a, const char *a_format, const char *b, const char *b_format);

/* Runs a program that must succeed. */
void must_run(const char *const *argv);
#define MUST_RUN(...) must_run((const char *[]){__VA_ARGS__, NULL})

#endif
