/* SPDX-License-Identifier: MIT
 *
 * Backup requests of every kind, and whether two say the same.
 */
#ifndef VMKEEP_TESTS_BACKUP_REQUEST_H
#define VMKEEP_TESTS_BACKUP_REQUEST_H

#include "engine/backup.h"

/* Each is complete, as backup_begin gets it. */
extern const struct backup_request sample_requests[];
extern const size_t n_sample_requests;

/* All that has a written form is the same: else the program ends, saying what differs. */
void assert_requests_equal(const struct backup_request *a, const struct backup_request *b);

#endif
