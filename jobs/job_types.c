/* SPDX-License-Identifier: MIT */
#include "jobs/job_types.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "jobs/backup.h"
#include "jobs/manual_backup.h"
#include "jobs/prune.h"

const struct job_type *job_type_of(enum job_kind kind)
{
    static const struct job_type *const types[] = {&backup_type, &prune_type, &manual_backup_type};

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (types[i]->kind == kind)
            return types[i];
    abort(); /* the catalog knows no others */
}
