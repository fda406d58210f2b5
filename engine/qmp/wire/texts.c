/* SPDX-License-Identifier: MIT */
#include "engine/qmp/wire/texts.h"

#include <errno.h>
#include <string.h>

/* In the order in which qemu_text_code looks for them: the first one counts. */
static const struct {
    const char *words;
    int sys; /* strerror's words for this, where there are none; glibc's in QEMU's locale */
    enum err_code code; /* what an error that says so is for us; ERR_NONE: it depends */
    const char *seen;   /* in which version, and where */
    const char *concluded;
} texts[SAID_COUNT] = {
    [SAID_SERVER_RUNS] = {.words = "already running",
                          .code = ERR_BUSY,
                          .seen = "7.2: nbd-server-start",
                          .concluded = "somebody else's NBD server is there"},
    [SAID_IN_USE] = {.words = "already in use",
                     .code = ERR_BUSY,
                     .seen =
                         "7.2: blockdev-backup, of a job's id; block-export-add, of an export's",
                     .concluded = "somebody else has one of that name"},
    [SAID_NO_SPACE] = {.sys = ENOSPC,
                       .code = ERR_NOSPACE,
                       .seen = "7.2: a job's error, BLOCK_IO_ERROR, qemu-img",
                       .concluded = "the place is full"},
    [SAID_OVER_QUOTA] = {.sys = EDQUOT,
                         .code = ERR_NOSPACE,
                         .seen = "7.2: a job's error",
                         .concluded = "the place is full, for us"},
    [SAID_TOO_LARGE] = {.sys = EFBIG,
                        .code = ERR_NOSPACE,
                        .seen = "7.2: a job's error",
                        .concluded = "the file system or a limit allows no file of that size"},
    [SAID_DENIED] = {.sys = EACCES,
                     .code = ERR_DENIED,
                     .seen = "7.2: a job's error, blockdev-add",
                     .concluded =
                         "QEMU may not open the file; or, as the whole error of a copy that "
                         "reads a snapshot, the snapshot was given up"},
    [SAID_NOT_PERMITTED] = {.sys = EPERM,
                            .code = ERR_DENIED,
                            .seen = "7.2: a job's error",
                            .concluded = "QEMU may not do that to the file"},
    [SAID_READ_ONLY] = {.sys = EROFS,
                        .code = ERR_DENIED,
                        .seen = "7.2: a job's error, nbd-server-start",
                        .concluded = "the file system takes no writes"},
    [SAID_IO_ERROR] = {.sys = EIO,
                       .code = ERR_IO,
                       .seen = "7.2: a job's error",
                       .concluded = "the medium, or the peer, fails: trying again may help"},
    [SAID_CANCELED] = {.sys = ECANCELED,
                       .seen = "7.2: a job's error, alone",
                       .concluded = "the job was cancelled, and did not fail by itself"},
    [SAID_PORT_TAKEN] = {.sys = EADDRINUSE,
                         .seen = "7.2: nbd-server-start",
                         .concluded = "the port that we picked is taken: another one"},
    [SAID_NO_SERVER] = {.words = "NBD server not running",
                        .seen = "7.2: nbd-server-stop",
                        .concluded = "what was to be stopped is gone already"},
    [SAID_OTHER_SIZE] = {.words = "Source and target image have different sizes",
                         .seen = "7.2: blockdev-backup",
                         .concluded = "the caller's target is not of the disk's size"},
    [SAID_OTHER_FORMAT] = {.words = "Image is not in",
                           .seen = "7.2: qemu-img info, map",
                           .concluded = "the file is not in the format that was said"},
    [SAID_LOCKED] = {.words = "Is another process using the image",
                     .seen = "7.2: qemu-img bitmap",
                     .concluded = "somebody has opened the image for writing"},
    [SAID_CPU_BUSY] = {.words = "accurate CPU usage",
                       .seen = "7.2: qemu-img create of an encrypted image",
                       .concluded = "the machine was too busy to be measured: once more"},
};

const char *qemu_text_words(enum qemu_text which)
{
    return texts[which].words ? texts[which].words : strerror(texts[which].sys);
}

bool qemu_said(const char *msg, enum qemu_text which)
{
    return strstr(msg, qemu_text_words(which)) != NULL;
}

bool qemu_said_only(const char *msg, enum qemu_text which)
{
    return strcmp(msg, qemu_text_words(which)) == 0;
}

enum err_code qemu_text_code(const char *msg)
{
    for (int i = 0; i < SAID_COUNT; i++)
        if (texts[i].code != ERR_NONE && qemu_said(msg, (enum qemu_text)i))
            return texts[i].code;
    return ERR_REMOTE;
}
