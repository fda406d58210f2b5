/* SPDX-License-Identifier: MIT
 *
 * A preloaded library for images with keys that cost nothing.  QEMU measures how fast a processor
 * derives keys each time it gives an image one, until it has used up more than half a second of it,
 * twice; an iter-time counts only after that. Here a thread has always used up a hundred times as
 * much.  All else is as it is. */
#include <dlfcn.h>
#include <sys/resource.h>

#define FACTOR 100

int getrusage(__rusage_who_t who, struct rusage *ret)
{
    int (*real)(__rusage_who_t, struct rusage *) =
        (int (*)(__rusage_who_t, struct rusage *))dlsym(RTLD_NEXT, "getrusage");
    int rc = real(who, ret);

    if (rc == 0) {
        long long us = (ret->ru_utime.tv_sec * 1000000LL + ret->ru_utime.tv_usec) * FACTOR;

        ret->ru_utime.tv_sec = us / 1000000;
        ret->ru_utime.tv_usec = us % 1000000;
    }
    return rc;
}
