/* SPDX-License-Identifier: MIT
 *
 * Private to policies/config*.c: the schema, and the state of one reading.
 *
 * Reading goes in four steps: config_yaml.c turns the text into a document, config_walk.c walks it
 * along the schema's tables and fills struct config, config_value.c reads the single values, and
 * config_check.c judges what can only be judged of the whole.  An error never stops a step that
 * can go on, so that all of them are reported.
 */
#ifndef VMKEEP_POLICIES_CONFIG_PRIV_H
#define VMKEEP_POLICIES_CONFIG_PRIV_H

#include <yaml.h>

#include "policies/config.h"

/* Each with the type of its member. */
enum config_type {
    CONFIG_NAME,     /* char *: becomes the name of a file, see base/names.h; without '/' */
    CONFIG_LABEL,    /* char *: a name that stays within the configuration */
    CONFIG_STRING,   /* char * */
    CONFIG_PATH,     /* char *: absolute */
    CONFIG_ADDRESS,  /* char *: ADDRESS:PORT */
    CONFIG_UINT,     /* int */
    CONFIG_SIZE,     /* uint64_t, bytes */
    CONFIG_RATE,     /* uint64_t, bytes per second */
    CONFIG_DURATION, /* int64_t, seconds */
    CONFIG_PERCENT,  /* int */
    CONFIG_BOOL,     /* bool */
    CONFIG_ENUM,     /* an enum: the word's place in words */
    CONFIG_GLOBS,    /* struct strlist; one value, or a list */
    CONFIG_CALENDAR, /* struct calspec_list; one value, or a list */
    CONFIG_URL,      /* char *: https:// or http:// */
    CONFIG_TEXTS,    /* struct strlist; one value, or a list */
    CONFIG_BITS,     /* unsigned: a bit for each word; one value, or a list */
    CONFIG_REPORT,   /* struct config_report; one value, or a list */
    CONFIG_KEEP,     /* struct retention */
    CONFIG_MAPPING,  /* a struct, by keys */
    CONFIG_LIST,     /* a VEC of structs, by keys */
};

struct config_key {
    const char *name; /* NULL ends a table */
    enum config_type type;
    int64_t min, max;     /* of a number; of texts max is the length in bytes */
    const char *fallback; /* read when the key is not there; NULL: the member stays zero */
    size_t offset;        /* of the member */
    bool required;
    const char *help;              /* what is wanted, for texts */
    const char *const *words;      /* CONFIG_ENUM, CONFIG_BITS; ends with NULL */
    const struct config_key *keys; /* CONFIG_MAPPING, CONFIG_LIST */
    size_t item_size;              /* CONFIG_LIST */
};

#define CONFIG_KEYS_MAX 20 /* in one table */

extern const struct config_key config_keys[]; /* of the whole file */

/* Where a member of struct config got its value. Lists of structs are allocated once, so that the
 * address of a member says which it is. */
struct config_place {
    const void *member;
    bool item; /* the whole item of a list, whose first member has the same address */
    int line, column;
    const struct where *where; /* "policies[0] 'nightly': keep", as long as the document is there */
};

struct config_reader {
    const char *file;
    struct diagnostics *diags;
    yaml_document_t doc;
    VEC(struct config_place) places;
    VEC(struct where *) wheres; /* of keys and items */
};

/* line and column from 1. Past some hundreds of them nothing more is added. */
void config_report(struct config_reader *r, int line, int column, bool warning, const char *fmt,
                   ...) __attribute__((format(printf, 5, 6)));

/* The same of what stands at a place, with words before that say where that is. */
void config_report_at(struct config_reader *r, const struct config_place *place, bool warning,
                      const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Do both texts say the same, however they are written and commented? */
bool config_yaml_same(const char *a, size_t a_len, const char *b, size_t b_len);

/* CONFIG_BITS: the word "none" was given; taken away when defaults are filled in. */
#define CONFIG_BITS_NONE (1U << 31)

/* Loads r->doc, for yaml_document_delete; -1 when errors are reported. */
int config_load_yaml(struct config_reader *r, const char *text, size_t len);

/* Fills config from r->doc, and r->places. */
void config_walk(struct config_reader *r, struct config *config);
void config_walk_done(struct config_reader *r);

/* Reads one value into the member; adds an item where the type is a list. */
int config_set_value(const struct config_key *key, const char *text, void *member, struct err *err);

/* NULL when the member has its value from no place in the file. */
const struct config_place *config_place_of(const struct config_reader *r, const void *member);
const struct config_place *config_place_of_item(const struct config_reader *r, const void *item);

void config_check_errors(struct config_reader *r, const struct config *config);
/* The part of it that is about notifications. */
void config_check_web(struct config_reader *r, const struct config *config);
void config_check_notify(struct config_reader *r, const struct config *config);
/* Of a configuration without errors. */
void config_check_warnings(struct config_reader *r, const struct config *config);
void config_check_calendars(struct config_reader *r, const struct config *config);

#endif
