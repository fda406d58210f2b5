/* SPDX-License-Identifier: MIT
 *
 * cleanup: locals that release themselves at the end of their scope (gcc and clang's cleanup
 * attribute).  Always initialise them.  Hand over with TAKE_PTR or take_fd.
 */
#ifndef VMKEEP_BASE_CLEANUP_H
#define VMKEEP_BASE_CLEANUP_H

#include <dirent.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Some are held for their end alone (a lock): gcc knows, clang has to be told. */
#define CLEANUP(fn) __attribute__((cleanup(fn), unused))

/* Defines x_freep for a x_free(struct x *), for CLEANUP(x_freep). */
#define DEFINE_FREEP(type, fn)                                                                     \
    static inline void fn##p(type **p)                                                             \
    {                                                                                              \
        fn(*p);                                                                                    \
    }

static inline void cleanup_free(void *p)
{
    free(*(void **)p);
}

static inline void cleanup_close(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void cleanup_fclose(FILE **f)
{
    if (*f)
        fclose(*f);
}

static inline void cleanup_closedir(DIR **d)
{
    if (*d)
        closedir(*d);
}

static inline int take_fd(int *fd)
{
    int ret = *fd;

    *fd = -1;
    return ret;
}

#define CLEANUP_FREE CLEANUP(cleanup_free)
#define CLEANUP_CLOSE CLEANUP(cleanup_close)
#define CLEANUP_FCLOSE CLEANUP(cleanup_fclose)
#define CLEANUP_CLOSEDIR CLEANUP(cleanup_closedir)

#define TAKE_PTR(p)                                                                                \
    __extension__({                                                                                \
        __typeof__(p) take_tmp_ = (p);                                                             \
        (p) = NULL;                                                                                \
        take_tmp_;                                                                                 \
    })

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#endif
