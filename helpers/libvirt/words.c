/* SPDX-License-Identifier: MIT */
#include "helpers/libvirt/words.h"

#include <stddef.h>

const char *const words_state[] = {"unknown", "running", "blocked",     "paused", "shutdown",
                                   "shutoff", "crashed", "pmsuspended", NULL};
const char *const words_lifecycle[] = {"defined", "undefined", "started",  "suspended",
                                       "resumed", "stopped",   "shutdown", "pmsuspended",
                                       "crashed", NULL};
const char *const words_stopped[] = {"shutdown", "destroyed", "crashed",       "migrated",
                                     "saved",    "failed",    "from-snapshot", NULL};
const char *const words_paused[] = {"unknown",
                                    "user",
                                    "migration",
                                    "save",
                                    "dump",
                                    "io-error",
                                    "watchdog",
                                    "from-snapshot",
                                    "shutting-down",
                                    "snapshot",
                                    "crashed",
                                    "starting-up",
                                    "postcopy",
                                    "postcopy-failed",
                                    NULL};
const char *const words_shutoff[] = {"unknown", "shutdown", "destroyed",     "crashed", "migrated",
                                     "saved",   "failed",   "from-snapshot", "daemon",  NULL};
const char *const words_operation[] = {
    "unknown",  "start",           "save", "restore", "migration-in",    "migration-out",
    "snapshot", "snapshot-revert", "dump", "backup",  "snapshot-delete", NULL};
const char *const words_job[] = {"none",   "running",  "running", "completed",
                                 "failed", "canceled", NULL};
const char *const words_control[] = {"ok", "job", "occupied", "error", NULL};
const char *const words_block_job[] = {"unknown",       "pull",   "copy", "commit",
                                       "active commit", "backup", NULL};
const char *const words_io_error[] = {"none", "pause", "report", NULL};

const char *word_of(const char *const *words, int i)
{
    for (int at = 0; words[at]; at++)
        if (at == i)
            return words[at];
    return "unknown";
}
