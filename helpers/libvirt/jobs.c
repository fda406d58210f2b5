/* SPDX-License-Identifier: MIT
 *
 * The backup job of a domain.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "helpers/libvirt/libvirt.h"
#include "helpers/libvirt/words.h"

static const struct field begin_fields[] = {
    FIELD(struct libvirt_request, domain, TEXT, .required = true),
    FIELD(struct libvirt_request, uuid, TEXT),
    FIELD(struct libvirt_request, backup, TEXT, .required = true),
    FIELD(struct libvirt_request, checkpoint, TEXT),
    FIELD(struct libvirt_request, reuse, BOOL),
};
static const struct record begin_request = RECORD(struct libvirt_request, begin_fields);

static const struct field job_request_fields[] = {
    FIELD(struct libvirt_request, domain, TEXT, .required = true),
    FIELD(struct libvirt_request, uuid, TEXT),
    FIELD(struct libvirt_request, completed, BOOL),
    FIELD(struct libvirt_request, keep, BOOL),
};
static const struct record job_request = RECORD(struct libvirt_request, job_request_fields);

static const struct field disk_fields[] = {
    FIELD(struct libvirt_request, domain, TEXT, .required = true),
    FIELD(struct libvirt_request, uuid, TEXT),
    FIELD(struct libvirt_request, disk, TEXT, .required = true),
    FIELD(struct libvirt_request, bytes, UINT64),
};
static const struct record disk_request = RECORD(struct libvirt_request, disk_fields);

struct stats {
    char *state, *operation;
    bool success;
    char *text; /* why it failed, or was canceled */
    uint64_t elapsed_ms, total, done, remaining, temp_used, temp_total;
};

static const struct field stats_fields[] = {
    FIELD(struct stats, state, TEXT),        FIELD(struct stats, operation, TEXT),
    FIELD(struct stats, success, BOOL),      FIELD(struct stats, text, TEXT),
    FIELD(struct stats, elapsed_ms, UINT64), FIELD(struct stats, total, UINT64),
    FIELD(struct stats, done, UINT64),       FIELD(struct stats, remaining, UINT64),
    FIELD(struct stats, temp_used, UINT64),  FIELD(struct stats, temp_total, UINT64),
};
static const struct record stats_record = RECORD(struct stats, stats_fields);

/* ---- */

static int begin_of(virDomainPtr dom, const struct libvirt_request *q, void *answer)
{
    (void)answer;
    return virDomainBackupBegin(dom, q->backup, q->checkpoint,
                                q->reuse ? VIR_DOMAIN_BACKUP_BEGIN_REUSE_EXTERNAL : 0);
}
SERVICE_OF_DOMAIN(begin)

static int describe_of(virDomainPtr dom, const struct libvirt_request *q, void *answer)
{
    struct libvirt_text *ret = answer;

    (void)q;
    ret->xml = virDomainBackupGetXMLDesc(dom, 0);
    return ret->xml ? 0 : -1;
}
SERVICE_OF_DOMAIN(describe)

static uint64_t number(virTypedParameterPtr params, int n, const char *what)
{
    unsigned long long ret = 0;

    virTypedParamsGetULLong(params, n, what, &ret);
    return ret;
}

static void read_stats(virTypedParameterPtr params, int n, int type, struct stats *ret)
{
    int operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN, success = 0;
    const char *text = NULL;

    virTypedParamsGetInt(params, n, VIR_DOMAIN_JOB_OPERATION, &operation);
    virTypedParamsGetBoolean(params, n, VIR_DOMAIN_JOB_SUCCESS, &success);
    virTypedParamsGetString(params, n, VIR_DOMAIN_JOB_ERRMSG, &text);
    ret->state = xstrdup(word_of(words_job, type));
    if (type != VIR_DOMAIN_JOB_NONE)
        ret->operation = xstrdup(word_of(words_operation, operation));
    ret->success = success == 1;
    ret->text = xstrdup(text);
    ret->elapsed_ms = number(params, n, VIR_DOMAIN_JOB_TIME_ELAPSED);
    ret->total = number(params, n, VIR_DOMAIN_JOB_DISK_TOTAL);
    ret->done = number(params, n, VIR_DOMAIN_JOB_DISK_PROCESSED);
    ret->remaining = number(params, n, VIR_DOMAIN_JOB_DISK_REMAINING);
    ret->temp_used = number(params, n, VIR_DOMAIN_JOB_DISK_TEMP_USED);
    ret->temp_total = number(params, n, VIR_DOMAIN_JOB_DISK_TEMP_TOTAL);
}

/* What an ended job left is there until it is read, unless it is to be kept, or the next begins. */
static int job_of(virDomainPtr dom, const struct libvirt_request *q, void *answer)
{
    virTypedParameterPtr params = NULL;
    int type = VIR_DOMAIN_JOB_NONE, n = 0;
    unsigned flags = (q->completed ? VIR_DOMAIN_JOB_STATS_COMPLETED : 0) |
                     (q->completed && q->keep ? VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED : 0);

    if (virDomainGetJobStats(dom, &type, &params, &n, flags) < 0)
        return -1;
    read_stats(params, n, type, answer);
    virTypedParamsFree(params, n);
    return 0;
}
SERVICE_OF_DOMAIN(job)

static int abort_of(virDomainPtr dom, const struct libvirt_request *q, void *answer)
{
    (void)q;
    (void)answer;
    return virDomainAbortJob(dom);
}
SERVICE_OF_DOMAIN(abort)

static int speed_of(virDomainPtr dom, const struct libvirt_request *q, void *answer)
{
    (void)answer;
    return virDomainBlockJobSetSpeed(dom, q->disk, q->bytes,
                                     VIR_DOMAIN_BLOCK_JOB_SPEED_BANDWIDTH_BYTES);
}
SERVICE_OF_DOMAIN(speed)

static int threshold_of(virDomainPtr dom, const struct libvirt_request *q, void *answer)
{
    (void)answer;
    return virDomainSetBlockThreshold(dom, q->disk, q->bytes, 0);
}
SERVICE_OF_DOMAIN(threshold)

const struct service job_services[] = {
    {"backup-begin", "begin a backup, and a checkpoint with it", &begin_request, NULL, run_begin},
    {"backup-xml", "describe the backup that runs", &libvirt_request_domain, &libvirt_answer_xml,
     run_describe},
    {"job", "figures of the job that runs, or of the last", &job_request, &stats_record, run_job},
    {"job-abort", "cancel a push, end a pull", &libvirt_request_domain, NULL, run_abort},
    {"speed", "limit a disk's copy to so many bytes a second", &disk_request, NULL, run_speed},
    {"threshold", "an event when a disk or target has so many bytes", &disk_request, NULL,
     run_threshold},
};
const size_t n_job_services = ARRAY_LEN(job_services);
