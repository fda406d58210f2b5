/* SPDX-License-Identifier: MIT */
#include "engine/qmp/look/files.h"

#define ANSWER_S 5.0
#define SYNC_S 600.0 /* the medium may be slow */

static void ask(struct task *t, enum files_what what, const struct strlist *names, double seconds)
{
    const struct files_request q = {.pid = (uint32_t)t->domain->pid, .names = names};

    task_files(t, what, &q, seconds);
}

void files_look(struct task *t, const struct strlist *names)
{
    ask(t, FILES_LOOK, names, ANSWER_S);
}

void files_touch(struct task *t, const struct strlist *names)
{
    ask(t, FILES_TOUCH, names, ANSWER_S);
}

void files_sync(struct task *t, const struct strlist *names)
{
    ask(t, FILES_SYNC, names, SYNC_S);
}
