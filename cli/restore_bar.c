/* SPDX-License-Identifier: MIT */
#include "cli/restore_bar.h"

#include <stdio.h>
#include <time.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "report/wrap.h"

#define BAR "########################"
#define BAR_WIDTH ((int)sizeof(BAR) - 1)
#define SPEED_AFTER_MS 2000 /* earlier it means nothing */

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ", 120 MiB/s, 48s left", once that can be told.  Caller frees. */
static char *speed_text(uint64_t done, uint64_t all, int64_t elapsed_ms)
{
    double rate = elapsed_ms > 0 ? (double)done * 1000 / (double)elapsed_ms : 0;
    char size[SIZE_TEXT_MAX], left[TIMEFMT_MAX];

    if (elapsed_ms < SPEED_AFTER_MS || rate < 1)
        return xstrdup("");
    return xasprintf(", %s/s, %s left", size_text((uint64_t)rate, size),
                     duration_text((int64_t)((double)(all - done) / rate) + 1, left));
}

void restore_bar_draw(struct restore_bar *b, const char *disk, bool checking, uint64_t done,
                      uint64_t all)
{
    double fraction = all ? (double)done / (double)all : 1;
    int filled = (int)(fraction * BAR_WIDTH);
    CLEANUP_FREE char *speed = NULL;
    CLEANUP_FREE char *line = NULL;

    if (!b->terminal)
        return;
    if (!b->began_ms)
        b->began_ms = now_ms();
    speed = speed_text(done, all, now_ms() - b->began_ms);
    line = xasprintf("[%.*s%*s] %3d %%  %s %s%s", filled, BAR, BAR_WIDTH - filled, "",
                     (int)(fraction * 100), checking ? "checking" : "writing", disk, speed);
    fputc('\r', stderr);
    print_start(stderr, line, output_width(stderr) - 1);
    fputs("\033[K", stderr);
    fflush(stderr);
}
