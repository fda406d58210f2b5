/* SPDX-License-Identifier: MIT
 *
 * by_hand: what people ask of a daemon by hand: pushes, pulls, checkpoints, and their ends; and
 * what must hold of them.
 *
 * Each request that makes something has a number N of its own: its checkpoint is called
 * hand-DAEMON-N, its images are /hand/N/DISK.  What each disk held at its instant is noted when
 * the hypervisor makes it, so an increment is right when all that it leaves out was the same at
 * its base's instant.
 */
#ifndef VMKEEP_TESTS_SIM_BY_HAND_H
#define VMKEEP_TESTS_SIM_BY_HAND_H

#include "tests/simulation/run.h"

#define HAND_PREFIX "hand-"
#define HAND_PLACE "/hand/"

/* ---- of the hosts ---- */

bool hand_is(const char *checkpoint);
/* At the instant of a backup (image: what it takes), or of a checkpoint alone (NULL). */
void hand_instant_of_backup(const struct sim_disk *disk, const struct sim_image *image,
                            bool tracked);
void hand_instant_of_checkpoint(const struct sim_disk *disk, const char *checkpoint);
/* The hypervisor has ended it well. */
void hand_copied(const char *target);
/* What a disk held at a checkpoint has been told. */
void hand_mapped(const char *checkpoint, const char *disk);
/* Its bitmaps are about to go. */
void hand_check_deletion(int daemon, const char *checkpoint);
/* The disk's bitmaps have forgotten. */
void hand_forgot(const struct sim_domain *d, const struct sim_disk *disk);

/* ---- of the run ---- */

void hand_asks(struct sim_daemon *d, struct sim_domain *domain);
void hand_begins(struct sim_daemon *d, struct sim_domain *domain); /* a push, without dice */
void hand_pulls(struct sim_daemon *d, struct sim_domain *domain);
void hand_on_job(const struct sim_daemon *d, const struct job_event *event);
/* When all has been well for a while. */
void hand_check_settled(void);
void hand_free(void);

#endif
