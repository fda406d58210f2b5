/* SPDX-License-Identifier: MIT
 *
 *     expression = word [zone] | [weekdays] [date] [time] [zone]      at least one of the three
 *     weekdays   = day [".." day] { "," day [".." day] } [","]
 *     date       = [[field "-"] field ("-" | "~")] field | "@" seconds
 *     time       = field ":" field [":" field]
 *     field      = "*" | part { "," part }
 *     part       = number [".." number] ["/" number]
 *
 * The zone is taken off the end first.  Whether the first field is a year, a month or an hour shows
 * by what follows it in its word.
 */
#include "policies/calendar.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "policies/calendar_priv.h"
#include "policies/civil.h"

#define PARTS_MAX 240
#define NUMBER_MAX INT32_MAX
#define SHOWN_MAX 100 /* of an expression in a message */

struct parser {
    char *text; /* without the zone */
    const char *p;
    struct calspec *spec;
    struct err *err;
};

static const struct {
    const char *word, *expression;
} words[] = {
    {"minutely", "*:*"},          {"hourly", "*:00"},
    {"daily", "*-*-*"},           {"weekly", "Mon"},
    {"monthly", "*-01"},          {"quarterly", "01,04,07,10-01"},
    {"semiannually", "01,07-01"}, {"semi-annually", "01,07-01"},
    {"biannually", "01,07-01"},   {"bi-annually", "01,07-01"},
    {"yearly", "01-01"},          {"annually", "01-01"},
    {"anually", "01-01"},
};

/* What stands where the grammar wants something else: a word, or a character. */
static int unexpected(struct parser *ps, const char *wanted)
{
    int len = 0;

    if (!*ps->p)
        return err_set(ps->err, ERR_INVALID, "it ends where %s is wanted", wanted);
    while (isalpha((unsigned char)ps->p[len]))
        len++;
    return err_set(ps->err, ERR_INVALID, "'%.*s' at character %zu, where %s is wanted",
                   len > 0 ? len : 1, ps->p, (size_t)(ps->p - ps->text) + 1, wanted);
}

static bool at_end_of_word(const struct parser *ps)
{
    return *ps->p == '\0' || *ps->p == ' ';
}

static void skip_spaces(struct parser *ps)
{
    while (*ps->p == ' ')
        ps->p++;
}

static bool skip_string(struct parser *ps, const char *s)
{
    if (strncmp(ps->p, s, strlen(s)) != 0)
        return false;
    ps->p += strlen(s);
    return true;
}

/* "Mon" or "Monday", any case, as a whole word; 0 .. 6, or -1. */
static int weekday(struct parser *ps)
{
    size_t len = 0;

    while (isalpha((unsigned char)ps->p[len]))
        len++;
    for (int day = 0; day < 7; day++) {
        const char *name = calspec_weekday_names[day];

        if ((len == 3 || len == strlen(name)) && strncasecmp(ps->p, name, len) == 0) {
            ps->p += len;
            return day;
        }
    }
    return -1;
}

static int weekday_range(struct parser *ps)
{
    int first = weekday(ps), last = first;

    if (first < 0)
        return unexpected(ps, "a weekday (Mon .. Sun), or a word such as daily alone,");
    if (skip_string(ps, "..") || skip_string(ps, "-")) {
        last = weekday(ps);
        if (last < 0)
            return unexpected(ps, "a range's last weekday");
    }
    if (last < first)
        return err_set(ps->err, ERR_INVALID,
                       "the weekdays %.3s..%.3s run backwards (a week begins on Monday; give two "
                       "ranges with a comma)",
                       calspec_weekday_names[first], calspec_weekday_names[last]);
    for (int day = first; day <= last; day++)
        ps->spec->weekdays |= 1u << day;
    return 0;
}

static int weekdays(struct parser *ps)
{
    if (!isalpha((unsigned char)*ps->p))
        return 0;
    do {
        if (weekday_range(ps) < 0)
            return -1;
    } while (skip_string(ps, ",") && !at_end_of_word(ps));
    if (!at_end_of_word(ps))
        return unexpected(ps, "a comma, '..', or a space");
    skip_spaces(ps);
    return 0;
}

/* Digits behind the point, in microseconds; the seventh rounds. */
static int64_t fraction(struct parser *ps)
{
    int64_t us = 0, digit = SECOND_US;
    bool round_up = isdigit((unsigned char)ps->p[0]);

    for (int i = 0; isdigit((unsigned char)*ps->p); i++, ps->p++) {
        digit /= 10;
        us += digit * (*ps->p - '0');
        round_up = i == 6 ? *ps->p >= '5' : i > 6 && round_up;
    }
    return us + round_up;
}

