/* SPDX-License-Identifier: MIT */
#include "cli/repository_rekey.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/repository_facts.h"
#include "report/wrap.h"
#include "storage/repository/rekey.h"

/* ERR_INVALID: the configuration does not fit to what is asked for. */
static int find_secrets(const struct config *config, const struct config_repository *r,
                        const char *given, const struct config_secret **ret, struct err *err)
{
    *ret = config_secret_find(config, given);
    if (!r->secret)
        return err_set(err, ERR_INVALID,
                       "repository %s does not encrypt: see 'encrypt' in "
                       "vmkeep-config(5)",
                       r->name);
    if (!*ret)
        return err_set(err, ERR_NOTFOUND, "no secret is called '%s': name it in 'secrets'", given);
    if (str_eq(given, r->secret))
        return err_set(err, ERR_INVALID,
                       "'%s' is what the configuration has for repository %s: --to names the next "
                       "one, --drop the former one",
                       given, r->name);
    return 0;
}

static void on_image(void *ctx, const char *image)
{
    (void)ctx;
    printf("%s\n", image);
    fflush(stdout);
}

static int tell(const struct config_repository *c, const struct rekey_request *r,
                const struct rekey_result *res)
{
    for (size_t i = 0; i < res->busy.n; i++)
        print_paragraph(stdout, 2, "left out: ", res->busy.items[i]);
    printf("%zu image%s changed, %zu %s so already, %zu left out.\n", res->changed,
           plural_s(res->changed), res->same, res->same == 1 ? "was" : "were", res->busy.n);
    if (res->busy.n)
        print_paragraph(stdout, 0, "", "Give the same command again when these are free.");
    else if (r->step == REKEY_ADD)
        print_paragraphf(stdout, 0, "",
                         "Both keys open repository %s now. Next: `encrypt: { secret: %s }` in the "
                         "configuration, `vmkeep reload`, and when no job is under way, `vmkeep "
                         "repository rekey %s --drop %s`.",
                         c->name, r->other->secret, c->name, r->has->secret);
    else
        print_paragraphf(stdout, 0, "", "'%s' opens nothing in repository %s any more.",
                         r->has->secret, c->name);
    return res->busy.n ? EXIT_BUSY : EXIT_DONE;
}

int repository_rekey_one(const char *name, const char *to, const char *drop)
{
    CLEANUP(rekey_result_done) struct rekey_result res = {0};
    struct config *config = NULL;
    const struct config_repository *c = NULL;
    const struct config_secret *given = NULL;
    struct err err = ERR_INIT;
    int code = cli_load_config(&config);

    if (code == EXIT_DONE && !(c = repository_configured(config, name)))
        code = EXIT_NOT_FOUND;
    if (code == EXIT_DONE && find_secrets(config, c, to ? to : drop, &given, &err) < 0)
        code = cli_fail("repository rekey", &err);
    if (code == EXIT_DONE) {
        const struct key now = {.secret = c->secret, .file = (char *)config_key_file(config, c)};
        const struct key other = {.secret = given->name, .file = given->file};
        const struct rekey_request r = {.path = c->path,
                                        .step = to ? REKEY_ADD : REKEY_DROP,
                                        .has = to ? &now : &other,
                                        .other = to ? &other : &now,
                                        .progress = on_image};

        code = repository_rekey(&r, &res, &err) < 0 ? cli_fail("repository rekey", &err)
                                                    : tell(c, &r, &res);
    }
    config_free(config);
    return code;
}
