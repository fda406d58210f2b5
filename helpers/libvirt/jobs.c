/* SPDX-License-Identifier: MIT
 *
 * The backup job of a domain.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "helpers/libvirt/libvirt.h"
#include "helpers/libvirt/words.h"

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

static void read_stats(virTypedParameterPtr params, int n, int type, struct libvirt_job_answer *ret)
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
    struct libvirt_job_answer *ret = answer;
    virTypedParameterPtr params = NULL;
    int type = VIR_DOMAIN_JOB_NONE, n = 0, state, reason;
    unsigned flags = (q->completed ? VIR_DOMAIN_JOB_STATS_COMPLETED : 0) |
                     (q->completed && q->keep ? VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED : 0);

    if (virDomainGetJobStats(dom, &type, &params, &n, flags) < 0) {
        if (!libvirt_backup_begins())
            return -1;
        ret->state = xstrdup(word_of(words_job, VIR_DOMAIN_JOB_UNBOUNDED));
        ret->operation = xstrdup(WORD_BACKUP_BEGINS);
        return 0;
    }
    read_stats(params, n, type, ret);
    virTypedParamsFree(params, n);
    ret->stopped = !q->completed && virDomainGetState(dom, &state, &reason, 0) == 0 &&
                   state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_IOERROR;
    return 0;
}
SERVICE_OF_DOMAIN(job)

/* An end is told while libvirt still holds the domain, and closes files only then.  This question
 * waits until it lets go. */
static int settle_of(virDomainPtr dom, const struct libvirt_request *q, void *answer)
{
    virDomainMemoryStatStruct stats[VIR_DOMAIN_MEMORY_STAT_NR];

    (void)q;
    (void)answer;
    return virDomainMemoryStats(dom, stats, VIR_DOMAIN_MEMORY_STAT_NR, 0);
}
SERVICE_OF_DOMAIN(settle)

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
    {"backup-begin", "begin a backup, and a checkpoint with it", &libvirt_request_begin, NULL,
     run_begin},
    {"backup-xml", "describe the backup that runs", &libvirt_request_domain, &libvirt_answer_xml,
     run_describe},
    {"job", "figures of the job that runs, or of the last", &libvirt_request_job,
     &libvirt_answer_job, run_job},
    {"settle", "wait until libvirt has done what it has in hand with the domain",
     &libvirt_request_domain, NULL, run_settle},
    {"job-abort", "cancel a push, end a pull", &libvirt_request_domain, NULL, run_abort},
    {"speed", "limit a disk's copy to so many bytes a second", &libvirt_request_disk, NULL,
     run_speed},
    {"threshold", "an event when a disk or target has so many bytes", &libvirt_request_disk, NULL,
     run_threshold},
};
const size_t n_job_services = ARRAY_LEN(job_services);
