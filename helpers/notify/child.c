/* SPDX-License-Identifier: MIT
 *
 * Targets that are programs: sendmail, and commands.
 */
#include <ev.h>
#include <stdlib.h>
#include <string.h>

#include "base/proc.h"
#include "helpers/notify/send.h"

struct run {
    struct ev_loop *loop;
    struct err err;
};

static void on_end(void *ctx, const struct err *err)
{
    struct run *r = ctx;

    if (err)
        r->err = *err;
    ev_break(r->loop, EVBREAK_ALL);
}

int run_child(const char *const *argv, const char *input, struct err *err)
{
    struct run r = {.loop = ev_default_loop(0)};
    const struct proc_spec spec = {.argv = argv, .input = input, .timeout_s = CHILD_LIMIT_S};

    if (!proc_start(r.loop, &spec, NULL, on_end, &r, err))
        return -1;
    ev_run(r.loop, 0);
    if (r.err.code == ERR_NONE)
        return 0;
    *err = r.err;
    return -1;
}

/* Whoever must not read JSON finds the most of it in the environment. */
int send_command(const struct sending *s, const json_t *message, struct err *err)
{
    static const char *const keys[][2] = {
        {"VMKEEP_KIND", "kind"},     {"VMKEEP_SUBJECT", "subject"}, {"VMKEEP_SEVERITY", "severity"},
        {"VMKEEP_STATUS", "status"}, {"VMKEEP_MACHINE", "machine"},
    };
    const char **argv = calloc(s->command.n + 1, sizeof(*argv));
    int rc;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        setenv(keys[i][0], message_text(message, keys[i][1]), 1);
    for (size_t i = 0; argv && i < s->command.n; i++)
        argv[i] = s->command.items[i];
    rc = argv && s->command.n > 0 ? run_child(argv, s->message, err)
                                  : err_set(err, ERR_INVALID, "command: there is none");
    free(argv);
    return rc;
}
