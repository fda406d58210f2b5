/* SPDX-License-Identifier: MIT
 *
 * A repository in a directory of its own, and what a hypervisor would do with its images.
 */
#ifndef VMKEEP_TESTS_REPO_SUPPORT_H
#define VMKEEP_TESTS_REPO_SUPPORT_H

#include "base/err.h"
#include "base/model.h"
#include "storage/repository/repository.h"

#define CAPACITY (UINT64_C(8) << 20)
#define T0 INT64_C(1795401000) /* 2026-11-23T02:30:00Z */

/* Setup and teardown of a test: repo_path is a new repository, repo_tmp the directory around it. */
extern char *repo_tmp, *repo_path;
int repo_setup(void **state);
int repo_teardown(void **state);

/* Who the tests are to the repository: catalog 0123abcd. */
extern const struct repository_access repo_access;
#define AS (&repo_access)

/* The plan of a point of local/web01, policy nightly, day days after T0, with the disks vda and
 * vdb; parent NULL: a full. */
struct point plan_make(int day, const struct point *parent);

/* Writes len bytes of `pattern` at `at` into the image, as a guest would; pattern 0 writes
 * zeroes. */
void image_write(const char *file, uint64_t at, uint64_t len, int pattern);

/* Makes a file below the repository. */
void put(const char *name, const char *text);

/* Prepares and publishes a full and two increments, all with different data, some overwritten and
 * some zeroed, and writes the same to the reference images repo_tmp/ref-DAY-DISK.raw. */
void make_chain(struct point points[3]);
void done_all(struct point points[3]);
char *reference_name(int day, size_t disk); /* caller frees */

/* The two images hold the same bytes. */
void assert_same_content(const char *a, const char *a_format, const char *b, const char *b_format);

/* An err for one call that must fail with this code, or work. */
#define FAILS(call, want)                                                                          \
    do {                                                                                           \
        struct err e_ = ERR_INIT, *err = &e_;                                                      \
        assert_int_equal(call, -1);                                                                \
        if (e_.code != (want))                                                                     \
            fail_msg("%s: %s, not %s", e_.msg, err_code_name(e_.code), err_code_name(want));       \
    } while (0)

#define WORKS(call)                                                                                \
    do {                                                                                           \
        struct err e_ = ERR_INIT, *err = &e_;                                                      \
        if ((call) < 0)                                                                            \
            fail_msg("%s", e_.msg);                                                                \
    } while (0)

/* Where a point comes from: its definition, written by ourselves. */
#define ORIGIN(name_, text_)                                                                       \
    (&(struct point_origin){                                                                       \
        .definitions = &(struct definition_list){                                                  \
            .items = &(struct definition_file){.name = (char *)(name_), .text = (char *)(text_)},  \
            .n = 1}})

/* For a list of tests, with this setup and teardown. */
#define REPO_TEST(name) cmocka_unit_test_setup_teardown(name, repo_setup, repo_teardown)

/* Runs a program that must succeed. */
void must_run(const char *const *argv);
#define MUST_RUN(...) must_run((const char *[]){__VA_ARGS__, NULL})

#endif
