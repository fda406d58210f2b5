/* SPDX-License-Identifier: MIT
 *
 * Private to storage/: the schema's migrations, embedded from schema/NNNN.sql by the build. */
#ifndef VMKEEP_STORAGE_CATALOG_SCHEMA_H
#define VMKEEP_STORAGE_CATALOG_SCHEMA_H

/* The SQL that brings a catalog from version - 1 to version. */
const char *schema_step(int version);

#endif
