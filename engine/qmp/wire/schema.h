/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  What this QEMU can do, from its own description (query-qmp-schema;
 * docs/devel/qapi-code-gen, "Client JSON Protocol introspection").
 */
#ifndef VMKEEP_ENGINE_QMP_SCHEMA_H
#define VMKEEP_ENGINE_QMP_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

/* Does the command take an argument of that name?  False for a schema of another shape. */
bool schema_has_argument(json_t *schema, const char *command, const char *argument);

#endif
