/* SPDX-License-Identifier: MIT */
#include "engine/allocation_program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"

char *memory_path(int fd)
{
    return xasprintf("/proc/%d/fd/%d", (int)getpid(), fd);
}

int new_memory(int *fd, struct err *err)
{
    if (*fd >= 0)
        close(take_fd(fd));
    *fd = memfd_create("vmkeep-allocation", MFD_CLOEXEC);
    return *fd < 0 ? err_errno(err, errno, "memory for a map") : 0;
}

int fill_memory(int *fd, const char *text, struct err *err)
{
    size_t len = strlen(text);

    if (new_memory(fd, err) < 0)
        return -1;
    while (len > 0) {
        ssize_t n = write(*fd, text, len);

        if (n < 0)
            return err_errno(err, errno, "memory for a map");
        text += n;
        len -= (size_t)n;
    }
    return 0;
}

/* "65536+131072, 10485760+65536, ... (1.2 MiB in 7 ranges)"; NULL: there are none. */
static char *zeroes_contradicting(const char *output)
{
    const char *total = strstr(output, "total ");
    char text[SIZE_TEXT_MAX], ranges[160] = "";
    unsigned long long offset, length, n, bytes;
    int len = 0;

    if (!total || sscanf(total, "total %llu %llu", &n, &bytes) != 2 || n == 0)
        return NULL;
    for (const char *s = output; s < total && sscanf(s, "%llu %llu\n", &offset, &length) == 2;
         s = strchr(s, '\n') + 1)
        len += snprintf(ranges + len, sizeof(ranges) - (size_t)len, "%s%llu+%llu", len ? ", " : "",
                        offset, length);
    return xasprintf("it reads as zeroes where it held data, and no change was recorded there: %s%s"
                     " (%s)",
                     ranges, n > (unsigned long long)atoi(RANGES_SHOWN) ? ", ..." : "",
                     size_text(bytes, text));
}

/* What was taken at random: one is enough. */
static char *sample_contradicting(const char *output)
{
    const char *sample = strstr(output, "sample ");
    unsigned long long read, different, offset;

    if (!sample || sscanf(sample, "sample %llu %llu %llu", &read, &different, &offset) != 3 ||
        different == 0)
        return NULL;
    return xasprintf("it holds other data than it held, and no change was recorded there: at %llu"
                     " (of %llu places that were looked at, %llu)",
                     offset, read, different);
}

char *ranges_contradicting(const char *output)
{
    char *zeroes = zeroes_contradicting(output);

    return zeroes ? zeroes : sample_contradicting(output);
}
