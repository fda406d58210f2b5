/* SPDX-License-Identifier: MIT
 *
 * err: the one error idiom.
 *
 * A function that can fail returns 0 or -1 and fills a struct err that its caller owns; the
 * parameter comes last and is never NULL.  Who detects an error writes it with err_set or
 * err_errno; who passes it on prefixes the noun it knows (domain, disk, path) with err_wrap.
 * The code is for the program, the text for people: nobody parses the text.
 */
#ifndef VMKEEP_BASE_ERR_H
#define VMKEEP_BASE_ERR_H

#include <stdbool.h>

enum err_code {
    ERR_NONE,
    ERR_INVALID, /* what we were given is wrong: configuration, argument, document */
    ERR_NOTFOUND,
    ERR_EXISTS,
    ERR_BUSY, /* somebody else is at it; later may do */
    ERR_TIMEOUT,
    ERR_CANCELED,
    ERR_IO,
    ERR_NOSPACE,
    ERR_DENIED,   /* permission */
    ERR_REMOTE,   /* the hypervisor refused, or is gone */
    ERR_PROTOCOL, /* the peer does not speak what it should */
    ERR_CORRUPT,  /* stored data is damaged */
    ERR_UNSUPPORTED,
    ERR_INTERNAL,
    ERR_CODE_COUNT
};

#define ERR_MSG_MAX 512

struct err {
    enum err_code code;
    int sys;               /* errno, or 0 when none applies */
    char msg[ERR_MSG_MAX]; /* one line, outermost context first */
};

#define ERR_INIT ((struct err){.code = ERR_NONE})

/* Each of these returns -1, so that "return err_set(...)" is the idiom. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Text, then ": " and strerror(sys); maps ENOSPC, ENOENT, EACCES ... to a code. */
int err_errno(struct err *err, int sys, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Prefix "text: " to the message; a message that grows too long loses its end. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Trying the same again later may help. */
bool err_is_transient(enum err_code code);

/* "nospace", "timeout": one word, for logs and the catalog. */
const char *err_code_name(enum err_code code);
extern const char *const err_code_names[ERR_CODE_COUNT + 1]; /* by code; NULL at the end */

#endif
