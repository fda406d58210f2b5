/* SPDX-License-Identifier: MIT */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fsutil.h"

#define MEMINFO "/proc/meminfo"
#define MEMINFO_MAX 65536
#define FIELD "MemAvailable:"

uint64_t memory_available(void)
{
    CLEANUP_FREE char *text = NULL;
    struct err ignored = ERR_INIT;
    const char *line = NULL;

    if (read_file(MEMINFO, MEMINFO_MAX, &text, NULL, &ignored) == 0)
        line = strstr(text, FIELD);
    return line ? strtoull(line + strlen(FIELD), NULL, 10) * 1024 : 0;
}
