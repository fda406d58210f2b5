/* SPDX-License-Identifier: MIT */
#include "cli/notify_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/store_ask.h"
#include "notify/sending_of.h"
#include "notify/told.h"

#define RESERVED ((size_t)16 << 10) /* of the file */

struct watch {
    const struct config *config;
    int64_t now;
    char machine[256];
    json_t *file;                     /* of each target, an array of what it was told */
    struct condition_list conditions; /* that the daemon cannot tell of */
};

/* ---- the file ---- */

static char *file_path(const struct config *c)
{
    return xasprintf("%s.watch", c->catalog);
}

/* Two at one time would both tell.  What cannot be locked, on a disk that is full, say, is no
 * reason to tell nothing: -1.  The file stays, for one that is removed can be locked twice. */
static int take_lock(const struct config *c, struct err *err)
{
    CLEANUP_FREE char *path = xasprintf("%s.watch.lock", c->catalog);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        err_set(err, ERR_BUSY, "another `vmkeep notify watch` is at it, and tells the same");
    return fd;
}

static json_t *told_file(const char *path)
{
    json_t *ret = json_load_file(path, 0, NULL);

    return json_is_object(ret) ? ret : (json_decref(ret), json_object());
}

/* Within the file that there is. */
static int write_over(const char *path, const char *text, size_t len, struct err *err)
{
    CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0 || pwrite(fd, text, len, 0) != (ssize_t)len || fdatasync(fd) < 0)
        return err_errno(err, errno, "write %s", path);
    return 0;
}

/* A full disk may be why the daemon is down, and takes no new file: then the old one is written
 * over, whose blank end is kept for that. */
static int keep_file(const struct watch *w, struct err *err)
{
    CLEANUP_FREE char *path = file_path(w->config);
    CLEANUP_FREE char *json = json_dumps(w->file, JSON_INDENT(2));
    size_t len = strlen(json), size = len < RESERVED ? RESERVED : len + 1;
    CLEANUP_FREE char *text = xcalloc(size, 1);
    struct err ignored = ERR_INIT;

    memset(text, ' ', size - 1);
    text[size - 1] = '\n';
    memcpy(text, json, len);
    if (write_file_durably(path, text, size, 0600, &ignored) == 0)
        return 0;
    return write_over(path, text, size, err);
}

static void read_told(const json_t *list, struct told_list *ret)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item) {
        struct told t = {0};
        const char *condition = NULL, *facts = NULL;
        json_int_t since = 0, times = 0, again = 0;

        if (json_unpack((json_t *)item, "{s:s, s:s, s:I, s:I, s:I}", "condition", &condition,
                        "facts", &facts, "since", &since, "times", &times, "again", &again) < 0)
            continue;
        t = (struct told){xstrdup(condition), xstrdup(facts), since, times, again};
        *VEC_ADD(ret) = t;
    }
}

static bool is_gone(const struct telling *t, const char *condition)
{
    for (size_t i = 0; i < t->put.n; i++)
        if (strcmp(t->put.items[i].condition, condition) == 0)
            return true;
    return strlist_has(&t->gone, condition);
}

static void put_told(json_t *list, const struct told *t)
{
    json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I, s:I}", "condition", t->condition,
                                          "facts", t->facts, "since", (json_int_t)t->since, "times",
                                          (json_int_t)t->times, "again", (json_int_t)t->again));
}

static void write_told(struct watch *w, const char *target, const struct told_list *was,
                       const struct telling *t)
{
    json_t *list = json_array();

    for (size_t i = 0; i < was->n; i++)
        if (!is_gone(t, was->items[i].condition))
            put_told(list, &was->items[i]);
    for (size_t i = 0; i < t->put.n; i++)
        put_told(list, &t->put.items[i]);
    if (json_array_size(list) > 0)
        json_object_set_new(w->file, target, list);
    else {
        json_decref(list);
        json_object_del(w->file, target);
    }
}

/* ---- telling ---- */

static int send_to(const struct config_target *t, json_t *notice, struct err *err)
{
    CLEANUP_FREE char *body = json_dumps(notice, JSON_COMPACT);
    const struct sending s = sending_of(t, body);
    const struct ask ask = sending_ask(&s);

    return store_ask(&ask, t->name, SENDING_LIMIT_S + 5, err);
}

static int tell(struct watch *w, const struct config_target *t, struct err *err)
{
    CLEANUP(told_list_done) struct told_list was = {0};
    CLEANUP(telling_done) struct telling telling = {0};
    json_t *notice;
    int rc = 0;

    read_told(json_object_get(w->file, t->name), &was);
    told_decide(&was, &w->conditions, t->conditions, w->now, &telling);
    if (telling.events.n > 0) {
        notice = notice_conditions(&telling.events, w->machine, w->now);
        rc = send_to(t, notice, err);
        json_decref(notice);
    }
    if (rc == 0) {
        write_told(w, t->name, &was, &telling);
        rc = keep_file(w, err);
    }
    return rc;
}

static void forget_gone(struct watch *w)
{
    const char *name;
    json_t *told;
    void *next;

    json_object_foreach_safe(w->file, next, name, told)
    {
        if (!config_target_find(w->config, name))
            json_object_del(w->file, name);
    }
}

/* A check that is pinged notices by itself that nobody pings it. */
static int tell_all(struct watch *w)
{
    int code = EXIT_DONE;

    for (size_t i = 0; i < w->config->notify.n; i++) {
        const struct config_target *t = &w->config->notify.items[i];
        struct err err = ERR_INIT;

        if (!config_url_given(&t->healthchecks.at) && tell(w, t, &err) < 0)
            code = cli_fail(t->name, &err);
    }
    return code;
}

static bool is_ours(const struct condition *c)
{
    static const enum reason_code ours[] = {REASON_DAEMON_DOWN, REASON_DAEMON_SILENT,
                                            REASON_CATALOG};

    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (c->kind == CONDITION_DAEMON && strcmp(c->about, reason_name(ours[i])) == 0)
            return true;
    return false;
}

/* What the daemon tells itself goes; how it stands with the rest is said beside ours. */
static void keep_ours(struct condition_list *l, const struct status *s)
{
    CLEANUP_FREE char *summary = s->domains.n > 0 ? status_summary(s) : NULL;
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++) {
        struct condition *c = &l->items[i];
        char *text = c->text;

        if (!is_ours(c)) {
            condition_done(c);
            continue;
        }
        c->text =
            xasprintf("%s%s%s", text, summary ? "; status says: " : "", summary ? summary : "");
        free(text);
        l->items[n++] = *c;
    }
    l->n = n;
}

int notify_watch(const struct config *config, const struct status *status)
{
    CLEANUP_FREE char *path = file_path(config);
    struct watch w = {.config = config, .now = status->now};
    struct err err = ERR_INIT;
    CLEANUP_CLOSE int lock = take_lock(config, &err);
    int code;

    (void)lock;
    if (err.code != ERR_NONE)
        return cli_fail(NULL, &err);
    w.file = told_file(path);
    if (gethostname(w.machine, sizeof(w.machine) - 1) < 0)
        snprintf(w.machine, sizeof(w.machine), "localhost");
    conditions_of(status, &w.conditions);
    keep_ours(&w.conditions, status);
    forget_gone(&w);
    code = tell_all(&w);
    condition_list_done(&w.conditions);
    json_decref(w.file);
    return code;
}
