/* SPDX-License-Identifier: MIT
 *
 * Left out are: the data of secret objects; passwords, cookies and the like of block devices,
 * VNC, SPICE and others, by the names of their keys; keys and passwords within file names (rbd,
 * URLs); credentials that go to the guest's systemd.  A secret in a file is none of the command
 * line's.
 */
#include "engine/qmp/state/args.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"

#define DEPTH_MAX 32
#define LEFT_OUT "LEFT-OUT"

struct redaction {
    const char *option; /* the argument before, without its dashes; "" */
    bool secret;        /* a secret object, */
    bool credential;    /* or something for the guest's systemd */
    unsigned n;
};

/* The key that names a secret object instead; NULL: the value is no secret. */
static const char *secret_key(const char *key, const char *value)
{
    static const char *const keys[][2] = {
        {"password", "password-secret"},
        {"passwd", "password-secret"},
        {"proxy-password", "proxy-password-secret"},
        {"cookie", "cookie-secret"},
    };
    const char *dot = strrchr(key, '.');

    if (str_eq(value, "on") || str_eq(value, "off")) /* VNC: whether there is one */
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (str_eq(dot ? dot + 1 : key, keys[i][0]))
            return keys[i][1];
    return NULL;
}

/* ---- within a file name ---- */

/* rbd:pool/image:id=admin:key=SECRET:conf=... */
static char *redact_rbd(struct redaction *r, const char *name)
{
    const char *key = strstr(name, ":key=");
    const char *end = key ? key + strlen(":key=") : NULL;

    if (!key)
        return NULL;
    while (*end && *end != ':')
        end += *end == '\\' && end[1] ? 2 : 1;
    r->n++;
    return xasprintf("%.*s:key=" LEFT_OUT "%s", (int)(key - name), name, end);
}

/* SCHEME://USER:SECRET@HOST/..., with % instead of the colon for iSCSI. */
static char *redact_url(struct redaction *r, const char *name)
{
    const char *host = strstr(name, "://"), *at, *colon;
    size_t len;

    if (!host)
        return NULL;
    host += strlen("://");
    len = strcspn(host, "/?#");
    at = memrchr(host, '@', len);
    colon = at ? strpbrk(host, ":%") : NULL;
    if (!colon || colon >= at)
        return NULL;
    r->n++;
    return xasprintf("%.*s" LEFT_OUT "%s", (int)(colon + 1 - name), name, at);
}

static void redact_json(struct redaction *r, json_t *value, int depth);

static char *redact_json_text(struct redaction *r, const char *text)
{
    json_t *value = json_loads(text, 0, NULL);
    unsigned before = r->n;
    char *ret = NULL;

    redact_json(r, value, 0);
    if (r->n != before)
        ret = json_dumps(value, JSON_COMPACT);
    json_decref(value);
    return ret;
}

/* NULL: there is no secret in it.  Caller frees. */
static char *redact_name(struct redaction *r, const char *name)
{
    CLEANUP_FREE char *json = NULL;

    if (starts_with(name, "rbd:"))
        return redact_rbd(r, name);
    if (!starts_with(name, "json:"))
        return redact_url(r, name);
    json = redact_json_text(r, name + strlen("json:"));
    return json ? xasprintf("json:%s", json) : NULL;
}

/* ---- JSON ---- */

static void redact_member(struct redaction *r, json_t *object, const char *key, json_t *item)
{
    const char *text = json_string_value(item);
    const char *instead = text ? secret_key(key, text) : NULL;
    CLEANUP_FREE char *name = text && !instead ? redact_name(r, text) : NULL;

    if (instead) {
        r->n++;
        json_object_set_new(object, instead, json_string("ID-TO-FILL-IN"));
        json_object_del(object, key);
    } else if (name) {
        json_object_set_new(object, key, json_string(name));
    }
}

static void redact_json(struct redaction *r, json_t *value, int depth)
{
    const char *key;
    json_t *item;
    void *next;
    size_t i;

    if (depth > DEPTH_MAX)
        return;
    if (str_eq(json_string_value(json_object_get(value, "qom-type")), "secret") &&
        json_object_del(value, "data") == 0) {
        r->n++;
        json_object_set_new(value, "file", json_string("PATH-TO-FILL-IN"));
    }
    json_object_foreach_safe(value, next, key, item)
    {
        redact_json(r, item, depth + 1);
        redact_member(r, value, key, item);
    }
    json_array_foreach(value, i, item)
        redact_json(r, item, depth + 1);
}

