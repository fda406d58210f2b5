/* SPDX-License-Identifier: MIT
 *
 * First the fate of each option is decided: disks by the images they stand on, then devices by
 * their disks, all else by a table of options' names.  Then the options are written.
 */
#include "storage/definition/qemu_script.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "storage/definition/qemu_script_priv.h"

const struct qemu_option *script_option(const struct script *s, size_t i)
{
    return &s->command.options.items[i];
}

bool script_is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (str_eq(name, *names))
            return true;
    return false;
}

__attribute__((format(printf, 2, 3))) void script_remark(struct script *s, const char *fmt, ...)
{
    CLEANUP_FREE char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = xvasprintf(fmt, ap);
    va_end(ap);
    strlist_add(&s->remarks, text);
}

void script_drop(struct script *s, size_t i, const char *why)
{
    const struct qemu_option *o = script_option(s, i);

    s->dropped[i] = true;
    script_remark(s, "left out%s%s: %s%s%s%s", *why ? ", " : "", why, *o->name ? "-" : "", o->name,
                  *o->name && o->value && *o->value ? " " : "", o->value ? o->value : "");
}

void script_replace(struct script *s, size_t i, char *value)
{
    free(s->instead[i]);
    s->instead[i] = value;
}

char *script_keep(const char *value, const char *const *keys)
{
    char *ret = xstrdup("");

    for (; *keys; keys++) {
        CLEANUP_FREE char *is = qemu_value(value, *keys, NULL);
        CLEANUP_FREE char *escaped = is ? qemu_escape(is) : NULL;
        char *longer = escaped ? xasprintf("%s,%s=%s", ret, *keys, escaped) : NULL;

        if (longer) {
            free(ret);
            ret = longer;
        }
    }
    return ret;
}

/* ---- all else ---- */

static void keep_id(struct script *s, size_t i, const char *type)
{
    CLEANUP_FREE char *id = qemu_value(script_option(s, i)->value, "id", NULL);
    CLEANUP_FREE char *escaped = qemu_escape(id ? id : "");

    script_remark(s, "connected to nothing: -%s %s", script_option(s, i)->name,
                  script_option(s, i)->value);
    script_replace(s, i, xasprintf("%s,id=%s", type, escaped));
}

static void decide_network(struct script *s, size_t i)
{
    CLEANUP_FREE char *hub = xasprintf("hubport,hubid=%u", s->networks++);

    keep_id(s, i, hub);
}

static void decide_chardev(struct script *s, size_t i)
{
    static const char *const inside[] = {"null", "stdio", "vc", "ringbuf", NULL};
    CLEANUP_FREE char *backend = qemu_value(script_option(s, i)->value, "backend", "backend");

    if (!script_is_one_of(backend, inside))
        keep_id(s, i, "null");
}

/* -nic is a device and its network in one. */
static void decide_nic(struct script *s, size_t i)
{
    static const char *const keys[] = {"model", "mac", "addr", NULL};
    CLEANUP_FREE char *device = script_keep(script_option(s, i)->value, keys);
    CLEANUP_FREE char *type = qemu_value(script_option(s, i)->value, "type", "type");

    if (str_eq(type, "none"))
        return;
    script_remark(s, "connected to nothing: -nic %s", script_option(s, i)->value);
    script_replace(s, i, xasprintf("hubport,hubid=%u%s", s->networks++, device));
}

/* Serial and parallel ports stay on the terminal, if they were. */
static void decide_port(struct script *s, size_t i)
{
    static const char *const inside[] = {"null", "none", "stdio", "mon:stdio", "vc", NULL};
    const char *value = script_option(s, i)->value;

    if (script_is_one_of(value, inside) || starts_with(value, "chardev:"))
        return;
    script_remark(s, "connected to nothing: -%s %s", script_option(s, i)->name, value);
    script_replace(s, i, xstrdup("null"));
}

static void decide_device(struct script *s, size_t i)
{
    static const char *const outside[] = {"vfio-",      "vhost-",     "usb-host", "usb-redir",
                                          "virtio-9p-", "vhost-user", "tpm-",     NULL};
    CLEANUP_FREE char *driver = qemu_value(script_option(s, i)->value, "driver", "driver");
    CLEANUP_FREE char *drive = qemu_value(script_option(s, i)->value, "drive", NULL);

    if (drive && *drive && strlist_has(&s->gone, drive)) {
        script_drop(s, i, "its disk is not restored");
        return;
    }
    for (const char *const *prefix = outside; driver && *prefix; prefix++)
        if (starts_with(driver, *prefix)) {
            script_drop(s, i, "it reaches outside");
            return;
        }
}

/* The disks are in clear text now: a key that only they needed is not asked for. */
static void decide_object(struct script *s, size_t i)
{
    CLEANUP_FREE char *type = qemu_value(script_option(s, i)->value, "qom-type", "qom-type");
    CLEANUP_FREE char *id = qemu_value(script_option(s, i)->value, "id", NULL);
    bool wanted = false;

    if (!str_eq(type, "secret") || !id)
        return;
    for (size_t k = 0; k < s->command.options.n && !wanted; k++) {
        const char *value = s->instead[k] ? s->instead[k] : script_option(s, k)->value;

        wanted = k != i && !s->dropped[k] && value && strstr(value, id);
    }
    if (!wanted)
        script_drop(s, i, "nothing that is left needs it");
}

