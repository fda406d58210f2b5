/* SPDX-License-Identifier: MIT
 *
 * The backup API's commands on the control socket.  XML documents travel as strings, and are read
 * here; most answers come later, when the hypervisor has answered.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/domain_search.h"
#include "base/log.h"
#include "base/text.h"
#include "daemon/answer_json.h"
#include "daemon/control_priv.h"
#include "engine/xml/backup_xml.h"
#include "engine/xml/checkpoint_xml.h"
#include "jobs/api.h"
#include "jobs/pin.h"
#include "report/json.h"

/* ---- answers that come later ---- */

struct pending {
    struct control *control;
    struct client *client; /* NULL: it has gone */
};

static void pending_free(struct pending *p)
{
    struct control *c = p->control;

    for (size_t i = 0; i < c->pending.n; i++) {
        if (c->pending.items[i] == p) {
            c->pending.items[i] = c->pending.items[--c->pending.n];
            break;
        }
    }
    free(p);
}

static void on_answer(void *ctx, const struct err *err, const struct api_answer *answer)
{
    struct pending *p = ctx;

    if (p->client && err)
        client_answer_error(p->client, err);
    else if (p->client)
        client_send(p->client, json_pack("{s:b, s:o}", "ok", 1, "result", answer_json(answer)));
    pending_free(p);
}

static struct api_reply later(struct client *cl)
{
    struct pending *p = xcalloc(1, sizeof(*p));

    p->control = cl->control;
    p->client = cl;
    *VEC_ADD(&cl->control->pending) = p;
    return (struct api_reply){on_answer, p};
}

void control_forget_client(struct client *cl)
{
    for (size_t i = 0; i < cl->control->pending.n; i++)
        if (cl->control->pending.items[i]->client == cl)
            cl->control->pending.items[i]->client = NULL;
}

void control_forget_pending(struct control *c)
{
    for (size_t i = 0; i < c->pending.n; i++)
        free(c->pending.items[i]);
    free(c->pending.items);
}

/* ---- documents ---- */

/* Without one: a push of all disks, beside their images. */
static int read_backup(const char *xml, struct backup_document **ret, struct err *err)
{
    if (!xml)
        xml = "<domainbackup/>";
    if (backup_document_parse(xml, strlen(xml), ret, err) < 0)
        return err_wrap(err, "backup XML");
    return 0;
}

static int read_checkpoint(const char *xml, struct checkpoint_document **ret, struct err *err)
{
    if (checkpoint_document_parse(xml, strlen(xml), ret, err) < 0)
        return err_wrap(err, "checkpoint XML");
    return 0;
}

/* ---- the commands ---- */

static int cmd_backup_begin(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    struct api_begin a = {0};
    const char *backup = NULL, *checkpoint = NULL;
    int reuse = 0;

    (void)ret;
    if (control_unpack(args, err, "{s:s, s?s, s?s, s?b}", "domain", &a.domain, "backup_xml",
                       &backup, "checkpoint_xml", &checkpoint, "reuse_external", &reuse) < 0 ||
        read_backup(backup, &a.document, err) < 0)
        return -1;
    if (checkpoint && read_checkpoint(checkpoint, &a.checkpoint, err) < 0) {
        backup_document_free(a.document);
        return -1;
    }
    a.reuse_external = reuse;
    api_backup_begin(scheduler_jobs(cl->control->env.scheduler), &a, later(cl));
    return 0;
}

/* Answers when the job is over. */
static int cmd_abort(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    const char *domain = NULL;
    int64_t job = 0;

    if (control_unpack(args, err, "{s:s}", "domain", &domain) < 0 ||
        api_abort(scheduler_jobs(cl->control->env.scheduler), domain, &job, err) < 0)
        return -1;
    /* A job that could be ended on the spot is over already. */
    if (!job || !scheduler_job(cl->control->env.scheduler, job)) {
        *ret = json_object();
        return 0;
    }
    client_send(cl, json_pack("{s:s, s:I}", "event", "accepted", "job", (json_int_t)job));
    *VEC_ADD(&cl->waits) = job;
    return 0;
}

