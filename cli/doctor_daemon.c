/* SPDX-License-Identifier: MIT
 *
 * What the daemon has found when it was asked to look, and what to do about it.
 */
#include "cli/doctor.h"

#include <stdlib.h>
#include <string.h>

#include "base/advice.h"
#include "base/cleanup.h"
#include "base/libvirt_uri.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "policies/selection.h"
#include "report/model.h"

#define REPOSITORY_WRITE_ADVICE                                                                    \
    "mount it for writing, or let vmkeepd's user write to it; then `vmkeep doctor` again"

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));

    return text ? text : "";
}

static bool has(const json_t *o, const char *key)
{
    return *text_of(o, key) != '\0';
}

static bool is_true(const json_t *o, const char *key)
{
    return json_is_true(json_object_get(o, key));
}

static bool is_libvirt(const struct config *config, const json_t *d)
{
    const struct config_host *h = config_host_find(config, text_of(d, "host"));

    return h && h->driver == DRIVER_LIBVIRT;
}

/* ---- disks ---- */

/* Under libvirt nothing stands between a copy and the guest's writes: where target or scratch space
 * fails, they do, and its error policy has the last word. */
static void check_write_errors(struct findings *l, const char *about, const char *policy)
{
    static const char *const texts[][2] = {
        {"enospace", "the guest is stopped, the backup given up, and the guest goes on; of errors "
                     "other than a lack of space it sees the write fail"},
        {"stop", "the guest is stopped, the backup given up, and the guest goes on"},
        {"report", "the guest sees its write fail"},
        {"ignore", "the guest's write is lost, and the guest takes it for done"},
    };
    bool fine = strcmp(policy, "enospace") == 0 || strcmp(policy, "stop") == 0;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (strcmp(policy, texts[i][0]) == 0)
            doctor_add(l, about, "write-errors", fine,
                       "with `virsh edit` give the disk's <driver> error_policy='stop', and start "
                       "the domain anew: then the guest is stopped instead, the backup given up, "
                       "and the guest goes on",
                       "error policy '%s': when a copy's target or scratch space is full, or "
                       "fails, %s",
                       policy, texts[i][1]);
}

static void check_disk(struct findings *l, const char *domain, const json_t *k, bool libvirt)
{
    CLEANUP_FREE char *about = xasprintf("%s disk %s", domain, text_of(k, "name"));

    if (is_true(k, "trackable"))
        doctor_add(l, about, "trackable", true, NULL, "changes can be tracked");
    else if (strcmp(text_of(k, "format"), "qcow2") == 0)
        doctor_add(l, about, "trackable", false,
                   "it is backed up in full each time; for incrementals, shut the domain off and "
                   "`qemu-img amend -f qcow2 -o compat=1.1 IMAGE`",
                   "changes cannot be tracked in qcow2 of the old version (compat 0.10)");
    else
        doctor_add(l, about, "trackable", false,
                   "it is backed up in full each time; convert the image to qcow2 for incrementals",
                   "changes cannot be tracked in format %s",
                   has(k, "format") ? text_of(k, "format") : "unknown");
    if (has(k, "unsafe"))
        doctor_add(l, about, "guest-safe", libvirt,
                   libvirt ? NULL : "see 'scratch' of its policy in vmkeep-config(5)",
                   "guest-safe copy not possible: %s", text_of(k, "unsafe"));
    else
        doctor_add(l, about, "guest-safe", true, NULL, "a copy cannot harm the guest");
    check_write_errors(l, about, text_of(k, "write_errors"));
    if (is_true(k, "encrypted"))
        doctor_add(
            l, about, "encrypted", false, "put the repository on a file system that is encrypted",
            "the disk is encrypted, and its copies in a repository are in clear text, unless "
            "that has `encrypt`");
    if (is_true(k, "busy"))
        doctor_add(l, about, "free", false, "wait for it, or end it", "another block job uses it");
}

/* What is in no scheduled backup, by its nature. */
static void tell_aside(struct findings *l, const char *domain, const json_t *k)
{
    CLEANUP_FREE char *about = xasprintf("%s disk %s", domain, text_of(k, "name"));

    doctor_add(l, about, "backed-up", true, NULL, "%s%s%s: %s", text_of(k, "what"),
               has(k, "image") ? ", " : "", text_of(k, "image"),
               is_true(k, "cannot") ? "in no backup; back up what it holds within the guest"
                                    : "only by hand, by its name");
}

/* ---- domains ---- */

static const struct config_domain *config_of(const struct config *config, const char *host,
                                             const char *domain)
{
    const struct config_host *h = config_host_find(config, host);

    for (size_t i = 0; h && i < h->domains.n; i++)
        if (strcmp(h->domains.items[i].name, domain) == 0)
            return &h->domains.items[i];
    return NULL;
}