/* ---- KEY=VALUE,KEY=VALUE, where two commas are one within a value ---- */

static char *replace_commas(const char *s, const char *from, const char *to)
{
    size_t len, step = strlen(from);
    char *ret = NULL;
    FILE *f = open_memstream(&ret, &len);

    while (*s) {
        bool here = strncmp(s, from, step) == 0;

        here ? fputs(to, f) : fputc(*s, f);
        s += here ? step : 1;
    }
    fclose(f);
    return ret;
}

/* io.systemd.credential:NAME=SECRET */
static char *redact_credential(struct redaction *r, const char *value)
{
    const char *is = starts_with(value, "io.systemd.credential") ? strchr(value, '=') : NULL;

    if (!is)
        return NULL;
    r->n++;
    return xasprintf("%.*s=" LEFT_OUT, (int)(is - value), value);
}

static void redact_value(struct redaction *r, const char *key, const char *escaped, FILE *out)
{
    CLEANUP_FREE char *value = replace_commas(escaped, ",,", ","), *changed = NULL, *again = NULL;
    const char *instead = *key ? secret_key(key, value) : NULL;
    const char *dot = strrchr(key, '.');

    if ((r->secret && str_eq(key, "data")) || (r->credential && str_eq(key, "string"))) {
        r->n++;
        fputs("file=PATH-TO-FILL-IN", out);
        return;
    }
    if (instead) {
        r->n++;
        fprintf(out, "%.*s%s=ID-TO-FILL-IN", dot ? (int)(dot + 1 - key) : 0, key, instead);
        return;
    }
    changed = str_eq(key, "value") ? redact_credential(r, value) : redact_name(r, value);
    again = changed ? replace_commas(changed, ",", ",,") : NULL;
    fprintf(out, "%s%s%s", key, *key ? "=" : "", again ? again : escaped);
}

static void redact_item(struct redaction *r, char *item, FILE *out)
{
    char *is = strchr(item, '=');

    /* A name like rbd:pool/image:key=... or a URL has no key before it. */
    if (is && strcspn(item, ":/") < (size_t)(is - item))
        is = NULL;
    if (is)
        *is = '\0';
    redact_value(r, is ? item : "", is ? is + 1 : item, out);
}

static void redact_list(struct redaction *r, const char *arg, FILE *out)
{
    while (true) {
        size_t len = 0;
        CLEANUP_FREE char *item = NULL;

        while (arg[len] && (arg[len] != ',' || arg[len + 1] == ','))
            len += arg[len] == ',' ? 2 : 1;
        item = strndup(arg, len);
        redact_item(r, item, out);
        if (!arg[len])
            return;
        fputc(',', out);
        arg += len + 1;
    }
}

static void redact_argument(struct redaction *r, const char *arg, FILE *out)
{
    CLEANUP_FREE char *json = arg[0] == '{' ? redact_json_text(r, arg) : NULL;

    r->secret =
        str_eq(r->option, "object") &&
        (str_eq(arg, "secret") || starts_with(arg, "secret,") || strstr(arg, "qom-type=secret,"));
    r->credential = str_eq(r->option, "fw_cfg") && strstr(arg, "io.systemd.credentials/");
    if (arg[0] == '{' || arg[0] == '-')
        fputs(json ? json : arg, out);
    else
        redact_list(r, arg, out);
}

char *args_text(const char *args, size_t len, unsigned *ret_secrets)
{
    struct redaction r = {.option = ""};
    char *ret = NULL;
    size_t size;
    FILE *f = open_memstream(&ret, &size);

    for (size_t at = 0; at < len;) {
        CLEANUP_FREE char *arg = strndup(args + at, len - at);

        redact_argument(&r, arg, f);
        fputc('\n', f);
        r.option = args[at] == '-' ? args + at + strspn(args + at, "-") : "";
        at += strlen(arg) + 1;
    }
    fclose(f);
    *ret_secrets = r.n;
    return ret;
}
