/* SPDX-License-Identifier: MIT
 *
 * qcow2_links: the files that a qcow2 image names, without judging the image.  qcow2.h is for
 * reading one; this is for knowing what belongs to it. */
#ifndef VMKEEP_STORAGE_IMAGES_QCOW2_LINKS_H
#define VMKEEP_STORAGE_IMAGES_QCOW2_LINKS_H

#include <stdbool.h>
#include <sys/stat.h>

struct qcow2_links {
    char *backing; /* a file's path; NULL: none, or not on this host's files */
    char *data;    /* likewise, of the file that holds its data */
    bool backing_is_raw;
    bool encrypted;
};

/* path: for names that are relative to it.  What cannot be read gives nothing. */
void qcow2_links_read(const char *path, struct qcow2_links *ret);
void qcow2_links_done(struct qcow2_links *l);

/* The file is below the image, at any depth, or holds the data of one of these. */
bool qcow2_stands_on(const char *image, const struct stat *file);

/* An image in the directory that stands on the file; caller frees.  NULL: none is known. */
char *qcow2_above(const char *dir, const struct stat *file);

#endif
