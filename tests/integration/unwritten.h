/* SPDX-License-Identifier: MIT
 *
 * What of a file is in the page cache alone (cachestat(2), since Linux 6.5). */
#ifndef VMKEEP_TESTS_UNWRITTEN_H
#define VMKEEP_TESTS_UNWRITTEN_H

#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_cachestat
#define SYS_cachestat 451 /* headers may be older */
#endif

/* Bytes; -1: the kernel does not tell. */
static inline int64_t unwritten(int fd)
{
    struct {
        uint64_t offset, len;
    } all = {0};
    struct {
        uint64_t cached, dirty, writeback, evicted, recently_evicted;
    } p = {0};

    if (syscall(SYS_cachestat, fd, &all, &p, 0) < 0)
        return -1;
    return (int64_t)((p.dirty + p.writeback) * (uint64_t)sysconf(_SC_PAGESIZE));
}

#endif
