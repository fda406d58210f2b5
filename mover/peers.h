/* SPDX-License-Identifier: MIT
 *
 * peers: the two NBD servers that the mover talks to, over libnbd's asynchronous calls.
 *
 * The source is whoever exports the disk.  The target is a qemu-nbd of our own on the image
 * (mover/qemu_nbd.h), which ends when we let go of it.  It opens the image without its backing
 * file, which is never needed for whole clusters.
 *
 * All waiting is in peers_turn, so that there is one place where a signal ends everything, and a
 * peer from which nothing came for too long.
 */
#ifndef VMKEEP_MOVER_PEERS_H
#define VMKEEP_MOVER_PEERS_H

#include <libnbd.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define CONTEXT_ALLOCATION "base:allocation"
#define CONTEXT_BITMAP "qemu:dirty-bitmap:"
#define CONTEXT_DEPTH "qemu:allocation-depth"
#define PEERS_SHARED_MAX 17

struct peer {
    const char *name; /* for errors: URI, path */
    struct nbd_handle *nbd;
    uint64_t size;
    bool ours; /* a qemu-nbd that we have started */
};

struct peers {
    struct peer source, target;
    int64_t stall_ms; /* as long as nothing is heard, in elapsed time */
    int64_t heard_ms; /* when something was heard last; see peers_now_ms */
    /* Of the copy, in bytes; told is called after each turn, however little has happened in it:
     * it is the sign of life. */
    uint64_t done, total;
    void (*told)(uint64_t done, uint64_t total);
    pid_t server; /* our qemu-nbd; 0: none */
    int said;     /* a file with what qemu-nbd wrote to standard error; -1: none */
};

#define PEERS_INIT ((struct peers){.said = -1})

/* Elapsed time. */
int64_t peers_now_ms(void);

/* SIGTERM, SIGINT and SIGHUP make peers_turn fail from now on. */
int peers_catch_signals(struct err *err);

/* context: what is asked for beside base:allocation; a server that lacks it is refused. NULL: none.
 * Both names are borrowed for as long as p lives. */
int peers_open_source(struct peers *p, const char *uri, const char *context, struct err *err);
/* key: the file of the key that the image is encrypted with; NULL: it is not. */
int peers_open_target(struct peers *p, const char *image, const char *key, struct err *err);
/* Instead of either: a qcow2 file, or an image as "json:{...}" says, that is only read, as a
 * source.  bitmap: what of it is served as CONTEXT_BITMAP and this name, or NULL.  object: of
 * --object, or NULL. */
int peers_open_image(struct peers *p, const char *image, const char *bitmap, const char *object,
                     struct err *err);

/* An image with all that it stands on, to be read. */
struct chain_spec {
    const char *image, *format;  /* a file; qcow2, raw */
    const char *opened, *object; /* encrypted: instead of image, and of --object; NULL: it is not */
    bool depth;                  /* which image of the chain holds what is told: CONTEXT_DEPTH */
    bool direct;                 /* past the page cache, where the file system can */
    bool locked;                 /* by who writes to it, but not now; only a host_map has it */
    int more;                    /* connections beside ours, below PEERS_SHARED_MAX */
};
/* Instead of either, as a source.  ret_more: the connections, the caller's; set only on success. */
int peers_open_chain(struct peers *p, const struct chain_spec *spec, int *ret_more,
                     struct err *err);

/* Waits for either peer, at most so long or half a second, and lets libnbd do what has become
 * possible; completions run from inside.  ERR_CANCELED: a signal; ERR_TIMEOUT: nothing heard for
 * too long; ERR_REMOTE: a peer is gone. */
int peers_turn(struct peers *p, int wait_ms, struct err *err);

/* After a libnbd call on this peer has failed. Returns -1. */
int peers_failed(const struct peers *p, const struct peer *peer, struct err *err);

/* After a command has completed with that errno. Returns -1. */
int peers_command_failed(const struct peer *peer, const char *what, uint64_t offset, int sys,
                         struct err *err);

/* Makes what was written last: the target is flushed and closed, qemu-nbd has ended. */
int peers_finish(struct peers *p, struct err *err);

/* Lets go of what is still open; a qemu-nbd that still runs is killed. Within a second. */
void peers_done(struct peers *p);

#endif
