/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  A backup's beginning: what begin.c (the order of things) and
 * begin_check.c (the refusals) share. */
#ifndef VMKEEP_ENGINE_QMP_BEGIN_H
#define VMKEEP_ENGINE_QMP_BEGIN_H

#include "base/fsm.h"
#include "engine/image_command.h"
#include "engine/qmp/domain/freezer.h"
#include "engine/qmp/look/look.h"
#include "engine/qmp/state/ids.h"
#include "engine/qmp/tend/tend.h"

/* One disk of the request. */
struct begin_disk {
    const char *name, *base, *format, *export_name, *export_bitmap;
    const char *bitmap; /* of the new checkpoint, on this disk */
    struct backup_place place;
    bool track;
    bool is_device; /* the place is a block device */
    bool still;     /* the guest cannot write to it: it is copied without a shield */
    bool sounded;   /* the bitmap on its gate has all that holds data */
    const struct view_disk *source;
};

/* What is done with an image that is there already: made anew on its device, or looked at. */
enum begin_found { FOUND_NOT, FOUND_FORMAT, FOUND_EMPTY };

/* An image file that is made before anything else. */
struct begin_image {
    const struct begin_disk *disk;
    const char *path, *format;
    enum begin_found found;
    bool scratch; /* loses its name as soon as QEMU has it open */
    bool shield;  /* without it the copy goes on, unprotected */
    bool created; /* and is ours to remove */
    bool given;   /* it was made by the caller, for this */
    int tries;
};

/* A command, and what it is for: "disk vda: open /srv/vda.qcow2". */
struct begin_step {
    struct command command;
    char *what;
    bool makes_checkpoint; /* when it has gone well, the new checkpoint is there */
};
struct begin_steps {
    struct begin_step *items;
    size_t n, cap;
};

struct begin {
    struct task task; /* first */
    char tag[HV_TAG_MAX];
    struct strlist strings; /* owns those of the request */
    const char *checkpoint, *scratch;
    enum backup_mode mode;
    struct backup_address server;
    bool server_refused; /* the NBD server that runs is somebody else's */
    int ports_tried;     /* the server's port is ours to pick */
    VEC(struct begin_disk) disks;
    VEC(struct begin_image) images;
    bool shield; /* the copy is to be guest-safe; see begin_shield.c */
    enum quiesce quiesce;
    bool reuse_external, made_empty;
    uint64_t bandwidth;
    struct backup_begun begun, *ret;
    struct look look;
    enum { PLACES_UNSEEN, PLACES_ASKED, PLACES_SEEN } seeing;
    struct file_list places; /* what lies there before, */
    bool makes;              /* that files are made was asked for, */
    struct file_list made;   /* and how that went */
    struct fsm fsm;
    struct begin_steps steps; /* of the state, */
    size_t next;              /* or of its images: which is next */
    struct err err;           /* the first error: then everything is undone */
    bool marked;              /* the freeze is written down at QEMU; a thaw is owed */
    bool frozen;              /* the agent said so */
    struct err owed;          /* why the thaw is not confirmed */
    bool late;                /* and was thawed before the transaction's answer came */
    bool asked;               /* the instant's commands were sent, */
    bool tracked;             /* the new checkpoint was made, */
    bool uncertain;           /* and may have been made although it has failed for us */
    int freeze_s;
    ev_timer hold; /* how long the guest may stay frozen */
    struct tend retract;
    bool retracting;
    struct {
        size_t disk, layer;
        int step;
        double pause, deadline;
    } sound; /* begin_sound.c */
};

#define DATA_BITMAP "vk-data" /* of what a disk holds; never on a node of the disk's own */

/* Is the disk's copy to be guest-safe? */
static inline bool begin_shields(const struct begin *b, const struct begin_disk *disk)
{
    return b->shield && !disk->still;
}

/* Is the request in order by itself?  Before anything is asked. */
int begin_check_request(const struct backup_request *request, struct err *err);

/* Why the guest cannot be quiesced, or NULL. */
const char *begin_check_quiesce(const struct begin *b);

/* Before the domain is looked at: what lies where the images are to be?  False: nothing is. */
bool begin_look_at_places(struct begin *b);

/* Is it in order with what the looks have shown?  Fills in each disk's source. */
int begin_check_domain(struct begin *b, struct err *err);

