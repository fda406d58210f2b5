/* SPDX-License-Identifier: MIT
 *
 * The configuration that init writes.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/init_found.h"

/* Between double quotes, which YAML reads as JSON writes it. */
static char *quoted(const char *text)
{
    json_t *string = json_string(text);
    char *ret = string ? json_dumps(string, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;

    json_decref(string);
    return ret ? ret : xstrdup("\"\"");
}

static void write_qemu(const struct init_qemu *q, FILE *out)
{
    CLEANUP_FREE char *name = quoted(q->name), *qmp = quoted(q->qmp);
    CLEANUP_FREE char *agent = q->agent ? quoted(q->agent) : NULL;

    fprintf(out, "      - name: %s\n        qmp: %s\n", name, qmp);
    if (agent)
        fprintf(out, "        agent: %s\n", agent);
}

static void write_left_out(const struct init_found *f, FILE *out)
{
    for (size_t i = 0; i < f->silent.n; i++) {
        CLEANUP_FREE char *name = quoted(f->silent.items[i]);

        fprintf(out,
                "  # The QEMU %s has no QMP socket: start it with\n"
                "  #   -qmp unix:/run/vm/NAME.qmp,server=on,wait=off\n",
                name);
    }
    for (size_t i = 0; i < f->unfit.n; i++)
        fprintf(out, "  # A QEMU is left out: %s\n", f->unfit.items[i]);
}

/* One that sleeps is named where nothing else is: it will answer, and of no host nothing is backed
 * up.  Beside QEMUs of their own it may well be unused. */
static bool names_libvirt(const struct init_found *f)
{
    return f->libvirt || (f->asleep && f->qemus.n == 0);
}

static void write_libvirt(const struct init_found *f, FILE *out)
{
    if (names_libvirt(f))
        fputs("  # All domains of this machine's libvirt, also those that are defined later.\n",
              out);
    if (f->asleep && f->qemus.n == 0)
        fprintf(out, "  # It does not answer now: `%s`.\n", f->asleep);
    if (names_libvirt(f))
        fputs("  - name: local\n    driver: libvirt\n    uri: qemu:///system\n", out);
    else if (f->asleep)
        fprintf(out,
                "  # libvirt is installed here and does not answer: `%s`, then\n"
                "  # `vmkeep init --force` again, or take the # away from its line:\n"
                "  # - { name: libvirt, driver: libvirt, uri: qemu:///system }\n",
                f->asleep);
}

static void write_hosts(const struct init_found *f, FILE *out)
{
    fputs("# The hypervisors.\nhosts:\n", out);
    write_libvirt(f, out);
    if (f->qemus.n > 0) {
        fputs("  # Each takes one client at a time on its QMP socket: let that be vmkeep. To be\n"
              "  # backed up while it is shut off, a domain needs its images, too:\n"
              "  #     disks: [ { name: vda, image: /images/web01.qcow2 } ]\n",
              out);
        fprintf(out, "  - name: %s\n    driver: qemu\n    domains:\n",
                f->libvirt ? "qemu" : "local");
    }
    for (size_t i = 0; i < f->qemus.n; i++)
        write_qemu(&f->qemus.items[i], out);
    write_left_out(f, out);
    if (!names_libvirt(f) && f->qemus.n == 0)
        fputs("  # Neither libvirt nor a QEMU with a QMP socket was found here. One of these:\n"
              "  # - { name: local, driver: libvirt, uri: qemu:///system }\n"
              "  # - name: local\n"
              "  #   driver: qemu\n"
              "  #   domains: [ { name: web01, qmp: /run/vm/web01.qmp } ]\n"
              "  []\n",
              out);
}

static void write_repository(const struct init_place *p, FILE *out)
{
    CLEANUP_FREE char *path = quoted(p->dir);
    char free_text[SIZE_TEXT_MAX];

    fputs("\n# Where restore points go: best on another disk than the domains' images.\n"
          "repositories:\n"
          "  - name: main\n",
          out);
    if (p->free > 0)
        fprintf(out, "    # %s%s free now%s%s\n",
                p->is_repository ? "a repository is there already; " : "",
                size_text(p->free, free_text), p->remote ? ", on " : "",
                p->remote ? p->remote : "");
    fprintf(out, "    path: %s\n", path);
    fputs("    reserve: 10GiB               # a job that would leave less does not begin\n", out);
}

static bool has_agent(const struct init_found *f)
{
    bool ret = names_libvirt(f);

    for (size_t i = 0; i < f->qemus.n; i++)
        ret = ret || f->qemus.items[i].agent;
    return ret;
}

static void write_policy(const struct init_found *f, FILE *out)
{
    fputs("\n# What is backed up, when, and kept how long; rpo is the promise: how old the newest\n"
          "# good point may become before `vmkeep status` says that a domain is at risk.\n"
          "policies:\n"
          "  - name: nightly\n"
          "    domains: [\"*\"]               # \"!scratch-*\" takes some away\n"
          "    repository: main\n"
          "    schedule:\n"
          "      incremental: [\"02:30\"]     # each night; the first one is a full by itself\n",
          out);
    if (f->place.remote)
        fprintf(out,
                "    mode: pull                   # %s may hang: QEMU itself does not touch it\n",
                f->place.remote);
    if (has_agent(f))
        fputs("    quiesce: try                 # file systems stand still for the moment of the "
              "backup\n",
              out);
    fputs("    keep: { last: 3, daily: 7, weekly: 4, monthly: 12 }\n"
          "    verify: { schedule: [\"Sat 12:00\"], sample: 10%, max_age: 90d }\n"
          "    rpo: 26h\n",
          out);
}

static void write_notify(FILE *out)
{
    fputs("\n# Who is told when something is wrong; without it nobody is, and one has to look.\n"
          "# Choose, take the # away, and try it: `vmkeep reload && vmkeep notify test`.\n"
          "# notify:\n"
          "#   - mail: { to: [root], via: sendmail }   # or via: smtp://localhost\n"
          "#   - webhook: { url: \"https://ntfy.sh/TOPIC\", format: ntfy }\n"
          "#   - healthchecks: { url: \"https://hc-ping.com/UUID\" }   # notices silence, too\n",
          out);
}

void init_write(const struct init_found *f, FILE *out)
{
    fputs(
        "# vmkeep's configuration, from `vmkeep init`. vmkeep-config(5) and config.example have\n"
        "# all that there is; `vmkeep check` says what is wrong; `vmkeep reload` lets the daemon\n"
        "# read it again.\n\n",
        out);
    write_hosts(f, out);
    write_repository(&f->place, out);
    write_policy(f, out);
    write_notify(out);
}
