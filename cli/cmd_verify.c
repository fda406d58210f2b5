/* SPDX-License-Identifier: MIT
 *
 * vmkeep verify: reads points, and says whether they are what they were.  It needs no daemon and no
 * hypervisor, and with --repository PATH no catalog and no configuration either.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/known_keys.h"
#include "cli/start_jobs.h"
#include "cli/verify_run.h"

struct arguments {
    const char *what, *repository, *from;
    struct strlist disks;
    uint64_t bandwidth;
    int64_t sample; /* percent; 0: all */
    bool json, dry_run, job, wait;
};

static int read_bandwidth(void *arguments, const char *name, const char *value, struct err *err)
{
    struct arguments *a = arguments;

    if (rate_parse(value, &a->bandwidth, err) < 0)
        return -1;
    return a->bandwidth ? 0 : err_set(err, ERR_INVALID, "%s: 0 is no rate", name);
}

static int read_sample(void *arguments, const char *name, const char *value, struct err *err)
{
    struct arguments *a = arguments;
    size_t len = strlen(value);
    CLEANUP_FREE char *digits =
        xasprintf("%.*s", (int)(len > 0 && value[len - 1] == '%' ? len - 1 : len), value);

    if (!parse_int(digits, 1, 100, &a->sample))
        return err_set(err, ERR_INVALID, "%s: '%s' is no share from 1%% to 100%%", name, value);
    return 0;
}

/* The daemon reads them, as a job. */
static int hand_over(const struct arguments *a, const struct verify_choice *c, size_t first)
{
    json_t *points = json_array();

    for (size_t i = first; i < c->points.n; i++)
        json_array_append_new(points, json_string(c->points.items[i]->id));
    return start_jobs(c->config, "verify",
                      json_pack("{s:o, s:I}", "points", points, "sample",
                                a->sample ? (json_int_t)a->sample : (json_int_t)100),
                      a->wait, a->json);
}

static int check_arguments(const struct arguments *a)
{
    if ((a->job || a->wait) && (a->disks.n > 0 || a->bandwidth || a->dry_run))
        return cli_usage("verify", "--job and --wait go without --disk, --bandwidth and --dry-run: "
                                   "the daemon reads whole points, as fast as their policy says");
    return EXIT_DONE;
}

static int act(const struct arguments *a, struct verify_choice *c)
{
    const struct verify_wanted wanted = {.from = a->from,
                                         .disks = &a->disks,
                                         .bandwidth = a->bandwidth,
                                         .sample = a->sample,
                                         .json = a->json,
                                         .dry_run = a->dry_run};
    size_t first;

    if ((a->job || a->wait) && !c->config)
        return cli_usage("verify", "--job and --wait are for points of the catalog: leave out the "
                                   "path");
    first = verify_first(a->from, c);
    if (first == SIZE_MAX)
        return EXIT_NOT_FOUND;
    if ((a->job || a->wait) && c->points.n > first)
        return hand_over(a, c, first);
    return verify_run(&wanted, c, first);
}

static int run(void *arguments)
{
    const struct arguments *a = arguments;
    struct verify_choice choice = {0};
    int code = check_arguments(a);

    if (code == EXIT_DONE)
        code = verify_choose(a->what, a->repository, &a->disks, &choice);
    if (code == EXIT_DONE)
        code = act(a, &choice);
    verify_choice_done(&choice);
    return code;
}

