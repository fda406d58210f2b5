/* SPDX-License-Identifier: MIT
 *
 * Private to view_*.c. */
#ifndef VMKEEP_ENGINE_QMP_VIEW_DISKS_H
#define VMKEEP_ENGINE_QMP_VIEW_DISKS_H

#include "engine/qmp/state/view.h"

/* What the functions here need to know of each disk while it is decoded. */
struct source {
    json_t *nodes, *graph;
    json_t *node;     /* of the image format, as query-named-block-nodes has it */
    json_t *protocol; /* the node below it: the file; NULL when it cannot be told */
};

/* A disk that has no name yet. */
struct candidate {
    json_t *block; /* of query-block */
    struct source source;
    const char *top;        /* what the device uses, but for filters of ours */
    char *image;            /* the open file; NULL: it is none */
    struct strlist devices; /* paths of the devices that use it */
    size_t entry;           /* the configuration's entry that it is called by, or SIZE_MAX; */
    size_t depth;           /* so far below the image is the file that the entry names */
};
struct candidates {
    struct candidate *items;
    size_t n, cap;
};

int view_decode_disks(json_t *const replies[Q_COUNT], const struct view_names *names,
                      struct view *ret, struct err *err);

/* What view_decode_disks passes over; after it. */
void view_decode_asides(json_t *const replies[Q_COUNT], const struct view_names *names,
                        struct view *v);
/* view_safety.c: why no filter can be put between the disk's devices and its image while the
 * guest runs, so that it sees all that is written; NULL: it can.  blocks: query-block's answer. */
const char *view_unsafe(const struct view_disk *disk, json_t *blocks, json_t *graph);
/* view_image.c: the nodes that a disk's image consists of. */
#define CHAIN_MAX 64 /* filters, or backing files, on top of one another */
json_t *view_find_node(json_t *nodes, const char *name);
json_t *view_child(const struct source *s, json_t *node, const char *edge);
bool view_is_filter(json_t *node);
/* The image below one, filters between them left out; NULL: none. */
json_t *view_backing(const struct source *s, json_t *node);
/* The file that an image's node has open, absolute; NULL when it is no file.  Caller frees. */
char *view_file_of(const struct source *s, json_t *node, const char *cwd);
/* What the file is that QEMU has open under that name; what lies there.  NULL: not known, and noted
 * in names->wanted. */
const struct file_fact *view_file_fact(const struct view_names *names, const char *path);
const struct file_fact *view_named_fact(const struct view_names *names, const char *path);
/* It is there, and no regular file.  path may be NULL. */
bool view_is_special(const struct view_names *names, const char *path);
/* What tells the image from every other. Caller frees; NULL: nothing. */
char *view_identity_of(const struct source *s, const char *image, const struct view_names *names);
/* The image and all below it, as QEMU has it now, for qemu-img.  NULL with *ret_why where that
 * cannot be said.  Caller frees both. */
char *view_tree_of(const struct source *s, const char *cwd, char **ret_why);

/* view_names.c: what disks are called. */
void view_choose_entries(struct candidates *c, const struct view_names *names);
char *view_device_name(const char *qdev); /* of its path or id; caller frees */
char *view_name_of(const struct candidate *c, const struct view_names *names);

#endif