/* The first policy of the domain's that wants at least so much; NULL: none does. */
static const char *policy_that_wants(const struct config *config, enum quiesce q, const char *host,
                                     const char *domain)
{
    for (size_t i = 0; i < config->policies.n; i++) {
        const struct config_policy *p = &config->policies.items[i];

        if (p->quiesce >= q && selection_matches_domain(&p->domains, host, domain))
            return p->name;
    }
    return NULL;
}

static const char *agent_advice(const char *problem)
{
    if (strstr(problem, "frozen state"))
        return "its file systems are frozen: unless that is meant, `virsh domfsthaw DOMAIN`";
    if (strstr(problem, "is not connected"))
        return "install qemu-guest-agent in the guest, and start it; one that boots has it later";
    return "install qemu-guest-agent in the guest, and give the domain a channel "
           "'org.qemu.guest_agent.0'";
}

/* Which it has, its definition tells. */
static void check_libvirt_agent(struct findings *l, const char *about, const json_t *asked,
                                const char *wanted, const char *required)
{
    if (!is_true(asked, "asked"))
        return;
    if (has(asked, "problem"))
        doctor_add(l, about, "agent", !wanted, agent_advice(text_of(asked, "problem")),
                   "guest agent: %s%s%s", text_of(asked, "problem"),
                   required ? ": backups fail, for they require it, by policy " : "",
                   required ? required : "");
    else
        doctor_add(l, about, "agent", true, NULL, "guest agent: it answers");
}

/* One that nobody wants is no fault. */
static void check_agent(struct findings *l, const struct config *config, const json_t *d,
                        const char *about)
{
    const char *host = text_of(d, "host"), *domain = text_of(d, "domain");
    const char *required = policy_that_wants(config, QUIESCE_REQUIRE, host, domain);
    const char *wanted = required ? required : policy_that_wants(config, QUIESCE_TRY, host, domain);
    const struct config_domain *c = config_of(config, host, domain);
    const json_t *asked = json_object_get(d, "agent");

    if (is_libvirt(config, d))
        check_libvirt_agent(l, about, asked, wanted, required);
    if (!c || is_true(d, "late"))
        return;
    if (!c->agent && required)
        doctor_add(l, about, "agent", false,
                   "give the domain an 'agent' socket in the configuration, or the policy "
                   "'quiesce: try'",
                   "policy %s requires quiescing, and no guest agent is configured: its backups "
                   "fail",
                   required);
    else if (!c->agent && wanted)
        doctor_add(l, about, "agent", true, NULL,
                   "no guest agent is configured: policy %s tries to quiesce it in vain", wanted);
    else if (!c->agent)
        doctor_add(l, about, "agent", true, NULL,
                   "no guest agent is configured, and no policy wants one");
    else if (has(asked, "problem"))
        doctor_add(l, about, "agent", !wanted,
                   "in the guest, install qemu-guest-agent and start it; see that QEMU has its "
                   "channel",
                   "guest agent at %s: %s%s%s", c->agent, text_of(asked, "problem"),
                   required ? ": backups fail, for they require it, by policy " : "",
                   required ? required : "");
    else
        doctor_add(l, about, "agent", true, NULL, "guest agent at %s: %s", c->agent,
                   is_true(asked, "asked") ? "it answers"
                                           : "not asked, for the guest does not run freely");
}

/* What is wrong with the repository itself is told of it, once. */
static const json_t *find_repository(const json_t *repositories, const char *name)
{
    size_t i;
    json_t *r;

    json_array_foreach(repositories, i, r)
        if (strcmp(text_of(r, "name"), name) == 0)
            return r;
    return NULL;
}

static void check_target(struct findings *l, const char *about, const json_t *t,
                         const json_t *repositories, const char *confined)
{
    const char *name = text_of(t, "repository"), *problem = text_of(t, "problem");
    const json_t *r = find_repository(repositories, name);

    if (!is_true(t, "late") && has(r, "problem"))
        return;
    if (!*problem && has(t, "untried"))
        doctor_add(l, about, "target", true, NULL, "QEMU may write into repository %s: %s%s%s",
                   name, text_of(t, "untried"), *confined ? ", and nothing of " : "", confined);
    else if (!*problem)
        doctor_add(l, about, "target", true, NULL, "QEMU can write into repository %s", name);
    else if (is_true(t, "late"))
        doctor_add(l, about, "answers", false, STATUS_DEAD_ADVICE,
                   "whether QEMU can write into repository %s: %s", name, problem);
    else if (is_true(t, "made"))
        doctor_add(l, about, "target", false,
                   strstr(problem, "`chmod ")
                       ? "do the chmod that it names, or choose a place that others may pass to"
                       : "let QEMU's user pass through the directories above it (`chmod o+x DIR`) "
                         "and run vmkeepd as root, or use 'mode: pull'; see that no AppArmor or "
                         "SELinux profile forbids it",
                   "QEMU cannot write into repository %s: %s", name, problem);
    else if (!has(r, "unwritable"))
        doctor_add(l, about, "target", false, REPOSITORY_WRITE_ADVICE,
                   "nothing can be made in repository %s: %s", name, problem);
}

