/* SPDX-License-Identifier: MIT */
#include "base/uptime.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t uptime_ms(void)
{
    struct timespec t = {0};

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t uptime_seconds(void)
{
    return uptime_ms() / 1000;
}

const char *uptime_boot(void)
{
    static char id[40];
    int fd;

    if (id[0] || (fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)) < 0)
        return id;
    if (read(fd, id, sizeof(id) - 1) < 0)
        id[0] = '\0';
    close(fd);
    id[strcspn(id, "\n")] = '\0';
    return id;
}
