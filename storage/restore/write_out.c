/* SPDX-License-Identifier: MIT */
#include "storage/restore/write_out.h"

#include "storage/repository/repository_priv.h"

static void *sync_it(void *arg)
{
    struct write_out *w = arg;

    w->rc = sync_fd(w->fd, w->path, &w->err);
    return NULL;
}

void write_out_start(struct write_out *w, int fd, const char *path)
{
    *w = (struct write_out){.fd = fd, .path = path, .err = ERR_INIT};
    w->runs = pthread_create(&w->thread, NULL, sync_it, w) == 0;
    if (!w->runs)
        sync_it(w);
}

int write_out_wait(struct write_out *w, struct err *err)
{
    if (w->runs)
        pthread_join(w->thread, NULL);
    w->runs = false;
    if (w->rc < 0)
        *err = w->err;
    return w->rc;
}
