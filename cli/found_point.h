/* SPDX-License-Identifier: MIT
 *
 * found_point: the point that a command line means, out of the catalog or straight out of a
 * repository, as restore, export, files and mount find it.  Neither needs the daemon.
 */
#ifndef VMKEEP_CLI_FOUND_POINT_H
#define VMKEEP_CLI_FOUND_POINT_H

#include "cli/known_keys.h"
#include "cli/point_choice.h"
#include "cli/restore_source.h"
#include "policies/config.h"
#include "storage/repository/point_hold.h"

/* Part of the arguments of those commands: operand and options go straight to it. */
struct point_wish {
    const char *command;    /* whose errors they are */
    const char *what;       /* POINT or DOMAIN */
    const char *repository; /* NAME or PATH; NULL: by the catalog */
    bool has_at, no_verify; /* no_verify: images of another length will do */
    int64_t at;             /* of a domain: as it was then; without has_at: now */
};

/* --at TIME, of arguments that begin with a struct point_wish. */
int point_wish_read_at(void *arguments, const char *name, const char *value, struct err *err);

/* What these commands have in common, whose arguments begin with a struct point_wish, point. */
#define POINT_OPERAND                                                                              \
    {                                                                                              \
        OPERAND("POINT|DOMAIN", point.what), .words = WORD_DOMAIN | WORD_POINT                     \
    }
#define AT_OPTION                                                                                  \
    {                                                                                              \
        READ("at", "TIME", point_wish_read_at,                                                     \
             "as the domain was then: YYYY-MM-DD [HH:MM[:SS]], local, or RFC 3339")                \
    }
#define WHENCE_OPTIONS                                                                             \
    KEY_OPTION,                                                                                    \
    {                                                                                              \
        TEXT("repository", "NAME|PATH", point.repository,                                          \
             "straight from this repository, whatever the catalog says; with a path neither "      \
             "catalog nor configuration is needed"),                                               \
            .words = WORD_REPOSITORY | WORD_DIRECTORY                                              \
    }

struct found_point {
    struct restore_source source;
    struct config *config; /* NULL: the repository was given */
    char *repository;      /* its path, where that was given */
    struct point_list all;
    struct point_choice choice;
    /* Of found_point_hold: */
    char *path; /* of the point's repository, absolute */
    struct repository_hold hold;
};

/* EXIT_DONE, or the exit code of an error that was printed. found_point_done in either case. */
int found_point_find(const struct point_wish *w, struct found_point *ret);

/* Where the point cannot be had, and a copy of it can, that is chosen instead, and it is said. */
void found_point_place(const struct point_wish *w, struct found_point *f);

/* The same; looks whether the point's chain is whole, and keeps it from being removed until
 * found_point_done.  As above. */
int found_point_hold(const struct point_wish *w, struct found_point *f);

void found_point_done(struct found_point *f);

/* "The latest good point is ...", where it was not named. */
void found_point_announce(const struct point_wish *w, const struct found_point *f);

#endif
