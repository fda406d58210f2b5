/* SPDX-License-Identifier: MIT
 *
 * The host's events, one a line: {"event": {"what": ..., "domain": ..., "uuid": ..., ...}}.  They
 * may be lost or doubled, so they say no more than what is worth a look, and what a look cannot
 * find any more: how a job has ended, which error stopped a guest.
 */
#include <libvirt/virterror.h>
#include <string.h>

#include "base/cleanup.h"
#include "helpers/libvirt/libvirt.h"
#include "helpers/libvirt/words.h"

static json_t *event_of(const char *what, virDomainPtr dom)
{
    char uuid[VIR_UUID_STRING_BUFLEN] = "";

    virDomainGetUUIDString(dom, uuid);
    return json_pack("{s:s,s:s,s:s}", "what", what, "domain", virDomainGetName(dom), "uuid", uuid);
}

static void say_event(json_t *event)
{
    say(json_pack("{s:o}", "event", event));
}

static int on_lifecycle(virConnectPtr c, virDomainPtr dom, int event, int detail, void *opaque)
{
    json_t *e = event_of("domain", dom);

    (void)c;
    (void)opaque;
    json_object_set_new(e, "change", json_string(word_of(words_lifecycle, event)));
    if (event == VIR_DOMAIN_EVENT_STOPPED)
        json_object_set_new(e, "how", json_string(word_of(words_stopped, detail)));
    if (event == VIR_DOMAIN_EVENT_DEFINED && detail == VIR_DOMAIN_EVENT_DEFINED_RENAMED)
        json_object_set_new(e, "how", json_string("renamed"));
    if (event == VIR_DOMAIN_EVENT_SUSPENDED && detail == VIR_DOMAIN_EVENT_SUSPENDED_IOERROR)
        json_object_set_new(e, "how", json_string("io-error"));
    say_event(e);
    return 0;
}

static void on_job(virConnectPtr c, virDomainPtr dom, virTypedParameterPtr params, int n,
                   void *opaque)
{
    json_t *e = event_of("job", dom);
    unsigned long long total = 0;
    const char *text = NULL;
    int operation = 0, success = 0;

    (void)c;
    (void)opaque;
    virTypedParamsGetInt(params, n, VIR_DOMAIN_JOB_OPERATION, &operation);
    virTypedParamsGetBoolean(params, n, VIR_DOMAIN_JOB_SUCCESS, &success);
    virTypedParamsGetString(params, n, VIR_DOMAIN_JOB_ERRMSG, &text);
    virTypedParamsGetULLong(params, n, VIR_DOMAIN_JOB_DISK_TOTAL, &total);
    json_object_set_new(e, "operation", json_string(word_of(words_operation, operation)));
    json_object_set_new(e, "success", json_boolean(success));
    if (total)
        json_object_set_new(e, "total", json_integer((json_int_t)total));
    if (text)
        json_object_set_new(e, "text", record_text(text));
    if (text && libvirt_text_code(text) != ERR_NONE)
        json_object_set_new(e, "code", json_string(err_code_name(libvirt_text_code(text))));
    say_event(e);
}

static void on_threshold(virConnectPtr c, virDomainPtr dom, const char *dev, const char *path,
                         unsigned long long threshold, unsigned long long excess, void *opaque)
{
    json_t *e = event_of("threshold", dom);

    (void)c;
    (void)opaque;
    json_object_set_new(e, "disk", record_text(dev));
    if (path)
        json_object_set_new(e, "path", record_text(path));
    json_object_set_new(e, "bytes", json_integer((json_int_t)threshold));
    json_object_set_new(e, "excess", json_integer((json_int_t)excess));
    say_event(e);
}

static void on_io_error(virConnectPtr c, virDomainPtr dom, const char *path, const char *alias,
                        int action, const char *reason, void *opaque)
{
    json_t *e = event_of("io-error", dom);

    (void)c;
    (void)opaque;
    json_object_set_new(e, "path", record_text(path));
    json_object_set_new(e, "device", record_text(alias));
    json_object_set_new(e, "action", json_string(word_of(words_io_error, action)));
    if (reason && *reason)
        json_object_set_new(e, "reason", record_text(reason));
    say_event(e);
}

static void on_agent(virConnectPtr c, virDomainPtr dom, int state, int reason, void *opaque)
{
    json_t *e = event_of("agent", dom);

    (void)c;
    (void)reason;
    (void)opaque;
    json_object_set_new(
        e, "connected",
        json_boolean(state == VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED));
    say_event(e);
}

/* A disk came or went. */
static void on_device(virConnectPtr c, virDomainPtr dom, const char *alias, void *opaque)
{
    json_t *e = event_of("device", dom);

    (void)c;
    (void)opaque;
    json_object_set_new(e, "device", record_text(alias));
    say_event(e);
}

static int hear(int id, virConnectDomainEventGenericCallback fn, struct err *err)
{
    if (virConnectDomainEventRegisterAny(connection(), NULL, id, fn, NULL, NULL) >= 0)
        return 0;
    /* test:/// and older drivers have not all of them. */
    if (virGetLastErrorCode() == VIR_ERR_NO_SUPPORT && id != VIR_DOMAIN_EVENT_ID_LIFECYCLE) {
        virResetLastError();
        return 0;
    }
    return libvirt_error(err);
}

int events_start(struct err *err)
{
    const struct {
        int id;
        virConnectDomainEventGenericCallback fn;
    } all[] = {
        {VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle)},
        {VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, VIR_DOMAIN_EVENT_CALLBACK(on_job)},
        {VIR_DOMAIN_EVENT_ID_BLOCK_THRESHOLD, VIR_DOMAIN_EVENT_CALLBACK(on_threshold)},
        {VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON, VIR_DOMAIN_EVENT_CALLBACK(on_io_error)},
        {VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_agent)},
        {VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, VIR_DOMAIN_EVENT_CALLBACK(on_device)},
        {VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, VIR_DOMAIN_EVENT_CALLBACK(on_device)},
    };

    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (hear(all[i].id, all[i].fn, err) < 0)
            return -1;
    return 0;
}
