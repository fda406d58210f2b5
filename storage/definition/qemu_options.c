/* SPDX-License-Identifier: MIT */
#include "storage/definition/qemu_options.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* QEMU 7.2's options that take no argument (qemu-system-x86_64 -help). */
static bool takes_none(const char *name)
{
    static const char *const names[] = {
        "S",
        "daemonize",
        "enable-kvm",
        "full-screen",
        "h",
        "help",
        "mem-prealloc",
        "no-acpi",
        "no-fd-bootchk",
        "no-hpet",
        "no-reboot",
        "no-shutdown",
        "no-user-config",
        "nodefaults",
        "nographic",
        "only-migratable",
        "portrait",
        "preconfig",
        "s",
        "singlestep",
        "snapshot",
        "usb",
        "version",
        "win2k-hack",
        "xen-attach",
        "xen-domid-restrict",
        "enable-sync-profile",
        "old-param",
        "semihosting",
        "curses",
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static char *next_line(const char **text)
{
    size_t len = strcspn(*text, "\n");
    char *ret;

    if (!**text)
        return NULL;
    ret = xasprintf("%.*s", (int)len, *text);
    *text += len + ((*text)[len] == '\n');
    return ret;
}

void qemu_command_parse(const char *args, struct qemu_command *ret)
{
    char *line;

    *ret = (struct qemu_command){.program = next_line(&args)};
    while ((line = next_line(&args))) {
        struct qemu_option *o = VEC_ADD(&ret->options);

        if (line[0] == '-' && line[1]) {
            o->name = xstrdup(line + strspn(line, "-"));
            o->value = takes_none(o->name) ? NULL : next_line(&args);
            if (!o->value && !takes_none(o->name)) /* it was cut off */
                o->value = xstrdup("");
            free(line);
        } else {
            o->name = xstrdup("");
            o->value = line;
        }
    }
}

void qemu_command_done(struct qemu_command *c)
{
    for (size_t i = 0; i < c->options.n; i++) {
        free(c->options.items[i].name);
        free(c->options.items[i].value);
    }
    free(c->options.items);
    free(c->program);
    *c = (struct qemu_command){0};
}

/* ---- JSON ---- */

static char *plain_text(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return xstrdup(json_string_value(value));
    case JSON_INTEGER:
        return xasprintf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_TRUE:
        return xstrdup("on");
    case JSON_FALSE:
        return xstrdup("off");
    default:
        return NULL;
    }
}

/* Keys may have been written with their dots, too. */
static char *json_member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    const char *dot = strchr(key, '.');
    CLEANUP_FREE char *first = NULL;

    if (value || !dot)
        return value ? plain_text(value) : NULL;
    first = xasprintf("%.*s", (int)(dot - key), key);
    return json_member(json_object_get(object, first), dot + 1);
}

static char *json_value(const char *text, const char *key)
{
    json_t *object = json_loads(text, 0, NULL);
    char *ret = object ? json_member(object, key) : NULL;

    json_decref(object);
    return ret;
}

/* ---- KEY=VALUE,KEY=VALUE, where two commas are one within a value ---- */

char *qemu_next_item(const char **text)
{
    const char *s = *text;
    size_t len = 0;

    if (!*s)
        return NULL;
    while (s[len] && (s[len] != ',' || s[len + 1] == ','))
        len += s[len] == ',' ? 2 : 1;
    *text = s + len + (s[len] == ',');
    return xasprintf("%.*s", (int)len, s);
}

char *qemu_escape(const char *value)
{
    char *ret = xcalloc(2 * strlen(value) + 1, 1), *out = ret;

    for (; *value; value++) {
        if (*value == ',')
            *out++ = ',';
        *out++ = *value;
    }
    return ret;
}

static void unescape(char *s)
{
    char *out = s;

    for (; *s; s++) {
        if (*s == ',' && s[1] == ',')
            s++;
        *out++ = *s;
    }
    *out = '\0';
}

char *qemu_value(const char *text, const char *key, const char *implied)
{
    bool first = true;
    char *ret = NULL, *item;

    if (*text == '{')
        return json_value(text, key);
    while ((item = qemu_next_item(&text))) {
        char *is = strchr(item, '=');
        const char *its_key = item, *its_value = "on";

        if (is) {
            *is = '\0';
            its_value = is + 1;
        } else if (first && implied) {
            its_key = implied;
            its_value = item;
        }
        if (strcmp(its_key, key) == 0) { /* the last one counts */
            free(ret);
            ret = xstrdup(its_value);
        }
        first = false;
        free(item);
    }
    if (ret)
        unescape(ret);
    return ret;
}
