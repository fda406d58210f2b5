/* SPDX-License-Identifier: MIT
 *
 * A chain that merges have a hard time with: eight points, three disks. vda stays as it is; vdb
 * grows; vdc shrinks, and grows again. Images have different cluster sizes.  Each disk of each
 * point has a raw reference of the same bytes.
 */
#ifndef VMKEEP_TESTS_MERGE_SUPPORT_H
#define VMKEEP_TESTS_MERGE_SUPPORT_H

#include "tests/integration/repo_support.h"

#define CHAIN 8
#define CHAIN_DISKS 3

enum chain_kind { CHAIN_PLAIN, CHAIN_COMPRESSED, CHAIN_ENCRYPTED };
#define CHAIN_SECRET "main-key"

/* What chain_make makes from now on.  An encrypted one has its key in chain_key_file. */
void chain_will_be(enum chain_kind kind);
char *chain_key_file(void); /* caller frees */
/* Ids, oldest first; from seed. */
void chain_make(unsigned seed, struct strlist *ret);
/* Every disk of that point, held against its reference; day: its number when the chain was made. */
void chain_compare(const char *id);
/* The repository as it was after chain_make, or as it is kept now. */
void chain_keep(void);
void chain_put_back(void);
int chain_day(const char *id);

int merge_into(const char *point, const char *into, struct err *err);
/* One that was cut off is called again, and comes to its end. */
void merge_finish(const char *point, const char *into);

#endif
