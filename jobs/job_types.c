/* SPDX-License-Identifier: MIT */
#include "jobs/job_types.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "jobs/backup.h"
#include "jobs/checkpoint_prune.h"
#include "jobs/copy.h"
#include "jobs/delete.h"
#include "jobs/manual_backup.h"
#include "jobs/prune.h"
#include "jobs/verify.h"

static const struct job_type *const types[] = {
    &backup_type, &checkpoint_prune_type, &copy_type, &delete_type, &manual_backup_type,
    &prune_type,  &verify_type,
};

const struct job_type *job_type_of(const char *kind)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (str_eq(types[i]->kind, kind))
            return types[i];
    return NULL;
}