static int number(struct parser *ps, enum calspec_field_id id, int64_t *ret)
{
    int64_t v = 0;

    if (!isdigit((unsigned char)*ps->p))
        return unexpected(ps, "a number");
    for (; isdigit((unsigned char)*ps->p); ps->p++) {
        v = v * 10 + (*ps->p - '0');
        if (v > NUMBER_MAX)
            return err_set(ps->err, ERR_INVALID, "%s: the number is too large",
                           calspec_bounds[id].name);
    }
    if (id == FIELD_SECOND) {
        v *= SECOND_US;
        if (ps->p[0] == '.' && ps->p[1] != '.') {
            ps->p++;
            if (!isdigit((unsigned char)*ps->p))
                return unexpected(ps, "a fraction of a second");
            v += fraction(ps);
        }
        if (v > INT32_MAX) /* systemd keeps microseconds in an int */
            return err_set(ps->err, ERR_INVALID, "%s: the number is too large",
                           calspec_bounds[id].name);
    }
    *ret = v;
    return 0;
}

static int part(struct parser *ps, enum calspec_field_id id, struct calspec_part *ret)
{
    *ret = (struct calspec_part){.stop = NO_STOP};
    if (number(ps, id, &ret->start) < 0)
        return -1;
    if (skip_string(ps, "..")) {
        if (number(ps, id, &ret->stop) < 0)
            return -1;
        ret->repeat = id == FIELD_SECOND ? SECOND_US : 1;
    }
    if (skip_string(ps, "/")) {
        if (number(ps, id, &ret->repeat) < 0)
            return -1;
        if (ret->repeat == 0)
            return err_set(ps->err, ERR_INVALID, "%s: a repetition by 0", calspec_bounds[id].name);
    } else if (id == FIELD_SECOND && ret->repeat && ret->stop - ret->start < SECOND_US) {
        return err_set(ps->err, ERR_INVALID, "second: the range is shorter than a second");
    }
    return 0;
}

static int field(struct parser *ps, enum calspec_field_id id)
{
    struct calspec_field *f = &ps->spec->field[id];

    if (skip_string(ps, "*")) {
        if (id == FIELD_SECOND)
            *VEC_ADD(&f->parts) = (struct calspec_part){0, NO_STOP, SECOND_US};
        return 0;
    }
    do {
        if (f->parts.n == PARTS_MAX)
            return err_set(ps->err, ERR_INVALID, "%s: more than %d values", calspec_bounds[id].name,
                           PARTS_MAX);
        if (part(ps, id, VEC_ADD(&f->parts)) < 0)
            return -1;
    } while (skip_string(ps, ","));
    return 0;
}

static int seconds_zero(struct parser *ps)
{
    *VEC_ADD(&ps->spec->field[FIELD_SECOND].parts) = (struct calspec_part){0, NO_STOP, 0};
    return 0;
}

static int midnight(struct parser *ps)
{
    *VEC_ADD(&ps->spec->field[FIELD_HOUR].parts) = (struct calspec_part){0, NO_STOP, 0};
    *VEC_ADD(&ps->spec->field[FIELD_MINUTE].parts) = (struct calspec_part){0, NO_STOP, 0};
    return seconds_zero(ps);
}

static int time_of_day(struct parser *ps)
{
    if (!*ps->p)
        return midnight(ps);
    if (field(ps, FIELD_HOUR) < 0)
        return -1;
    if (!skip_string(ps, ":"))
        return unexpected(ps, "':' after the hour");
    if (field(ps, FIELD_MINUTE) < 0)
        return -1;
    if (skip_string(ps, ":")) {
        if (field(ps, FIELD_SECOND) < 0)
            return -1;
    } else {
        seconds_zero(ps);
    }
    return *ps->p ? unexpected(ps, "the end of the time") : 0;
}

static int date(struct parser *ps, bool has_year)
{
    if (has_year) {
        if (field(ps, FIELD_YEAR) < 0)
            return -1;
        if (!skip_string(ps, "-"))
            return unexpected(ps, "'-' after the year");
    }
    if (field(ps, FIELD_MONTH) < 0)
        return -1;
    if (skip_string(ps, "~"))
        ps->spec->from_month_end = true;
    else if (!skip_string(ps, "-"))
        return unexpected(ps, "'-' in a date, or ':' in a time");
    if (field(ps, FIELD_DAY) < 0)
        return -1;
    if (!at_end_of_word(ps))
        return unexpected(ps, "the end of the date");
    skip_spaces(ps);
    return 0;
}

