/* SPDX-License-Identifier: MIT */
#include "cli/check_told.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/secret.h"
#include "base/sendmail.h"
#include "base/text.h"

/* A target, and its troubles. */
struct told {
    const char *path; /* of the configuration */
    struct diagnostics *diags;
    uid_t user;              /* the daemon's */
    const char *what, *name; /* name: "" where one is enough */
    const char *then;        /* what comes of it */
};

static void complain(const struct told *t, const struct err *err)
{
    diagnostics_add(t->diags, t->path, 0, 0, true, "%s%s%s%s: %s; %s until that is mended", t->what,
                    *t->name ? " '" : "", t->name, *t->name ? "'" : "", err->msg, t->then);
}

/* NULL: none is named. */
static void check_secret(const struct told *t, const char *file)
{
    struct err err = ERR_INIT;

    if (file && secret_check(file, t->user, &err) < 0)
        complain(t, &err);
}

static void check_program(const struct told *t, const char *program)
{
    struct err err = ERR_INIT;

    if (access(program, X_OK) < 0) {
        err_errno(&err, errno, "%s", program);
        complain(t, &err);
    }
}

/* Of certificates, which are no secrets. */
static void check_readable(const struct told *t, const char *file)
{
    struct err err = ERR_INIT;

    if (file && access(file, R_OK) < 0 && errno != EACCES) {
        err_errno(&err, errno, "%s", file);
        complain(t, &err);
    }
}

static void check_sendmail(const struct told *t)
{
    CLEANUP_FREE char *found = NULL;
    struct err err = ERR_INIT;

    if (sendmail_find(&found, &err) < 0)
        complain(t, &err);
}

static void check_url(const struct told *t, const struct config_url *u)
{
    check_secret(t, u->url_file);
    check_readable(t, u->ca);
}

static void check_target(struct told *t, const struct config_target *target)
{
    t->what = "target";
    t->name = target->name;
    if (target->mail.to.n > 0 && str_eq(target->mail.via, "sendmail"))
        check_sendmail(t);
    check_secret(t, target->mail.credentials);
    check_readable(t, target->mail.ca);
    check_url(t, &target->webhook.at);
    check_secret(t, target->webhook.headers_file);
    check_url(t, &target->healthchecks.at);
    if (target->command.n > 0)
        check_program(t, target->command.items[0]);
}

/* Whose the catalog is, he is the daemon's user; before the first start: who asks. */
static uid_t daemon_user(const struct config *c)
{
    struct stat st;

    return stat(c->catalog, &st) == 0 ? st.st_uid : geteuid();
}

void check_told(const char *path, const struct config *c, struct diagnostics *diags)
{
    struct told t = {
        .path = path, .diags = diags, .user = daemon_user(c), .then = "nothing is sent to it"};

    for (size_t i = 0; i < c->notify.n; i++)
        check_target(&t, &c->notify.items[i]);
    t.what = "healthchecks of policy";
    for (size_t i = 0; i < c->policies.n; i++) {
        t.name = c->policies.items[i].name;
        check_url(&t, &c->policies.items[i].healthchecks);
    }
    t.what = "web_access";
    t.name = "";
    t.then = "there is no status page";
    check_secret(&t, c->web_access.token);
    check_secret(&t, c->web_access.key);
    check_readable(&t, c->web_access.certificate);
}
