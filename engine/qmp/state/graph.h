/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  QEMU's block graph (x-debug-query-block-graph): which node stands on
 * which, and which jobs use them.  Borrows the reply; a missing reply is a graph without edges.
 */
#ifndef VMKEEP_ENGINE_QMP_GRAPH_H
#define VMKEEP_ENGINE_QMP_GRAPH_H

#include <jansson.h>
#include <stdbool.h>

/* The node below `node` along the edge of that name ("file", "backing"), or NULL. */
const char *graph_child(json_t *graph, const char *node, const char *edge);

/* The id of a block job, other than those that skip() names, that uses the node; or NULL. */
const char *graph_job_on(json_t *graph, const char *node, bool (*skip)(const char *id));

/* May somebody, other than those that known() names, write to the node?  A writer without a name
 * (an export) is called "". */
bool graph_has_writer(json_t *graph, const char *node, bool (*known)(const char *name, void *ctx),
                      void *ctx);

#endif
