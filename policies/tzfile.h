/* SPDX-License-Identifier: MIT
 *
 * tzfile: what a compiled zone file (TZif, RFC 8536) says.  Private to policies/.
 */
#ifndef VMKEEP_POLICIES_TZFILE_H
#define VMKEEP_POLICIES_TZFILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"
#include "policies/tzrule.h"

/* From `at` on, the clock stands `offset` seconds east of UTC. */
struct tz_transition {
    int64_t at;
    int32_t offset;
};

struct tz_data {
    int32_t first_offset; /* before the first transition */
    VEC(struct tz_transition) transitions;
    bool has_rule;
    struct tz_rule rule; /* behind the last transition */
};

/* No offset in a zone is larger, either way. */
#define TZ_OFFSET_MAX (26 * 3600)

/* data: the file's content.  ERR_CORRUPT says what is wrong with it; ERR_UNSUPPORTED for a file
 * that counts leap seconds.  Release *ret with tz_data_done. */
int tz_data_parse(const void *data, size_t len, struct tz_data *ret, struct err *err);
void tz_data_done(struct tz_data *d);

#endif