static int cmd_job_info(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    const char *domain = NULL;

    (void)ret;
    if (control_unpack(args, err, "{s:s}", "domain", &domain) < 0)
        return -1;
    api_job_info(scheduler_jobs(cl->control->env.scheduler), domain, later(cl));
    return 0;
}

static int cmd_checkpoint_create(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    const char *xml = "<domaincheckpoint/>";
    struct api_create c = {0};
    int redefine = 0, validate = 0, quiesce = 0;

    (void)ret;
    if (control_unpack(args, err, "{s:s, s?s, s?b, s?b, s?b}", "domain", &c.domain, "xml", &xml,
                       "redefine", &redefine, "validate", &validate, "quiesce", &quiesce) < 0 ||
        read_checkpoint(xml, &c.document, err) < 0)
        return -1;
    c.redefine = redefine;
    c.validate = validate;
    c.quiesce = quiesce;
    api_checkpoint_create(scheduler_jobs(cl->control->env.scheduler), &c, later(cl));
    return 0;
}

static int cmd_checkpoint_list(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    const char *domain = NULL;

    (void)ret;
    if (control_unpack(args, err, "{s:s}", "domain", &domain) < 0)
        return -1;
    api_checkpoint_list(scheduler_jobs(cl->control->env.scheduler), domain, later(cl));
    return 0;
}

static int cmd_checkpoint_dumpxml(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    const char *domain = NULL, *name = NULL;
    int size = 0, no_domain = 0;

    (void)ret;
    if (control_unpack(args, err, "{s:s, s:s, s?b, s?b}", "domain", &domain, "name", &name, "size",
                       &size, "no_domain", &no_domain) < 0)
        return -1;
    api_checkpoint_describe(scheduler_jobs(cl->control->env.scheduler), domain, name, size,
                            no_domain, later(cl));
    return 0;
}

static int cmd_checkpoint_delete(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    const char *domain = NULL, *name = NULL;
    int children = 0, only = 0, metadata = 0, revert = 0;

    (void)ret;
    if (control_unpack(args, err, "{s:s, s?s, s?b, s?b, s?b, s?b}", "domain", &domain, "name",
                       &name, "children", &children, "children_only", &only, "metadata", &metadata,
                       "for_revert", &revert) < 0)
        return -1;
    if (!name == !revert)
        return err_set(err, ERR_INVALID, "a checkpoint's name, or for_revert, one of them");
    api_checkpoint_delete(scheduler_jobs(cl->control->env.scheduler), domain, name,
                          revert     ? DELETE_FOR_REVERT
                          : only     ? DELETE_CHILDREN_ONLY
                          : children ? DELETE_CHILDREN
                                     : DELETE_ONE,
                          metadata, later(cl));
    return 0;
}

static int cmd_pin(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    struct point_pin pin = {.since = time(NULL)};
    const char *point = NULL, *note = NULL;
    json_int_t until = 0;

    (void)ret;
    if (control_unpack(args, err, "{s:s, s?I, s?s}", "point", &point, "until", &until, "note",
                       &note) < 0)
        return -1;
    pin.until = until;
    pin.note = (char *)note;
    pin_set(scheduler_jobs(cl->control->env.scheduler), point, &pin, later(cl));
    return 0;
}

static int cmd_unpin(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    static const struct point_pin none = {0};
    const char *point = NULL;

    (void)ret;
    if (control_unpack(args, err, "{s:s}", "point", &point) < 0)
        return -1;
    pin_set(scheduler_jobs(cl->control->env.scheduler), point, &none, later(cl));
    return 0;
}

static int cmd_doctor(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    const char *about = NULL;

    (void)ret;
    if (control_unpack(args, err, "{s?s}", "about", &about) < 0)
        return -1;
    scheduler_doctor(cl->control->env.scheduler, about, later(cl));
    return 0;
}

static void on_tested(void *ctx, const struct err *err)
{
    struct pending *p = ctx;

    if (p->client && err)
        client_answer_error(p->client, err);
    else if (p->client)
        client_send(p->client, json_pack("{s:b, s:{}}", "ok", 1, "result"));
    pending_free(p);
}