static void check_rights(struct findings *l, const char *about, const char *apart)
{
    if (*apart)
        doctor_add(
            l, about, "rights", false,
            "put vmkeepd's user into that group (`usermod -aG GROUP USER`) and start vmkeepd "
            "again, or run it as root",
            "pulls fail, and each backup is a full, for no disk can be held against its "
            "chain: %s",
            apart);
}

static void check_frozen(struct findings *l, const char *about, const char *since)
{
    struct err ignored = ERR_INIT;
    char text[TIMEFMT_MAX];
    int64_t t;

    if (!*since)
        return;
    doctor_add(l, about, "thawed", false, ADVICE_THAW,
               "the guest's file systems are perhaps frozen since %s",
               time_parse(since, &t, &ignored) == 0 ? time_local(t, text) : since);
}

static bool is_in(const json_t *d, const char *state)
{
    return strcmp(text_of(d, "state"), state) == 0;
}

/* Of a domain that can be asked, about which something is wrong. */
static char *advise_libvirt(const json_t *d)
{
    const char *name = text_of(d, "domain");

    if (is_in(d, "shut off"))
        return xasprintf("bring back what it names, or correct where that is (`virsh edit %s`): "
                         "it can be neither started nor backed up without it",
                         name);
    return xasprintf("`virsh domstate %s --reason`, `virsh domblkerror %s` and "
                     "/var/log/libvirt/qemu/%s.log tell more",
                     name, name, name);
}

#define SEE_THAT_IT_RUNS                                                                           \
    "see that it runs, that `qmp` in the configuration names its socket, and that vmkeepd may "    \
    "open that"

static const char *advise_qemu(const struct config *config, const json_t *d)
{
    const struct config_domain *c = config_of(config, text_of(d, "host"), text_of(d, "domain"));
    bool shut_off = is_in(d, "shut off");

    if (!shut_off)
        return SEE_THAT_IT_RUNS;
    if (!c || c->disks.n == 0)
        return SEE_THAT_IT_RUNS "; or name its images (`disks`), and it is backed up while it is "
                                "shut off, too";
    return "bring back what it names, or correct where that is (`disks` of the configuration); or, "
           "if it runs, correct `qmp` there";
}

static void add_problem(struct findings *l, const struct config *config, const char *about,
                        const json_t *d)
{
    CLEANUP_FREE char *libvirt = is_libvirt(config, d) ? advise_libvirt(d) : NULL;

    doctor_add(l, about, "reachable", false, libvirt ? libvirt : advise_qemu(config, d), "%s: %s",
               text_of(d, "state"), text_of(d, "problem"));
}

static void check_reachable(struct findings *l, const struct config *config, const char *about,
                            const json_t *d)
{
    bool late = is_true(d, "late");
    bool away = is_in(d, "unreachable");

    if (!has(d, "domain") && !has(d, "problem"))
        doctor_add(l, about, "reachable", true, NULL, "it can be asked");
    else if (is_libvirt(config, d) && (late || (away && has(d, "problem"))))
        doctor_add(l, about, late ? "answers" : "reachable", false,
                   "see with `virsh -c URI list --all` that its libvirtd and its QEMU answer, and "
                   "that vmkeepd's user may use it (root, or in group libvirt)",
                   "%s%s%s", late ? "" : text_of(d, "state"), late ? "" : ": ",
                   text_of(d, "problem"));
    else if (late)
        doctor_add(l, about, "answers", false,
                   "see whether its QEMU hangs (a dead disk, a dead server below it), or who else "
                   "holds its QMP socket",
                   "%s", text_of(d, "problem"));
    else if (has(d, "problem"))
        add_problem(l, config, about, d);
    else
        doctor_add(l, about, "reachable", true, NULL, "%s", text_of(d, "state"));
}

