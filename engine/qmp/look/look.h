/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  A part of a task: asks QEMU the queries of view.h, one after another. */
#ifndef VMKEEP_ENGINE_QMP_LOOK_H
#define VMKEEP_ENGINE_QMP_LOOK_H

#include "engine/qmp/domain/domain.h"

struct look {
    int n; /* queries to ask */
    int asked;
    bool checking; /* whether QEMU's files answer, and what they are */
    bool watched;  /* something is concluded from how the files are */
    bool refined;  /* those were asked for that had to be known, too */
    struct file_list files;
    json_t *replies[Q_COUNT];
    struct view view; /* what came out */
};

/* Begins anew with the first n queries; the task is suspended. */
void look_start(struct look *l, struct task *t, int n);

/* To be called by the task's step until it no longer returns LOOK_WAITING (suspended). */
enum look_result look_step(struct look *l, struct task *t, struct err *err);

void look_done(struct look *l);

/* QEMU's working directory, or NULL.  Caller frees. */
char *look_cwd(pid_t pid);

#endif
