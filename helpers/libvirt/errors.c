/* SPDX-License-Identifier: MIT
 *
 * libvirt's errors in our codes.  Its own code does not always tell: what only the text does stands
 * in a table of texts, with the version they were seen in.
 */
#include <libvirt/virterror.h>
#include <string.h>

#include "base/cleanup.h"
#include "helpers/libvirt/libvirt.h"

static const struct {
    int libvirt;
    enum err_code ours;
} codes[] = {
    {VIR_ERR_NO_DOMAIN, ERR_NOTFOUND},
    {VIR_ERR_NO_DOMAIN_CHECKPOINT, ERR_NOTFOUND},
    {VIR_ERR_NO_DOMAIN_BACKUP, ERR_NOTFOUND},
    {VIR_ERR_NO_STORAGE_POOL, ERR_NOTFOUND},
    {VIR_ERR_DOM_EXIST, ERR_EXISTS},
    {VIR_ERR_INVALID_ARG, ERR_INVALID},
    {VIR_ERR_INVALID_DOMAIN_CHECKPOINT, ERR_INVALID},
    {VIR_ERR_XML_ERROR, ERR_INVALID},
    {VIR_ERR_XML_DETAIL, ERR_INVALID},
    {VIR_ERR_XML_INVALID_SCHEMA, ERR_INVALID},
    {VIR_ERR_NO_SUPPORT, ERR_UNSUPPORTED},
    {VIR_ERR_CONFIG_UNSUPPORTED, ERR_UNSUPPORTED},
    {VIR_ERR_OPERATION_UNSUPPORTED, ERR_UNSUPPORTED},
    {VIR_ERR_ARGUMENT_UNSUPPORTED, ERR_UNSUPPORTED},
    {VIR_ERR_OPERATION_INVALID, ERR_UNSUPPORTED},
    {VIR_ERR_CHECKPOINT_INCONSISTENT, ERR_CORRUPT},
    {VIR_ERR_OPERATION_TIMEOUT, ERR_BUSY},
    {VIR_ERR_RESOURCE_BUSY, ERR_BUSY},
    {VIR_ERR_AGENT_UNRESPONSIVE, ERR_TIMEOUT},
    {VIR_ERR_AGENT_UNSYNCED, ERR_TIMEOUT},
    {VIR_ERR_OPERATION_ABORTED, ERR_CANCELED},
    {VIR_ERR_AUTH_FAILED, ERR_DENIED},
    {VIR_ERR_AUTH_CANCELLED, ERR_DENIED},
    {VIR_ERR_AUTH_UNAVAILABLE, ERR_DENIED},
    {VIR_ERR_ACCESS_DENIED, ERR_DENIED},
    {VIR_ERR_OPERATION_DENIED, ERR_DENIED},
};

/* Seen in libvirt 9.0. */
static const struct {
    const char *begins, *has;
    enum err_code ours;
} texts[] = {
    {"invalid argument: store '", "exists", ERR_EXISTS},
    {"operation failed: domain moment ", "already exists", ERR_EXISTS},
    {"operation failed: domain '", "already exists", ERR_EXISTS},
    {"unsupported configuration: no disk named", "", ERR_NOTFOUND},
    {"unable to stat: ", "No such file or directory", ERR_NOTFOUND},
    {"failed to create image file '", "No such file or directory", ERR_NOTFOUND},
    {"Requested operation is not valid: no job is active", "", ERR_NOTFOUND},
    {"internal error: bitmap '", "not found in backing chain", ERR_CORRUPT},
    {"internal error: unable to execute QEMU command", "Bitmap already exists", ERR_EXISTS},
    {"internal error: unable to execute QEMU command", "have different sizes", ERR_INVALID},
    {"internal error: unable to execute QEMU command", "Image is not in", ERR_INVALID},
    {"internal error: unable to execute QEMU command", "Bitmaps are of different sizes",
     ERR_CORRUPT},
    {"internal error: unable to execute QEMU command", "Address already in use", ERR_BUSY},
    {"Operation canceled", "", ERR_CANCELED},
    {"", "Disk quota exceeded", ERR_NOSPACE},
    {"", "File too large", ERR_NOSPACE},
    {"", "Input/output error", ERR_IO},
    {"", "Operation not permitted", ERR_DENIED},
    {"", "No space left on device", ERR_NOSPACE},
    {"", "Permission denied", ERR_DENIED},
    {"", "another job is already", ERR_BUSY},
    {"", "already in active block job", ERR_BUSY},
};

enum err_code libvirt_text_code(const char *text)
{
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (strncmp(text, texts[i].begins, strlen(texts[i].begins)) == 0 &&
            strstr(text, texts[i].has))
            return texts[i].ours;
    return ERR_NONE;
}

static enum err_code code_of(const virError *e, const char *text)
{
    enum err_code told = libvirt_text_code(text);

    if (told != ERR_NONE)
        return told;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (codes[i].libvirt == e->code)
            return codes[i].ours;
    return ERR_REMOTE;
}

bool libvirt_agent_is_away(const char *text)
{
    /* Seen in libvirt 9.0. */
    return strstr(text, "QEMU guest agent is not connected") != NULL;
}

static int last_error(struct err *err)
{
    const virError *e = virGetLastError();
    const char *text = e && e->message ? e->message : "libvirt gave no reason";

    err_set(err, e ? code_of(e, text) : ERR_INTERNAL, "%s", text);
    /* One line. */
    for (char *c = err->msg; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
    return -1;
}

bool libvirt_backup_begins(void)
{
    const virError *e = virGetLastError();

    /* Seen in libvirt 9.0. */
    return e && e->message && strstr(e->message, "backup job data missing");
}

static _Thread_local struct err kept;

void libvirt_keep_error(void)
{
    last_error(&kept);
}

int libvirt_error(struct err *err)
{
    if (kept.code != ERR_NONE) {
        *err = kept;
        kept = ERR_INIT;
        return -1;
    }
    return last_error(err);
}