static int cmd_notify_test(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    const struct control_env *env = &cl->control->env;
    const char *target = NULL;
    struct pending *p;

    (void)ret;
    if (control_unpack(args, err, "{s:s}", "target", &target) < 0)
        return -1;
    p = later(cl).ctx;
    if (notify_test(*env->notify, target, on_tested, p, err) == 0)
        return 0;
    pending_free(p);
    return -1;
}

/* Jobs as they are now, a page of them. */
static int cmd_jobs(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    struct live_ask a = {0};
    json_int_t after = 0, tries_after = 0;

    (void)ret;
    if (control_unpack(args, err, "{s?s, s?s, s?I, s?I}", "host", &a.host, "domain", &a.domain,
                       "after", &after, "tries_after", &tries_after) < 0)
        return -1;
    if (!a.host != !a.domain || after < 0 || tries_after < 0)
        return err_set(err, ERR_INVALID, "host and domain, or neither; where to go on, or nothing");
    a.after = after;
    a.tries_after = (size_t)tries_after;
    scheduler_live(cl->control->env.scheduler, &a, later(cl));
    return 0;
}

/* ---- events ---- */

static int cmd_events(struct client *cl, json_t *args, json_t **ret, struct err *err)
{
    const char *domain = NULL;

    (void)ret;
    if (control_unpack(args, err, "{s?s}", "domain", &domain) < 0)
        return -1;
    free(cl->events_of);
    cl->events_of = xstrdup(domain);
    cl->events = true;
    log_debug("control: a client listens for events");
    client_send(cl, json_pack("{s:s}", "event", "listening"));
    return 0;
}

static bool wants(const struct client *cl, const struct job *j)
{
    return cl->events && (!cl->events_of || domain_is_meant(cl->events_of, j->host, j->domain));
}

static json_t *completed_json(const struct job *j)
{
    uint64_t left = j->bytes_total > j->bytes_done ? j->bytes_total - j->bytes_done : 0;
    bool good = j->outcome == OUTCOME_SUCCESS;
    json_t *ret =
        json_pack("{s:s, s:I, s:o, s:o, s:s, s:s, s:s, s:s}", "event", "job-completed", "job",
                  (json_int_t)j->id, "host", report_json_text(j->host), "domain",
                  report_json_text(j->domain), "operation", "backup", "kind", j->kind, "mode",
                  mode_name(j->plan.mode), "outcome", job_outcome_name(j->outcome));
    json_t *figures =
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o}", "time_elapsed",
                  (json_int_t)j->elapsed_ms, "disk_total", (json_int_t)j->bytes_total,
                  "disk_processed", (json_int_t)j->bytes_done, "disk_remaining", (json_int_t)left,
                  "temp_used", (json_int_t)j->temp_used, "temp_total", (json_int_t)j->temp_total,
                  "success", good, "errmsg", report_json_text(good ? NULL : j->reason));

    json_object_update(ret, figures);
    json_decref(figures);
    return ret;
}

void control_tell_completed(struct control *c, const struct job *j)
{
    for (size_t i = 0; i < c->clients.n; i++)
        if (wants(c->clients.items[i], j))
            client_send(c->clients.items[i], completed_json(j));
}

int control_api_command(struct client *cl, const char *cmd, json_t *args, json_t **ret,
                        struct err *err)
{
    static const struct {
        const char *name;
        int (*run)(struct client *, json_t *, json_t **, struct err *);
    } commands[] = {
        {"backup-begin", cmd_backup_begin},
        {"abort", cmd_abort},
        {"job-info", cmd_job_info},
        {"checkpoint-create", cmd_checkpoint_create},
        {"checkpoint-list", cmd_checkpoint_list},
        {"checkpoint-dumpxml", cmd_checkpoint_dumpxml},
        {"checkpoint-delete", cmd_checkpoint_delete},
        {"doctor", cmd_doctor},
        {"notify-test", cmd_notify_test},
        {"pin", cmd_pin},
        {"unpin", cmd_unpin},
        {"jobs", cmd_jobs},
        {"events", cmd_events},
    };

    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(cmd, commands[i].name) == 0)
            return commands[i].run(cl, args, ret, err);
    return err_set(err, ERR_UNSUPPORTED, "this daemon knows no command '%s'", cmd);
}
