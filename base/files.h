/* SPDX-License-Identifier: MIT
 *
 * files: files that may hang, looked at and worked on by vmkeep-store (base/ask.h), for the loop.
 *
 * A process may be named, such as a hypervisor's: then a file is reached by the descriptor that it
 * has open under that name, so that those count that have lost their name or were replaced.  Where
 * we may not look at these, names do.
 */
#ifndef VMKEEP_BASE_FILES_H
#define VMKEEP_BASE_FILES_H

#include <stdint.h>

#include "base/alloc.h"
#include "base/op.h"
#include "base/record.h"

struct ev_loop;

enum file_type { FILE_REGULAR, FILE_BLOCK, FILE_OTHER };

/* One file, as it was found. */
struct file_fact {
    char *path;
    bool is_open;  /* found among the process's descriptors */
    bool has_name; /* something is there under its path, links not followed */
    int missing;   /* why it cannot be looked at, links followed: an errno; 0: the rest is true */
    enum file_type type;
    uint64_t device, inode, size;
    int64_t changed; /* nanoseconds since the epoch */
    char *identity;  /* what tells it from every other; NULL: not known. */

    /* When it was looked at closely, which opens it: */
    int unreadable;                   /* an errno; 0: the rest is true */
    uint32_t qcow2;                   /* the version in its header; 0: it is none */
    uint64_t end;                     /* where it ends, of a device too */
    uint64_t space_free, space_total; /* of a regular file's file system; 0, 0: not known */
    bool busy;                        /* a block device that is mounted, or part of another */
    int no_locks;                     /* why it cannot be asked for its locks: an errno; 0: */
    bool locked;                      /* a QEMU has it open for writing */

    struct err *error; /* of FILES_MAKE and FILES_TRY; NULL: it is there now, or could be */
};

struct file_list {
    struct file_fact *items;
    size_t n, cap;
};

enum files_what {
    FILES_LOOK,      /* what are those of these names, and all that the process has open? */
    FILES_TOUCH,     /* do those of these names that the process has open take a change? */
    FILES_SYNC,      /* the same are brought onto their medium; other errors count too */
    FILES_WRITE_OUT, /* the same, as they grow, until the process has them open no more; of no
                        process, those of these names, until it is cancelled.  A file that has lost
                        its name is only held open till then, and removed piece by piece */
    FILES_MAKE,      /* makes them, empty, ours alone, then that user's; none may be there */
    FILES_REMOVE,    /* fine when they are not there */
    FILES_TRY,       /* makes them as FILES_MAKE does, sees whether that user gets there, and
                        removes them again */
};

struct files_request {
    uint32_t pid; /* 0: of no process */
    const struct strlist *names;
    const struct strlist *closely; /* LOOK: of these names, and they are opened, too */
    uint32_t uid, gid;
};

/* ERR_TIMEOUT names the file that does not answer.  What is asked is borrowed for the start.  Of
 * TOUCH, SYNC and REMOVE the list stays empty. */
struct op *files_ask(struct ev_loop *loop, enum files_what what, const struct files_request *q,
                     double timeout_s, struct file_list *ret, op_done done, void *ctx,
                     struct err *err);

/* As the process has it open; else as it lies under its name, of what was asked for.  NULL: none of
 * that path. */
const struct file_fact *file_find(const struct file_list *l, const char *path);
/* As it lies under its name, and only else as it is open. */
const struct file_fact *file_find_named(const struct file_list *l, const char *path);
/* Both are there, and the same file. */
bool file_is_same(const struct file_fact *a, const struct file_fact *b);
/* To the end of another list, which is empty then. */
void file_list_move(struct file_list *to, struct file_list *from);
void file_list_done(struct file_list *l);

extern const char *const files_words[]; /* "files-look", by enum files_what */
extern const struct record files_request_record;
extern const struct record files_answer_record; /* struct file_list, under "files" */

#endif
