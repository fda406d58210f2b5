/* SPDX-License-Identifier: MIT
 *
 * For the tests of the catalog: a directory to work in, sample rows, and the whole catalog as
 * text. */
#ifndef VMKEEP_TESTS_CATALOG_SUPPORT_H
#define VMKEEP_TESTS_CATALOG_SUPPORT_H

#include "tests/support/test.h"

#include "storage/catalog/catalog_priv.h"

/* Fixture: *state is a struct scratch. */
struct scratch {
    char *dir;
    char *path; /* of the catalog; not there yet */
};
int scratch_make(void **state);
int scratch_remove(void **state);

struct catalog *open_writer(const struct scratch *s);
struct catalog *open_reader(const struct scratch *s);

/* The call must succeed. */
#define OK(call)                                                                                   \
    do {                                                                                           \
        struct err err = ERR_INIT;                                                                 \
        if ((call) < 0)                                                                            \
            fail_msg("%s: %s", #call, err.msg);                                                    \
    } while (0)

/* The call must fail with the code, and with the text in its message. */
#define FAILS(want_code, text, call)                                                               \
    do {                                                                                           \
        struct err err = ERR_INIT;                                                                 \
        assert_int_equal(call, -1);                                                                \
        if (err.code != (want_code) || !strstr(err.msg, text))                                     \
            fail_msg("%s: %s: %s", #call, err_code_name(err.code), err.msg);                       \
    } while (0)

/* A backup on host h; due 0: by hand. */
int64_t add_job(struct catalog *c, const char *domain, const char *policy, int64_t due);

/* Two disks. parent, checkpoint: may be NULL. Release with point_done. */
struct point sample_point(const char *id, const char *domain, const char *policy, int64_t created,
                          const char *parent, const char *checkpoint);

/* Adds, starts and publishes; returns the job's id. */
int64_t backup(struct catalog *c, const struct point *p);

/* Points a0, a1 ... of domain d and policy n. */
void add_points(struct catalog *c, int n);
/* A catalog with so many, closed. */
void make_catalog(const struct scratch *s, int points);
/* Opens and closes. */
int try_open(const struct scratch *s, enum catalog_access access, struct err *err);

/* The one job of that id. */
struct job get_job(struct catalog *c, int64_t id);

/* "name state, name state", all checkpoints of the domain. Caller frees. */
char *checkpoints_text(struct catalog *c, const char *domain);

/* Every row of every table but meta. Caller frees. */
char *dump(sqlite3 *h);
/* type, name and SQL of everything in the schema. Caller frees. */
char *dump_schema(sqlite3 *h);

void sql(sqlite3 *h, const char *text);

#endif
