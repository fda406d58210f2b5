/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

const char *const err_code_names[ERR_CODE_COUNT + 1] = {
    [ERR_NONE] = "none",         [ERR_INVALID] = "invalid",
    [ERR_NOTFOUND] = "notfound", [ERR_EXISTS] = "exists",
    [ERR_BUSY] = "busy",         [ERR_TIMEOUT] = "timeout",
    [ERR_CANCELED] = "canceled", [ERR_IO] = "io",
    [ERR_NOSPACE] = "nospace",   [ERR_DENIED] = "denied",
    [ERR_REMOTE] = "remote",     [ERR_PROTOCOL] = "protocol",
    [ERR_CORRUPT] = "corrupt",   [ERR_UNSUPPORTED] = "unsupported",
    [ERR_INTERNAL] = "internal",
};

/* Messages are one line whatever a peer or a file put into them. */
static void make_one_line(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            *s = ' ';
}

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
    va_list ap;

    err->code = code;
    err->sys = 0;
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
    va_end(ap);
    make_one_line(err->msg);
    text_cut(err->msg, sizeof(err->msg));
    return -1;
}

static enum err_code code_of_errno(int sys)
{
    switch (sys) {
    case ENOENT:
    case ENOTDIR:
        return ERR_NOTFOUND;
    case EEXIST:
    case ENOTEMPTY:
        return ERR_EXISTS;
    case EBUSY:
    case EAGAIN:
    case ETXTBSY:
        return ERR_BUSY;
    case ETIMEDOUT:
        return ERR_TIMEOUT;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERR_NOSPACE;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_DENIED;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
        return ERR_REMOTE;
    case EINVAL:
    case ENAMETOOLONG:
        return ERR_INVALID;
    default:
        return ERR_IO;
    }
}

int err_errno(struct err *err, int sys, const char *fmt, ...)
{
    va_list ap;
    char text[ERR_MSG_MAX];

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    err_set(err, code_of_errno(sys), "%s: %s", text, strerror(sys));
    err->sys = sys;
    return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    va_list ap;
    char text[ERR_MSG_MAX];
    char old[ERR_MSG_MAX];

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    memcpy(old, err->msg, sizeof(old));
    snprintf(err->msg, sizeof(err->msg), "%s: %s", text, old);
    make_one_line(err->msg);
    text_cut(err->msg, sizeof(err->msg));
    return -1;
}

bool err_is_transient(enum err_code code)
{
    return code == ERR_BUSY || code == ERR_TIMEOUT || code == ERR_IO || code == ERR_REMOTE ||
           code == ERR_NOSPACE;
}

const char *err_code_name(enum err_code code)
{
    return code < ERR_CODE_COUNT ? err_code_names[code] : "unknown";
}
