/* SPDX-License-Identifier: MIT
 *
 * QEMUs that run, by their command lines: qemu(1).
 */
#include "cli/init_found.h"

#include <dirent.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"

#define COMMAND_LINE_MAX (1 << 20)

/* ---- options ---- */

/* Of "a,b=c,d=e,,f" the value of key, in which ",," is a comma; key NULL: what comes first, without
 * one.  NULL: there is none.  Caller frees. */
static char *value_of(const char *option, const char *key)
{
    size_t skip = key ? strlen(key) + 1 : 0;
    CLEANUP_FREE char *with = key ? xasprintf("%s=", key) : xstrdup("");
    bool first = true;

    while (*option) {
        char *word = xcalloc(strlen(option) + 1, 1), *to = word;

        for (; *option && (option[0] != ',' || option[1] == ','); option++) {
            if (option[0] == ',')
                option++;
            *to++ = *option;
        }
        if (*option)
            option++;
        if (key ? strncmp(word, with, skip) == 0 : first && !strchr(word, '=')) {
            memmove(word, word + skip, strlen(word) - skip + 1);
            return word;
        }
        free(word);
        first = false;
    }
    return NULL;
}

struct chardev {
    char *id, *path;
};

struct command_line {
    VEC(struct chardev) chardevs;
    char *name, *monitor, *agent; /* ids of chardevs; */
    char *qmp;                    /* a path */
    bool is_libvirts;
};

static void command_line_done(struct command_line *c)
{
    for (size_t i = 0; i < c->chardevs.n; i++) {
        free(c->chardevs.items[i].id);
        free(c->chardevs.items[i].path);
    }
    free(c->chardevs.items);
    free(c->name);
    free(c->monitor);
    free(c->agent);
    free(c->qmp);
}

static void set(char **to, char *value)
{
    if (!value)
        return;
    free(*to);
    *to = value;
}

static void on_name(struct command_line *c, const char *value)
{
    set(&c->name, value_of(value, NULL));
    set(&c->name, value_of(value, "guest"));
    c->is_libvirts = strstr(value, "debug-threads=on") != NULL;
}

static void on_qmp(struct command_line *c, const char *value)
{
    CLEANUP_FREE char *where = value_of(value, NULL);

    if (!c->qmp && where && strncmp(where, "unix:", 5) == 0)
        set(&c->qmp, xstrdup(where + 5));
}

static void on_chardev(struct command_line *c, const char *value)
{
    CLEANUP_FREE char *kind = value_of(value, NULL);
    char *id = value_of(value, "id"), *path = value_of(value, "path");

    if (str_eq(kind, "socket") && id && path) {
        *VEC_ADD(&c->chardevs) = (struct chardev){id, path};
        return;
    }
    free(id);
    free(path);
}

static void on_mon(struct command_line *c, const char *value)
{
    CLEANUP_FREE char *mode = value_of(value, "mode");

    if (!str_eq(mode, "control"))
        return;
    set(&c->monitor, value_of(value, NULL));
    set(&c->monitor, value_of(value, "chardev"));
}

static void on_device(struct command_line *c, const char *value)
{
    json_t *object = json_loads(value, 0, NULL);
    const char *name = json_string_value(json_object_get(object, "name"));
    const char *chardev = json_string_value(json_object_get(object, "chardev"));
    CLEANUP_FREE char *plain = object ? NULL : value_of(value, "name");

    if (str_eq(object ? name : plain, "org.qemu.guest_agent.0"))
        set(&c->agent, object ? xstrdup(chardev) : value_of(value, "chardev"));
    json_decref(object);
}

static void on_option(struct command_line *c, const char *name, const char *value)
{
    static const struct {
        const char *name;
        void (*on)(struct command_line *c, const char *value);
    } options[] = {{"name", on_name}, {"qmp", on_qmp},       {"qmp-pretty", on_qmp},
                   {"mon", on_mon},   {"device", on_device}, {"chardev", on_chardev}};

    while (*name == '-')
        name++;
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (strcmp(name, options[i].name) == 0)
            options[i].on(c, value);
}

static bool is_qemu(const char *program)
{
    const char *base = strrchr(program, '/');

    base = base ? base + 1 : program;
    return strncmp(base, "qemu-system-", 12) == 0 || strcmp(base, "qemu-kvm") == 0 ||
           strcmp(base, "kvm") == 0;
}

/* ---- what that is for us ---- */

static char *chardev_path(const struct command_line *c, const char *id)
{
    for (size_t i = 0; id && i < c->chardevs.n; i++)
        if (strcmp(c->chardevs.items[i].id, id) == 0)
            return xstrdup(c->chardevs.items[i].path);
    return NULL;
}

