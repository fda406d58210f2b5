/* SPDX-License-Identifier: MIT
 *
 * vmkeep init: a first configuration, by what is found on this machine.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/confirm.h"
#include "cli/init_found.h"
#include "report/wrap.h"

struct arguments {
    const char *repository;
    bool dry_run, yes, force;
};

static char *make_text(const struct init_found *f, size_t *ret_len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_len);

    if (!out)
        abort();
    init_write(f, out);
    fclose(out);
    return text;
}

/* Why the text is no configuration; NULL: it is one.  Caller frees. */
static char *fault_of(const char *text, size_t len)
{
    struct diagnostics diags = {0};
    struct config *config = NULL;
    char *ret = NULL;

    if (config_parse(text, len, cli_config_path(), &config, &diags) < 0)
        ret = xstrdup(diags.n > 0 ? diags.items[0].text : "it cannot be read");
    diagnostics_done(&diags);
    config_free(config);
    return ret;
}

/* A name may be one that vmkeep refuses, and two may have one socket: each is tried, beside those
 * before it. */
static void leave_out_unfit(struct init_found *f)
{
    size_t n = f->qemus.n;

    f->qemus.n = 0;
    for (size_t i = 0; i < n; i++) {
        CLEANUP_FREE char *text = NULL, *fault = NULL;
        struct init_qemu q = f->qemus.items[i];
        size_t len;

        f->qemus.items[f->qemus.n++] = q;
        text = make_text(f, &len);
        fault = fault_of(text, len);
        if (!fault)
            continue;
        strlist_add(&f->unfit, fault);
        f->qemus.n--;
        init_qemu_done(&q);
    }
}

/* It is never written with an error in it. */
static char *make_sound_text(struct init_found *f, size_t *ret_len, struct err *err)
{
    char *ret = make_text(f, ret_len);
    CLEANUP_FREE char *fault = fault_of(ret, *ret_len), *still = NULL;

    if (!fault)
        return ret;
    free(ret);
    leave_out_unfit(f);
    ret = make_text(f, ret_len);
    still = fault_of(ret, *ret_len);
    if (still) {
        err_set(err, ERR_INVALID, "what was found makes no configuration: %s; write it by hand",
                still);
        free(ret);
        return NULL;
    }
    return ret;
}

static int make_directories(const struct init_found *f, struct err *err)
{
    CLEANUP_FREE char *dir = path_dirname(cli_config_path());

    /* QEMU, of another user, has to get at the points: others may pass, and not look. */
    if (!f->place.is_there && mkdir_all(f->place.dir, 0711, err) < 0)
        return -1;
    return path_exists(dir) ? 0 : mkdir_all(dir, 0755, err);
}

static void say_what_follows(const struct init_found *f)
{
    bool nothing = !f->libvirt && !f->asleep && f->qemus.n == 0;

    printf("\n%s is written.%s Then:\n", cli_config_path(),
           nothing ? " Name your hosts in it." : "");
    if (f->asleep)
        printf("  %s\n", f->asleep);
    puts("  vmkeep check && systemctl enable --now vmkeepd   (or: vmkeep reload, where it runs)\n"
         "  vmkeep doctor            is everything there that backups need?\n"
         "  vmkeep run nightly       the first backups, now\n"
         "  vmkeep status            may one sleep?");
}

static int write_it(const struct arguments *a, const struct init_found *f, const char *text,
                    size_t len)
{
    const char *path = cli_config_path();
    struct err err = ERR_INIT;
    int code;

    code = cli_confirm("init", a->yes);
    if (code != EXIT_DONE)
        return code;
    if (make_directories(f, &err) < 0 || write_file_durably(path, text, len, 0644, &err) < 0)
        return cli_fail("init", &err);
    say_what_follows(f);
    return EXIT_DONE;
}

/* The output of --dry-run is the configuration and nothing else. */
static void say_what_is_planned(const struct init_found *f, bool dry_run)
{
    if (!f->place.is_there)
        print_paragraphf(dry_run ? stderr : stdout, 0, "", "The directory %s will be made for it.",
                         f->place.dir);
    if (f->asleep)
        fprintf(stderr, "vmkeep: init: warning: libvirt is installed and does not answer: `%s`\n",
                f->asleep);
    init_warn_of_closed(f);
}

static int run(void *arguments)
{
    const struct arguments *a = arguments;
    CLEANUP(init_found_done) struct init_found found = {0};
    CLEANUP_FREE char *text = NULL;
    struct err err = ERR_INIT;
    size_t len;

    if (!a->dry_run && !a->force && path_exists(cli_config_path())) {
        err_set(&err, ERR_EXISTS,
                "%s is there already; --force writes over it, --dry-run only shows what would be "
                "written, --config FILE writes elsewhere",
                cli_config_path());
        return cli_fail("init", &err);
    }
    init_find_qemus(&found);
    init_find_libvirt(&found);
    init_find_place(a->repository, &found.place);
    if (found.place.problem) {
        err_set(&err, ERR_INVALID, "%s", found.place.problem);
        return cli_fail("init", &err);
    }
    text = make_sound_text(&found, &len, &err);
    if (!text)
        return cli_fail("init", &err);
    fputs(text, stdout);
    say_what_is_planned(&found, a->dry_run);
    return a->dry_run ? EXIT_DONE : write_it(a, &found, text, len);
}

const struct command cmd_init = {
    .name = "init",
    .summary = "a first configuration, by what is on this machine",
    .about =
        (const char *const[]){
            "Looks for a local libvirt, for running QEMUs with a QMP socket, and for a repository "
            "or the file system with most room below /srv, /mnt, /media, /backup or /data (else "
            "/srv/backup), and writes a commented configuration with a policy that fits: to "
            "/etc/vmkeep/config, or to --config FILE. It is shown, and asked for, before it is "
            "written; nothing else is touched but a directory that is made for the repository.",
            NULL},
    .options =
        (const struct command_option[]){
            {TEXT("repository", "DIR", repository, "the repository is, or will be, there"),
             .words = WORD_DIRECTORY},
            {FLAG("dry-run", dry_run, "show it, and write nothing")},
            {FLAG("yes", yes, "write it without asking")},
            {FLAG("force", force, "write over a configuration that is there")},
            {0}},
    .exits = (const struct command_exit[]){{EXIT_DONE, "it is written, or shown"},
                                           {EXIT_FAILED, "it could not be written, or is there"},
                                           {EXIT_USAGE, "bad usage, or nobody can be asked"},
                                           {EXIT_INTERRUPTED, "it was not wanted"},
                                           {0}},
    .examples = (const char *const[]){"vmkeep init --dry-run",
                                      "vmkeep init --repository /srv/backup", NULL},
    ARGUMENTS,
    .run = run,
};
