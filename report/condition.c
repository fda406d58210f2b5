/* SPDX-License-Identifier: MIT */
#include "report/condition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fnv.h"
#include "base/record.h"
#include "base/text.h"

/* Which kind each reason is of; those that are not here are of kind other. */
static const enum condition_kind kinds[REASON_CODE_COUNT] = {
    [REASON_NO_POINT] = CONDITION_AT_RISK + 1,
    [REASON_TOO_OLD] = CONDITION_AT_RISK + 1,
    [REASON_LACKS_DISK] = CONDITION_AT_RISK + 1,
    [REASON_NO_POLICY] = CONDITION_UNPROTECTED + 1,
    [REASON_POINTS_BAD] = CONDITION_DAMAGED + 1,
    [REASON_VERIFY_FAILED] = CONDITION_DAMAGED + 1,
    [REASON_REPOSITORY] = CONDITION_REPOSITORY + 1,
    [REASON_READ_ONLY] = CONDITION_REPOSITORY + 1,
    [REASON_DIFFERENCE] = CONDITION_REPOSITORY + 1,
    [REASON_FULL] = CONDITION_FULL + 1,
    [REASON_TIGHT] = CONDITION_FULL + 1,
    [REASON_FULL_SOON] = CONDITION_FULL + 1,
    [REASON_COPY_BEHIND] = CONDITION_COPY + 1,
    [REASON_COPY_FAILED] = CONDITION_COPY + 1,
    [REASON_DAEMON_DOWN] = CONDITION_DAEMON + 1,
    [REASON_DAEMON_SILENT] = CONDITION_DAEMON + 1,
    [REASON_CRASHED] = CONDITION_DAEMON + 1,
    [REASON_CATALOG] = CONDITION_DAEMON + 1,
    [REASON_CONFIG_BROKEN] = CONDITION_DAEMON + 1,
    [REASON_CLOCK] = CONDITION_CLOCK + 1,
};

static enum condition_kind kind_of(enum reason_code code)
{
    return kinds[code] ? (enum condition_kind)(kinds[code] - 1) : CONDITION_OTHER;
}

/* Nobody must act on a daemon that runs again, but who was not there is to know of it. */
static bool is_told(const struct reason *r)
{
    return r->severity != SEVERITY_NOTE || r->code == REASON_CRASHED;
}

static char *about_text(const struct status_about *a, enum reason_code code)
{
    if (a->domain)
        return xasprintf("%s/%s", a->domain->host, a->domain->domain);
    if (a->repository)
        return xasprintf("repository %s", a->repository->name);
    return xstrdup(reason_name(code));
}

static struct condition *find(struct condition_list *l, const char *key)
{
    for (size_t i = l->n; i-- > 0;)
        if (strcmp(l->items[i].key, key) == 0)
            return &l->items[i];
    return NULL;
}

static void append(char **text, const char *more)
{
    char *old = *text;

    if (!more || (old && strstr(old, more)))
        return;
    *text = xasprintf("%s%s%s", old ? old : "", old ? "; " : "", more);
    free(old);
}

/* Why a domain is at risk: notes that stand behind the reason, such as how its last job failed. */
static bool explains(const struct status_about *about, const struct reason *r)
{
    return about->policy && (r->code == REASON_JOB_FAILED || r->code == REASON_JOB_ABORTED ||
                             r->code == REASON_JOB_SKIPPED || r->code == REASON_DOMAIN_PROBLEM ||
                             r->code == REASON_SET_ASIDE);
}

static void add_note(struct condition_list *l, const struct status_about *about,
                     const struct reason *r)
{
    CLEANUP_FREE char *key = xasprintf("%s %s/%s", condition_words[CONDITION_AT_RISK],
                                       about->domain->host, about->domain->domain);
    struct condition *c = find(l, key);

    if (c)
        append(&c->text, r->text);
}