/* Once for each host: what vmkeepd cannot do there for the guests. */
static void tell_elsewhere(struct findings *l, const struct config *config, const json_t *domains,
                           size_t i)
{
    const char *host = text_of(json_array_get(domains, i), "host");
    const struct config_host *h = config_host_find(config, host);
    CLEANUP_FREE char *about = xasprintf("host %s", host);

    for (size_t k = 0; k < i; k++)
        if (strcmp(text_of(json_array_get(domains, k), "host"), host) == 0)
            return;
    if (h && h->driver == DRIVER_LIBVIRT && !libvirt_uri_is_local(h->uri))
        doctor_add(l, about, "space", true, NULL,
                   "it is another machine, where nobody watches the space that a backup's scratch "
                   "files take: when that is full, the guest's error policy has the last word");
}

/* No policy selects it, and that is said to be meant. */
static bool is_left_out(const struct config *config, const char *host, const char *domain)
{
    return !policy_that_wants(config, QUIESCE_OFF, host, domain) &&
           selection_matches_domain(&config->unprotected, host, domain);
}

static void check_domain(struct findings *l, const struct config *config, const json_t *d,
                         const json_t *repositories)
{
    CLEANUP_FREE char *about = has(d, "domain")
                                   ? xasprintf("%s/%s", text_of(d, "host"), text_of(d, "domain"))
                                   : xasprintf("host %s", text_of(d, "host"));
    int64_t secrets = json_integer_value(json_object_get(d, "secrets"));
    bool left_out =
        has(d, "domain") && is_left_out(config, text_of(d, "host"), text_of(d, "domain"));
    size_t i;
    json_t *k;

    if (left_out)
        doctor_add(l, about, "policy", true, NULL,
                   "left out on purpose (`unprotected`): what is wrong with it is no fault");
    check_frozen(l, about, text_of(d, "frozen_since"));
    l->lenient = left_out;
    check_reachable(l, config, about, d);
    if (has(d, "foreign_job"))
        doctor_add(l, about, "free", false, "wait for it, or end it", "%s is at work on it",
                   text_of(d, "foreign_job"));
    check_agent(l, config, d, about);
    check_rights(l, about, text_of(d, "apart"));
    json_array_foreach(json_object_get(d, "targets"), i, k)
        check_target(l, about, k, repositories, text_of(d, "confined"));
    if (secrets > 0)
        doctor_add(l, about, "secrets", true, NULL,
                   "%lld of QEMU's command line left out of points: keep them elsewhere",
                   (long long)secrets);
    json_array_foreach(json_object_get(d, "disks"), i, k)
        check_disk(l, about, k, is_libvirt(config, d));
    json_array_foreach(json_object_get(d, "asides"), i, k)
        tell_aside(l, about, k);
    l->lenient = false;
}

/* ---- repositories ---- */

static void check_space(struct findings *l, const char *about, const json_t *r)
{
    int64_t avail = json_integer_value(json_object_get(r, "free"));
    int64_t reserve = json_integer_value(json_object_get(r, "reserve"));
    char text[SIZE_TEXT_MAX], all[SIZE_TEXT_MAX];

    doctor_add(l, about, "space", avail > reserve, "make room: let go of points, or enlarge it",
               "%s free%s%s", size_text((uint64_t)avail, text), reserve ? ", to stay free: " : "",
               reserve ? size_text((uint64_t)reserve, all) : "");
}

static void check_repository(struct findings *l, const json_t *r)
{
    CLEANUP_FREE char *about = xasprintf("repository %s", text_of(r, "name"));
    CLEANUP_FREE char *advice = status_repository_advice(text_of(r, "name"));

    if (has(r, "problem")) {
        doctor_add(l, about, is_true(r, "late") ? "answers" : "there", false,
                   is_true(r, "late") ? STATUS_DEAD_ADVICE : advice, "%s", text_of(r, "problem"));
        return;
    }
    doctor_add(l, about, "there", true, NULL, "%s is there", text_of(r, "path"));
    if (has(r, "unwritable"))
        doctor_add(l, about, "writable", false, REPOSITORY_WRITE_ADVICE,
                   "no file can be made there: %s", text_of(r, "unwritable"));
    else
        doctor_add(l, about, "writable", true, NULL, "a file could be made there, and removed");
    check_space(l, about, r);
    doctor_add(l, about, "known", !has(r, "difference"), STATUS_DIFFERENCE_ADVICE, "%s",
               has(r, "difference") ? text_of(r, "difference")
                                    : "the catalog knows all points there");
}

void doctor_daemon(struct findings *l, const struct config *config, const json_t *answer)
{
    size_t i;
    json_t *o;

    json_array_foreach(json_object_get(answer, "domains"), i, o) {
        tell_elsewhere(l, config, json_object_get(answer, "domains"), i);
        check_domain(l, config, o, json_object_get(answer, "repositories"));
    }
    json_array_foreach(json_object_get(answer, "repositories"), i, o)
        check_repository(l, o);
}
