/* SPDX-License-Identifier: MIT
 *
 * scenes: what short lives without dice are made of; see scenes.c. */
#ifndef VMKEEP_TESTS_SIM_SCENES_H
#define VMKEEP_TESTS_SIM_SCENES_H

#include "tests/simulation/run.h"

#define MINUTE_MS (INT64_C(60) * 1000)

/* One daemon, not started yet, without a neighbour. */
struct sim_daemon *scene_begin(uint64_t seed, int domains);
void scene_end(const char *what);
void scene_live(int64_t ms);
/* How many jobs have ended with such a reason. */
size_t scene_jobs(const struct sim_daemon *d, const char *reason);
/* The number of the last one. */
int64_t scene_ask_for_all(struct sim_daemon *d);
/* A backup by each policy of the domain. */
void scene_ask_for(struct sim_daemon *d, const char *domain);
/* Is a job in that step? */
bool scene_is_at(const struct sim_daemon *d, const char *step);

/* Its catalog's disk is full, or not any more. */
void scene_let_write(struct sim_daemon *d, bool may);

/* scenes_by_hand.c */
void play_hand_scenes(void);

/* pins.c */
void play_pin_scene(void);
void play_held_scene(void);

/* scenes_life.c */
void play_life_scenes(void);

/* scenes_hosts.c */
void play_host_scenes(void);

/* scenes_images.c */
void play_image_scenes(void);

/* scenes_copies.c */
void play_copy_scenes(void);

/* scenes_notify.c */
void play_notify_scene(uint64_t seed, int seeds);

/* scenes_libvirt.c */
void play_libvirt_scenes(void);

#endif