static char *from_root(char *path, const char *cwd)
{
    char *ret;

    if (!path || *path == '/' || !cwd)
        return path;
    ret = xasprintf("%s/%s", cwd, path);
    free(path);
    return ret;
}

/* "web01" of "/run/vm/web01.qmp". */
static char *name_of_socket(const char *path)
{
    const char *base = strrchr(path, '/');
    const char *dot;

    base = base ? base + 1 : path;
    dot = strchr(base, '.');
    return dot && dot > base ? xasprintf("%.*s", (int)(dot - base), base) : xstrdup(base);
}

/* Names of domains are of one each. */
static char *new_name(const struct init_found *f, const char *wanted)
{
    char *ret = xstrdup(wanted);
    int number = 1;

    for (size_t i = 0; i < f->qemus.n; i++) {
        if (strcmp(f->qemus.items[i].name, ret) != 0)
            continue;
        free(ret);
        ret = xasprintf("%s-%d", wanted, ++number);
        i = (size_t)-1;
    }
    return ret;
}

void init_read_command_line(const char *words, size_t len, long pid, const char *cwd,
                            struct init_found *ret)
{
    CLEANUP(command_line_done) struct command_line c = {0};
    const char *end = words + len, *option = NULL;
    CLEANUP_FREE char *wanted = NULL;
    struct init_qemu found;
    char *qmp;

    if (len == 0 || !is_qemu(words))
        return;
    for (const char *w = words + strlen(words) + 1; w < end; w += strlen(w) + 1) {
        if (option)
            on_option(&c, option, w);
        option = *w == '-' ? w : NULL;
    }
    qmp = from_root(c.qmp ? TAKE_PTR(c.qmp) : chardev_path(&c, c.monitor), cwd);
    if (!qmp && !c.is_libvirts)
        strlist_add(&ret->silent, c.name ? c.name : "one without a name");
    if (!qmp)
        return;
    wanted = c.name ? xstrdup(c.name) : name_of_socket(qmp);
    found = (struct init_qemu){.name = new_name(ret, wanted),
                               .qmp = qmp,
                               .agent = from_root(chardev_path(&c, c.agent), cwd),
                               .pid = pid};
    *VEC_ADD(&ret->qemus) = found;
}

void init_find_qemus(struct init_found *ret)
{
    DIR *dir = opendir("/proc");
    const struct dirent *e;

    while (dir && (e = readdir(dir))) {
        CLEANUP_FREE char *file = xasprintf("/proc/%s/cmdline", e->d_name);
        CLEANUP_FREE char *link = xasprintf("/proc/%s/cwd", e->d_name);
        CLEANUP_FREE char *words = NULL;
        char cwd[4096];
        struct err err = ERR_INIT;
        ssize_t n;
        size_t len;

        if (e->d_name[0] < '0' || e->d_name[0] > '9' ||
            read_file(file, COMMAND_LINE_MAX, &words, &len, &err) < 0)
            continue;
        n = readlink(link, cwd, sizeof(cwd) - 1);
        cwd[n > 0 ? n : 0] = '\0';
        init_read_command_line(words, len, atol(e->d_name), n > 0 ? cwd : NULL, ret);
    }
    if (dir)
        closedir(dir);
}

/* Without a word: a libvirtd that systemd starts when it is asked would not have to be. */
static bool listens(const char *path)
{
    CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    if (fd < 0 || strlen(path) >= sizeof(addr.sun_path))
        return false;
    memcpy(addr.sun_path, path, strlen(path) + 1);
    return connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0;
}

void init_find_libvirt(struct init_found *ret)
{
    ret->libvirt = listens("/run/libvirt/virtqemud-sock") || listens("/run/libvirt/libvirt-sock");
    if (ret->libvirt)
        return;
    if (path_exists("/usr/sbin/libvirtd"))
        ret->asleep = "systemctl start libvirtd";
    else if (path_exists("/usr/sbin/virtqemud"))
        ret->asleep = "systemctl start virtqemud.socket";
}

void init_qemu_done(struct init_qemu *q)
{
    free(q->name);
    free(q->qmp);
    free(q->agent);
}

void init_found_done(struct init_found *f)
{
    for (size_t i = 0; i < f->qemus.n; i++)
        init_qemu_done(&f->qemus.items[i]);
    free(f->qemus.items);
    strlist_done(&f->silent);
    strlist_done(&f->unfit);
    init_place_done(&f->place);
}