static void add_reason(void *arg, const struct status_about *about, const struct reason *r)
{
    struct condition_list *l = arg;
    enum condition_kind kind = kind_of(r->code);
    const char *what = kind == CONDITION_OTHER ? reason_name(r->code) : condition_words[kind];
    CLEANUP_FREE char *key = NULL;
    char *of;
    struct condition *c;

    if (!is_told(r) && explains(about, r))
        add_note(l, about, r);
    if (!is_told(r))
        return;
    of = about_text(about, r->code);
    key = xasprintf("%s %s", what, of);
    c = find(l, key);
    if (!c) {
        c = VEC_ADD(l);
        *c = (struct condition){
            .kind = kind, .what = xstrdup(what), .key = xstrdup(key), .about = xstrdup(of)};
        c->host = about->domain ? xstrdup(about->domain->host) : NULL;
        c->domain = about->domain ? xstrdup(about->domain->domain) : NULL;
        c->repository = about->repository ? xstrdup(about->repository->name) : NULL;
    }
    free(of);
    if (r->severity > c->severity)
        c->severity = r->severity;
    append(&c->text, r->text);
    append(&c->advice, r->advice);
}

static int by_key(const void *a, const void *b)
{
    const struct condition *x = a, *y = b;

    return strcmp(x->key, y->key);
}

void conditions_of(const struct status *s, struct condition_list *ret)
{
    *ret = (struct condition_list){0};
    status_reasons(s, add_reason, ret);
    if (ret->n > 0)
        qsort(ret->items, ret->n, sizeof(*ret->items), by_key);
}

struct condition condition_copy(const struct condition *c)
{
    return (struct condition){.kind = c->kind,
                              .what = xstrdup(c->what),
                              .key = xstrdup(c->key),
                              .about = xstrdup(c->about),
                              .host = xstrdup(c->host),
                              .domain = xstrdup(c->domain),
                              .repository = xstrdup(c->repository),
                              .severity = c->severity,
                              .text = xstrdup(c->text),
                              .advice = xstrdup(c->advice)};
}

void condition_done(struct condition *c)
{
    free(c->what);
    free(c->key);
    free(c->about);
    free(c->host);
    free(c->domain);
    free(c->repository);
    free(c->text);
    free(c->advice);
    *c = (struct condition){0};
}

void condition_list_done(struct condition_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        condition_done(&l->items[i]);
    free(l->items);
    *l = (struct condition_list){0};
}

/* ---- as JSON ---- */

static const char *const severities[] = {"note", "act", "risk", NULL};

#define FIELD_OF(member, kind_, ...) FIELD(struct condition, member, kind_, __VA_ARGS__)
static const struct field fields[] = {
    FIELD_OF(key, TEXT, .required = true),
    FIELD_OF(kind, WORD, .required = true, .words = condition_words),
    FIELD_OF(what, TEXT, ),
    FIELD_OF(about, TEXT, .required = true),
    FIELD_OF(host, TEXT, ),
    FIELD_OF(domain, TEXT, ),
    FIELD_OF(repository, TEXT, ),
    FIELD_OF(severity, WORD, .required = true, .words = severities),
    FIELD_OF(text, TEXT, .required = true),
    FIELD_OF(advice, TEXT, ),
};
static const struct record record = RECORD(struct condition, fields);

json_t *condition_json(const struct condition *c)
{
    return record_write(&record, c);
}

int condition_read(const json_t *json, struct condition *ret, struct err *err)
{
    if (record_read(&record, json, ret, err) < 0)
        return -1;
    if (!ret->what) /* of an older version */
        ret->what = xstrdup(condition_words[ret->kind]);
    return 0;
}

const char *condition_fingerprint(const char *key, char buf[FINGERPRINT_MAX])
{
    snprintf(buf, FINGERPRINT_MAX, "%016" PRIx64, fnv_add(FNV_BEGIN, key, strlen(key)));
    return buf;
}
