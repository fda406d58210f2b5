/* SPDX-License-Identifier: MIT
 *
 * Private to storage/: the directories below repository.h, and what lies in them.
 *
 * Every component that we make is opened without following symbolic links, so that a name in the
 * repository never leads out of it; only the repository's own path may contain them.
 */
#ifndef VMKEEP_STORAGE_REPOSITORY_REPOSITORY_PRIV_H
#define VMKEEP_STORAGE_REPOSITORY_REPOSITORY_PRIV_H

#include "storage/images/keys.h"
#include "storage/repository/repository.h"

#define PARTIAL ".partial"
#define DELETING ".deleting"
#define MANIFEST "point.json"
#define MANIFEST_MAX ((size_t)4 << 20)

/* The part of an id behind the last slash: TIME.POLICY. Borrowed from id. */
const char *point_id_name(const char *id);

/* Absolute name of a file in the point's directory, or of the directory (file NULL). suffix: "",
 * PARTIAL or DELETING. Caller frees. */
char *repository_path(const char *path, const char *point_id, const char *suffix, const char *file);

/* *ret_fd: the directory HOST/DOMAIN of a valid point_id. ERR_NOTFOUND; create makes it,
 * durably. */
int open_domain_dir(const char *path, const char *point_id, bool create, int *ret_fd,
                    struct err *err);

/* The same, for what may not be there: *ret_fd is -1 then.  ERR_NOTFOUND: the repository itself is
 * not there, so that a disk that is not mounted does not pass for an empty one. */
int find_domain_dir(const char *path, const char *point_id, int *ret_fd, struct err *err);

/* The directory HOST/DOMAIN of point_id in the repository that must be there (access), claimed
 * for us. create: as open_domain_dir; else *ret_fd is -1 when there is none. */
int open_our_domain_dir(const char *path, const struct repository_access *access,
                        const char *point_id, bool create, int *ret_fd, struct err *err);

/* ERR_BUSY: an image in another point of the directory stands on one of the point; another error:
 * that cannot be told. but: the id of one that may; NULL: none. */
int check_nothing_stands_on(int domain, const char *path, const char *point_id, const char *but,
                            struct err *err);

/* A directory in dir; ERR_NOTFOUND. where: its full name, for errors. */
int open_dir_at(int dir, const char *name, const char *where, int *ret_fd, struct err *err);

/* A regular file in dir, for reading. */
int open_file_at(int dir, const char *name, const char *where, int *ret_fd, struct err *err);

/* The whole of a small file in dir, NUL-terminated. ERR_NOTFOUND; ERR_CORRUPT: larger than max.
 * Caller frees. */
int read_small_at(int dir, const char *name, const char *where, size_t max, char **ret,
                  size_t *ret_len, struct err *err);

/* mkdirat(2), but searchable by everybody, and readable by its owner alone. -1 with errno. */
int mkdir_searchable(int dir, const char *name);

/* name in dir with all that is in it; fine if there is none. Does not sync dir. */
int remove_tree_at(int dir, const char *name, const char *where, struct err *err);

int sync_fd(int fd, const char *where, struct err *err);

/* The manifest in a point's directory as it stands there; its id must be point_id.  ERR_CORRUPT: it
 * is not there, or damaged; ERR_UNSUPPORTED: of a newer version. */
int read_manifest_file(int point_dir, const char *path, const char *point_id, struct point *ret,
                       struct err *err);

/* The manifest in a point's directory, as its images are (storage/merge/merge.h); its id must be
 * point_id. */
int read_manifest(int point_dir, const char *path, const char *point_id, struct point *ret,
                  struct err *err);

/* point_id's manifest and those of all points that it stands on, lowest last. */
int read_chain(const char *path, const char *point_id, struct point_list *ret, struct err *err);

/* The images of one disk from point_id's down to the one that stands alone: all there, as long as
 * their manifests say, each naming the one below and qcow2 as its format. Reads no data.
 * ret_odd: where it is not NULL, an image of another length is no error, but a sentence in it. */
int check_disk_chain(const char *path, const struct point_list *chain, const char *point_id,
                     const char *disk, struct strlist *ret_odd, struct err *err);

/* What an image of a disk names as its backing file: "../TIME.POLICY/FILE". below: the point that
 * it stands on. ERR_CORRUPT: that has no such disk. */
int backing_name(const struct point *below, const char *disk, char **ret, struct err *err);

/* name with suffix in the directory of point_id; fine if there is none. Synced. */
int remove_suffixed(int domain, const char *path, const char *point_id, const char *suffix,
                    struct err *err);

/* ---- images, in repository_images.c ---- */

/* The image's header must say what the manifest or plan does. backing: NULL for none. */
int image_check_header(int fd, const char *where, uint64_t capacity, const char *backing,
                       struct err *err);

/* An empty qcow2 image. backing as in its header; NULL: none. key: it is encrypted with it, or
 * NULL. */
int image_create(const char *file, uint64_t capacity, const char *backing, const struct key *key,
                 struct err *err);

/* Nobody writes it, and QEMU can open it; an encrypted one, with the key that it is read with. */
int image_check_opens(const char *file, struct err *err);

#endif
