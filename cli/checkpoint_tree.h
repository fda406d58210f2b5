/* SPDX-License-Identifier: MIT
 *
 * checkpoint_tree: the daemon's list of a domain's checkpoints, and who is whose child in it.
 */
#ifndef VMKEEP_CLI_CHECKPOINT_TREE_H
#define VMKEEP_CLI_CHECKPOINT_TREE_H

#include <jansson.h>
#include <stdbool.h>

#include "policies/config.h"

const char *checkpoint_name(const json_t *k);                        /* never NULL */
const json_t *checkpoint_find(const json_t *list, const char *name); /* NULL: not there */
/* The parent, if it is in the list. */
const json_t *checkpoint_parent(const json_t *list, const json_t *k);
size_t checkpoint_children(const json_t *list, const json_t *k);
size_t checkpoint_descendants(const json_t *list, const json_t *k);
/* Is k a child of the one called name; or (deep) a descendant? */
bool checkpoint_comes_of(const json_t *list, const json_t *k, const char *name, bool deep);

/* All checkpoints of the domain, as the daemon has them; *ret: the list, owned by the caller.
 * 0, or an exit code when the error has been printed. */
int checkpoint_ask(const struct config *config, const char *domain, json_t **ret);
/* The same, and *ret_one: the one called name, in the list. */
int checkpoint_ask_one(const char *domain, const char *name, json_t **ret, const json_t **ret_one);

#endif