/* "@SECONDS": one instant, in UTC whatever zone stands behind it. */
static int epoch(struct parser *ps)
{
    static const int64_t end_of_2199 = INT64_C(7258118399);
    int64_t t = 0, year;
    int month, day;

    if (!isdigit((unsigned char)*ps->p))
        return unexpected(ps, "a number of seconds");
    for (; isdigit((unsigned char)*ps->p); ps->p++) {
        t = t * 10 + (*ps->p - '0');
        if (t > end_of_2199)
            return err_set(ps->err, ERR_INVALID, "the time lies after the year 2199");
    }
    if (*ps->p)
        return unexpected(ps, "the end");
    civil_from_days(floor_div(t, DAY_SECONDS), &year, &month, &day);
    const int64_t values[FIELD_COUNT] = {year,          month,       day,
                                         t / 3600 % 24, t / 60 % 60, t % 60 * SECOND_US};
    for (int id = 0; id < FIELD_COUNT; id++)
        *VEC_ADD(&ps->spec->field[id].parts) = (struct calspec_part){values[id], NO_STOP, 0};
    zone_free(ps->spec->zone);
    ps->spec->zone = NULL;
    free(ps->spec->zone_name);
    ps->spec->zone_name = xstrdup("UTC");
    return zone_open("UTC", &ps->spec->zone, ps->err);
}

/* A date's word has a separator, and one more when it begins with a year. */
static int date_separators(const char *word)
{
    int n = 0;

    for (; *word && *word != ' '; word++)
        n += *word == '-' || *word == '~';
    return n;
}

static int date_and_time(struct parser *ps)
{
    if (weekdays(ps) < 0)
        return -1;
    if (skip_string(ps, "@"))
        return epoch(ps);
    if (*ps->p && ps->p[strcspn(ps->p, " :-~")] != ':' && date(ps, date_separators(ps->p) > 1) < 0)
        return -1;
    return time_of_day(ps);
}

/* Letters behind a space are a zone; nothing else in the grammar is written so. */
static int take_zone(struct parser *ps)
{
    char *space = strrchr(ps->text, ' ');
    const char *name = space ? space + 1 : "";

    if (!isalpha((unsigned char)*name))
        return 0;
    if (zone_open(name, &ps->spec->zone, ps->err) < 0) {
        if (ps->err->code == ERR_NOTFOUND)
            err_set(ps->err, ERR_INVALID,
                    "'%s' is not a time zone of this system (want UTC, or a name such as "
                    "Europe/Prague)",
                    name);
        ps->err->code = ERR_INVALID; /* a file that is no zone file, too, is a bad name */
        return -1;
    }
    ps->spec->zone_name = xstrdup(strcasecmp(name, "UTC") == 0 ? "UTC" : name);
    *space = '\0';
    return 0;
}

static void replace_word(struct parser *ps)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcasecmp(ps->text, words[i].word) == 0) {
            free(ps->text);
            ps->text = xstrdup(words[i].expression);
            return;
        }
    }
}

static int parse_without_zone(struct parser *ps)
{
    replace_word(ps);
    ps->p = ps->text;
    if (!*ps->text)
        return err_set(ps->err, ERR_INVALID, "the expression is empty");
    if (date_and_time(ps) < 0)
        return -1;
    return calspec_normalize(ps->spec, ps->err);
}

/* Whether what stands there is an expression; if not, why. */
static bool is_expression(const char *text, size_t len, struct err *why)
{
    CLEANUP(calspec_freep) struct calspec *spec = xcalloc(1, sizeof(*spec));
    struct parser ps = {.text = xasprintf("%.*s", (int)len, text), .spec = spec, .err = why};
    int r = parse_without_zone(&ps);

    free(ps.text);
    return r == 0;
}

/* A bad zone is not to blame where what stands before it is no expression either. */
static int parse(struct parser *ps)
{
    struct err why = ERR_INIT;
    size_t len = strlen(ps->text);

    if (take_zone(ps) == 0)
        return parse_without_zone(ps);
    if (!is_expression(ps->text, (size_t)(strrchr(ps->text, ' ') - ps->text), &why) &&
        !is_expression(ps->text, len, &why))
        *ps->err = why;
    return -1;
}

/* What people write who want an interval. */
static const char *interval_hint(const char *s)
{
    if (strcasestr(s, "minute"))
        return "; every five minutes is '*:0/5'";
    if (strcasestr(s, "hour") && strcasecmp(s, "hourly") != 0)
        return "; every two hours is '0/2:00'";
    return "";
}

int calspec_parse(const char *s, struct calspec **ret, struct err *err)
{
    CLEANUP(calspec_freep) struct calspec *spec = xcalloc(1, sizeof(*spec));
    struct parser ps = {.text = xstrdup(s), .spec = spec, .err = err};
    int r = parse(&ps);
    const struct err why = *err;

    free(ps.text);
    if (r < 0)
        return err_set(err, why.code, "calendar expression '%.*s'%s: %s%s", SHOWN_MAX, s,
                       strlen(s) > SHOWN_MAX ? "..." : "", why.msg, interval_hint(s));
    *ret = TAKE_PTR(spec);
    return 0;
}