/* Has the last wait gone wrong, or has somebody asked for the end?  The first error counts. */
static inline bool begin_is_bad(struct begin *b)
{
    if (b->err.code == ERR_NONE)
        b->err = b->task.wait_err;
    if (b->err.code == ERR_NONE && b->task.canceled)
        err_set(&b->err, ERR_CANCELED, "cancelled");
    return b->err.code != ERR_NONE;
}

/* begin_quiesce.c.  A failure becomes the backup's error with QUIESCE_REQUIRE, else a note. */
void begin_quiesce_failed(struct begin *b, const struct err *why);
bool begin_wants_freeze(struct begin *b); /* false, with the reason noted, where it cannot be */
void begin_freeze(struct begin *b);
void begin_thaw(struct begin *b);
void begin_thawed(struct begin *b);
void begin_unmark(struct begin *b);
int begin_judge_quiesce(struct begin *b); /* -1: the backup must not stay */

/* begin_images.c: makes the next image file.  True: suspended; false: all are there, or b->err. */
bool begin_create_next(struct begin *b);
void begin_list_images(struct begin *b);
/* True: suspended, and when that ends all of them have gone, or cannot; false: there are none. */
bool begin_unlink_images(struct begin *b, bool scratch_only);

/* begin_given.c: images that are there already.  begin_map_given suspends; its output is judged
 * then. */
void begin_list_given(struct begin *b, const struct begin_disk *disk);
void begin_map_given(struct begin *b, const struct begin_image *image);

/* begin_steps.c, begin_shield.c: the commands of each state. */
void begin_steps_attach(struct begin *b);
void begin_steps_shield(struct begin *b);
void begin_steps_instant(struct begin *b);
void begin_steps_follow(struct begin *b);
/* Does the target read as zeroes where nothing is written to it? */
bool begin_target_is_empty(const struct begin *b, const struct begin_disk *disk);
/* begin_list.c: a command to the list; disk NULL: of all. */
void begin_step_add(struct begin *b, const struct begin_disk *disk, struct command command,
                    const char *what, const char *name);
void begin_steps_clear(struct begin *b);
size_t begin_disk_index(const struct begin *b, const struct begin_disk *disk);
/* The node that is read as the disk at the instant. */
void begin_source_node(char ret[NODE_NAME_MAX], const struct begin *b, size_t i);
/* What the gates above the disks let through from now on: the cbw filters. */
struct command begin_swap(const struct begin *b);
/* Brings what guests have written to the disks that get a gate onto their medium: QEMU flushes them
 * when it puts the gates there, in its main loop, and the guest stands still for that.  True:
 * suspended; false: there are none. */
bool begin_flush_disks(struct begin *b);
/* The nodes that a shielded copy reads from. */
void begin_add_snapshots(struct begin *b);
/* Can the copy be guest-safe?  If not, ret says why, and for which disk. */
bool begin_check_shield(const struct begin *b, char *ret, size_t size);

/* begin_send.c: sends the next one of b->steps.  False: all are done, or one has failed
 * (b->err). */
bool begin_send_next(struct begin *b);

/* begin_sound.c: finds out what the disks hold.  True: suspended; false: it is over, or b->err. */
bool begin_sound_next(struct begin *b);

/* begin_serve.c: a pull's NBD server and exports. */
void begin_add_server(struct begin *b);
struct command begin_server_command(const struct begin *b);
int begin_pick_port(struct begin *b, struct err *err);
/* After a command has failed.  True: it was the port, and the command was sent again. */
bool begin_try_another_port(struct begin *b);

/* begin_offline.c.  First of all, until it returns false: goes on in the domain that is connected,
 * or b->err says why not.  True: suspended. */
bool begin_offline_prepare(struct begin *b);
/* Last of all when a beginning has failed, likewise. */
bool begin_offline_undo(struct begin *b);
/* Bitmaps that were sound when the images were read are not any more: somebody has opened these. */
void begin_offline_explain(struct begin *b);

/* begin_undo.c: takes back what was done so far.  True: suspended; false: all is undone. */
bool begin_retract_next(struct begin *b);

/* begin_request.c: a copy of what is asked for. */
struct begin *begin_new(const struct domain *d, const struct backup_request *r);

/* The operation backup_begin of engine/hypervisor.h. */
struct op *begin_start(struct domain *d, const struct backup_request *request,
                       struct backup_begun *ret, op_done done, void *ctx, struct err *err);

#endif