const struct command cmd_verify = {
    .name = "verify",
    .summary = "read restore points, and say whether they are whole",
    .about =
        (const char *const[]){
            "Reads a point, all points of a domain or a policy, or all there are, and says of each "
            "whether it can still be relied on: whether its manifest and its files are there, the "
            "tables of its images are right (qemu-img check), and each disk still has the contents "
            "that it had when the point was published. Nothing is written to the repository. What "
            "is read is not removed meanwhile. Works while the daemon is down.",
            "Each point is proven by itself, the newest of a domain first: what a guest would read "
            "of its disks is read, in whichever images of its chain that lies, and held against "
            "the digest in its manifest. So a disk of 100 GiB, in 14 points, is read 14 times; "
            "--dry-run says how much that would be. The tables of each image are read once.",
            "--sample reads a share of each disk: one of so many slices, which are spread over it, "
            "and of which each run reads the next one, so that all of it is read in time. What is "
            "whole in its sample is whole as far as that tells.",
            "The command reads itself, and needs no daemon; with --job the daemon does, as a job: "
            "in the background, with idle priority, one at a time, giving way to what waits for "
            "the points, and going on after a restart. --wait waits for its end. By the schedule "
            "of a policy the daemon reads by itself ('verify' in vmkeep-config(5)). When a point "
            "was read, and how much of it, is in 'vmkeep points --json' and 'vmkeep explain'.",
            "A point is whole; unproven, where it has no digest (points of the oldest versions), "
            "and nothing else is wrong with it; unread, where it could not be read now, as when "
            "its repository is away; missing, where files of it are not there; or damaged: then "
            "the disk is named, the image that holds the damage and, where trees of digests tell, "
            "the first bytes. Clusters that nothing uses (leaks) and a tree that is damaged, which "
            "the next backup makes good, are no damage to a point. By the catalog, that is read, "
            "too, and what it has of each point held against the manifest, which counts.",
            "A point that is missing or damaged is marked so at once, with what stands on it: "
            "status says it, and the next backup is a full. One that was marked for what an "
            "earlier read found, and is whole, is good again, unless --disk or --sample leaves "
            "some of it out. Of damaged data it is said whether the domain's own disk still has "
            "it, which other points have it, too, and which later ones have other data there, and "
            "so do not need it.",
            NULL},
    .operands =
        (const struct command_operand[]){{OPERAND("POINT|DOMAIN|POLICY", what), .optional = true,
                                          .words = WORD_POINT | WORD_DOMAIN | WORD_POLICY},
                                         {0}},
    .options =
        (const struct command_option[]){
            KEY_OPTION,
            {TEXT("repository", "NAME|PATH", repository,
                  "points in this repository only; with a path they are read straight from there, "
                  "neither catalog nor configuration is needed, and nothing is marked"),
             .words = WORD_REPOSITORY | WORD_DIRECTORY},
            {LIST("disk", "NAME", disks, "this disk only; may be given several times")},
            {READ("bandwidth", "RATE", read_bandwidth,
                  "read at most so much a second, such as 50MiB/s; no limit by default")},
            {READ("sample", "SHARE", read_sample, "read such a share of each disk, such as 5%")},
            {TEXT("from", "POINT", from,
                  "begin with that one of the points that are meant, where an earlier command was "
                  "interrupted"),
             .words = WORD_POINT},
            {FLAG("job", job, "let the daemon read them, as a job")},
            {FLAG("wait", wait,
                  "the same, and wait for its end; Ctrl-C ends the waiting, not the job")},
            {FLAG("dry-run", dry_run, "say which points would be read, and how much that is")},
            {FLAG("json", json,
                  "print an array of {id, disks: [{name, state, problem, point, bytes, ranges: "
                  "[{offset, length}], saved}], state, problem}; state is whole, unproven, unread, "
                  "missing or damaged (with --dry-run null), problem what is wrong or null, point "
                  "the one whose image is damaged, bytes how many were read, ranges the damaged "
                  "bytes, saved what of them other points, and the domain's own disk, have; with "
                  "--job and --wait {jobs: [...]} as of 'vmkeep run'")},
            {0}},
    .wants = "one point, domain or policy at most",
    .exits = (const struct command_exit[]){{EXIT_DONE, "all that was read is whole, or unproven"},
                                           {EXIT_DAMAGED, "a point is damaged or missing"},
                                           {EXIT_FAILED, "some of it could not be read"},
                                           {EXIT_USAGE, "bad usage or configuration"},
                                           {EXIT_NOT_FOUND,
                                            "no such point, domain, policy, disk or repository"},
                                           {EXIT_BUSY, "a point is being removed"},
                                           {EXIT_NO_DAEMON, "the daemon cannot be reached"},
                                           {EXIT_INTERRUPTED, "interrupted"},
                                           {0}},
    .examples = (const char *const[]){"vmkeep verify web01 --dry-run",
                                      "vmkeep verify 2026-11-23T02-30-00Z.nightly",
                                      "vmkeep verify nightly --bandwidth 50MiB/s --json",
                                      "vmkeep verify nightly --sample 10% --wait",
                                      "vmkeep verify --repository /mnt/usb/backup", NULL},
    ARGUMENTS,
    .run = run,
};