static const struct {
    const char *name;
    void (*decide)(struct script *s, size_t i);
} deciders[] = {
    {"drive", script_decide_drive},
    {"hda", script_decide_image},
    {"hdb", script_decide_image},
    {"hdc", script_decide_image},
    {"hdd", script_decide_image},
    {"", script_decide_image},
    {"sd", script_decide_image},
    {"netdev", decide_network},
    {"chardev", decide_chardev},
    {"serial", decide_port},
    {"parallel", decide_port},
    {"debugcon", decide_port},
    {"nic", decide_nic},
    {"blockdev", script_decide_node},
};

static void decide(struct script *s, size_t i)
{
    /* Monitors, files that it writes, screens on the network, how it was started. */
    static const char *const dropped[] = {
        "qmp",         "qmp-pretty", "monitor", "mon", "pidfile",  "daemonize", "D",
        "incoming",    "loadvm",     "S",       "vnc", "spice",    "runas",     "chroot",
        "qtest",       "qtest-log",  "add-fd",  "gdb", "s",        "net",       "fsdev",
        "virtfs",      "tpmdev",     "fda",     "fdb", "mtdblock", "pflash",    "readconfig",
        "writeconfig", "snapshot",   NULL,
    };
    const char *name = script_option(s, i)->name;

    if (script_is_one_of(name, dropped)) {
        script_drop(s, i, "");
        return;
    }
    for (size_t k = 0; k < ARRAY_LEN(deciders); k++)
        if (strcmp(name, deciders[k].name) == 0) {
            deciders[k].decide(s, i); /* which may give it another name */
            return;
        }
}

static void decide_all(struct script *s)
{
    for (size_t i = 0; i < s->command.options.n; i++)
        decide(s, i);
    for (size_t i = 0; i < s->command.options.n; i++)
        if (!s->dropped[i] && str_eq(script_option(s, i)->name, "device"))
            decide_device(s, i);
    for (size_t i = 0; i < s->command.options.n; i++)
        if (str_eq(script_option(s, i)->name, "object"))
            decide_object(s, i);
}

/* ---- writing ---- */

static void write_word(FILE *out, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_./,=:@%+-";

    if (*word && word[strspn(word, plain)] == '\0') {
        fputs(word, out);
        return;
    }
    fputc('\'', out);
    for (; *word; word++)
        if (*word == '\'')
            fputs("'\\''", out);
        else
            fputc(*word, out);
    fputc('\'', out);
}

static void write_head(const struct script *s, FILE *out)
{
    fprintf(out,
            "#!/bin/sh\n# %s\n#\n"
            "# It starts without a screen or a network.  Give options of QEMU for these, such as\n"
            "# -display gtk, or -nic user.\n",
            s->r->title);
    if (s->remarks.n > 0)
        fputs("#\n# Of the command line that it ran with,\n", out);
    for (size_t i = 0; i < s->remarks.n; i++)
        fprintf(out, "# - %s\n", s->remarks.items[i]);
    fputc('\n', out);
    if (s->cwd) {
        fputs("cd ", out);
        write_word(out, s->cwd);
        fputs(" || exit 1\n", out);
    }
}

static void write_options(const struct script *s, FILE *out)
{
    fputs("exec ", out);
    write_word(out, s->command.program ? s->command.program : "qemu-system-x86_64");
    for (size_t i = 0; i < s->command.options.n; i++) {
        const struct qemu_option *o = script_option(s, i);
        const char *value = s->instead[i] ? s->instead[i] : o->value;

        if (s->dropped[i])
            continue;
        fprintf(out, " \\\n    %s%s", *o->name ? "-" : "", o->name);
        if (value) {
            fputc(' ', out);
            write_word(out, value);
        }
    }
    fputs(" \\\n    \"$@\"\n", out);
}

static bool has_screen(const struct script *s)
{
    for (size_t i = 0; i < s->command.options.n; i++)
        if (!s->dropped[i] && (str_eq(script_option(s, i)->name, "display") ||
                               str_eq(script_option(s, i)->name, "nographic")))
            return true;
    return false;
}

static void add_option(struct script *s, const char *name, const char *value)
{
    *VEC_ADD(&s->command.options) = (struct qemu_option){xstrdup(name), xstrdup(value)};
}

static void script_done(struct script *s)
{
    for (size_t i = 0; i < s->command.options.n; i++)
        free(s->instead[i]);
    free(s->instead);
    free(s->dropped);
    qemu_command_done(&s->command);
    strlist_done(&s->gone);
    strlist_done(&s->remarks);
    free(s->cwd);
}

char *qemu_script(const struct script_request *r)
{
    struct script s = {.r = r};
    char *ret = NULL;
    size_t len;
    FILE *out = open_memstream(&ret, &len);

    qemu_command_parse(r->args, &s.command);
    s.instead = xcalloc(s.command.options.n + 1, sizeof(*s.instead));
    s.dropped = xcalloc(s.command.options.n + 1, sizeof(*s.dropped));
    decide_all(&s);
    if (!has_screen(&s))
        add_option(&s, "display", "none");
    write_head(&s, out);
    write_options(&s, out);
    fclose(out);
    script_done(&s);
    return ret;
}
