/* SPDX-License-Identifier: MIT
 *
 * alloc: allocation for bookkeeping; aborts when memory is out, for the state that counts is on
 * disk and a restart is safe.  Sizes that a peer or an image dictates are checked by the caller.
 */
#ifndef VMKEEP_BASE_ALLOC_H
#define VMKEEP_BASE_ALLOC_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xreallocarray(void *p, size_t n, size_t size) __attribute__((returns_nonnull));

/* NULL stays NULL. */
char *xstrdup(const char *s);

char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), returns_nonnull));
char *xvasprintf(const char *fmt, va_list ap)
    __attribute__((format(printf, 1, 0), returns_nonnull));

/* Growing arrays: any struct with members `items`, `n` and `cap` (size_t) is a vector.
 * VEC_ADD makes room, zeroes the new last item and evaluates to its address. */
#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t n, cap;                                                                             \
    }

#define VEC_ADD(v)                                                                                 \
    __extension__({                                                                                \
        __typeof__(v) vec_ = (v);                                                                  \
        vec_->items = vec_grow(vec_->items, vec_->n, &vec_->cap, sizeof(*vec_->items));            \
        &vec_->items[vec_->n++];                                                                   \
    })

/* Room for one more item behind n; that item is zeroed. Use VEC_ADD. */
void *vec_grow(void *items, size_t n, size_t *cap, size_t size);

/* A list of strings, NULL-safe; owns its items. */
struct strlist {
    char **items;
    size_t n, cap;
};

void strlist_add(struct strlist *l, const char *s);
void strlist_done(struct strlist *l);
bool strlist_has(const struct strlist *l, const char *s);
struct strlist strlist_copy(const struct strlist *l);

#endif
