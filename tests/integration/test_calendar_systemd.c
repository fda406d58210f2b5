/* SPDX-License-Identifier: MIT
 *
 * Random calendar expressions, ours against `systemd-analyze calendar`: what is accepted, the
 * normal form, and the elapses.  The seed is printed; SEED=N repeats a run.
 *
 * Where we differ on purpose the comparison stops: near clock changes (another rule), behind "@"
 * (systemd takes blanks and signs before the number there), and for the abbreviations of the local
 * zone (not drawn).  Of fractions of a second the seconds are compared, as systemd prints them.
 * Two slips of systemd 252 are looked for one by one: may_be_lost, is_list_from_month_end.
 */
#include "tests/support/test.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "policies/calendar.h"

#define BATCH 50
#define ITERATIONS 12
#define TEXT_MAX 200
#define NEAR_CHANGE (36 * 3600)

static unsigned long seed;

static uint64_t below(uint64_t n)
{
    static uint64_t s;

    if (s == 0)
        s = seed * 2 + 1;
    s ^= s << 13;
    s ^= s >> 7;
    s ^= s << 17;
    return (s >> 11) % n;
}

/* What systemd says of one expression. */
struct answer {
    bool accepted;
    bool gave_up; /* "Infinite loop", at times where there is none */
    char normal[TEXT_MAX];
    int n;
    int64_t elapses[ITERATIONS];
};

/* Making expressions. */

struct text {
    char s[TEXT_MAX];
    size_t len;
};

static void add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *t, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    t->len += (size_t)vsnprintf(t->s + t->len, sizeof(t->s) - t->len, fmt, ap);
    va_end(ap);
    if (t->len >= sizeof(t->s))
        t->len = sizeof(t->s) - 1;
}

static void add_number(struct text *t, int min, int max, bool fraction)
{
    /* Now and then just outside of the range. */
    int slack = below(40) == 0;

    add(t, below(2) ? "%d" : "%02d",
        min - slack * (min > 0) + (int)below((uint64_t)(max - min + 1 + 2 * slack)));
    if (fraction && below(8) == 0)
        add(t, ".%d", (int)below(100000000));
}

static void add_field(struct text *t, int min, int max, bool fraction)
{
    if (below(3) == 0) {
        add(t, "*");
        return;
    }
    do {
        add_number(t, min, max, fraction);
        if (below(4) == 0) {
            add(t, "..");
            add_number(t, min, max, fraction);
        }
        if (below(4) == 0) {
            add(t, "/");
            add_number(t, 1, (max - min) / 2 + 1, fraction);
        }
    } while (below(4) == 0 && (add(t, ","), true));
}

static void add_weekdays(struct text *t)
{
    static const char *const names[] = {"Mon", "tue",    "WED",    "Thu",     "Friday",
                                        "Sat", "sunday", "Monday", "tuesday", "Sun"};

    do {
        add(t, "%s", names[below(ARRAY_LEN(names))]);
        if (below(3) == 0)
            add(t, "..%s", names[below(ARRAY_LEN(names))]);
    } while (below(3) == 0 && (add(t, ","), true));
}

static void add_date(struct text *t)
{
    switch (below(4)) {
    case 0:
        add_field(t, 0, 99, false);
        add(t, "-");
        break;
    case 1:
        add_field(t, 2020, 2040, false);
        add(t, "-");
        break;
    case 2:
        add(t, "*-");
        break;
    default:
        break;
    }
    add_field(t, 1, 12, false);
    if (below(4) == 0) {
        add(t, "~");
        add_field(t, 1, below(2) ? 28 : 7, false);
    } else {
        add(t, "-");
        add_field(t, 1, 31, false);
    }
}

static void make_valid(struct text *t)
{
    static const char *const words[] = {"minutely", "hourly",       "daily",  "weekly",
                                        "monthly",  "quarterly",    "yearly", "semiannually",
                                        "annually", "Semi-Annually"};
    static const char *const zones[] = {
        "UTC", "utc", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Nowhere/Land"};

    if (below(30) == 0) {
        add(t, "%s", words[below(ARRAY_LEN(words))]);
    } else {
        uint64_t parts = 1 + below(7);

        if (parts & 1)
            add_weekdays(t);
        if (parts & 2) {
            add(t, "%s", t->len ? " " : "");
            add_date(t);
        }
        if (parts & 4) {
            add(t, "%s", t->len ? " " : "");
            add_field(t, 0, 23, false);
            add(t, ":");
            add_field(t, 0, 59, false);
            if (below(2)) {
                add(t, ":");
                add_field(t, 0, 59, true);
            }
        }
    }
    if (below(6) == 0)
        add(t, " %s", zones[below(ARRAY_LEN(zones))]);
}

/* A few characters of an expression lost, doubled or replaced. */
static void mutate(struct text *t)
{
    static const char letters[] = "0123456789**//..,,--~~:::  @MonTueSunUTCx";

    for (uint64_t n = 1 + below(3); n > 0 && t->len > 0 && t->len + 1 < TEXT_MAX; n--) {
        size_t at = below(t->len);
        char c = letters[below(sizeof(letters) - 1)];

        switch (below(3)) {
        case 0:
            t->s[at] = c;
            break;
        case 1:
            memmove(t->s + at + 1, t->s + at, t->len - at + 1);
            t->s[at] = c;
            t->len++;
            break;
        default:
            memmove(t->s + at, t->s + at + 1, t->len - at);
            t->len--;
        }
    }
}

/* Asking systemd. */

static void run_systemd(struct text *expressions, const char *tz, int64_t base, FILE *out,
                        FILE *errors)
{
    const char *argv[BATCH + 6] = {"systemd-analyze", "calendar"};
    char base_option[80], iterations[40], time[TIMEFMT_MAX];
    int n = 2, status;
    pid_t pid;

    time_utc(base, time);
    time[10] = ' ';
    time[19] = '\0';
    snprintf(base_option, sizeof(base_option), "--base-time=%s UTC", time);
    snprintf(iterations, sizeof(iterations), "--iterations=%d", ITERATIONS);
    argv[n++] = base_option;
    argv[n++] = iterations;
    argv[n++] = "--";
    for (int i = 0; i < BATCH; i++)
        argv[n++] = expressions[i].s;
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        setenv("TZ", tz, 1);
        setenv("LC_ALL", "C.UTF-8", 1);
        setenv("SYSTEMD_COLORS", "0", 1);
        dup2(fileno(out), STDOUT_FILENO);
        dup2(fileno(errors), STDERR_FILENO);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 127);
    rewind(out);
    rewind(errors);
}

/* The complaint names the expression, and they come in the order of the expressions. */
static int find_named(struct text *expressions, int from, const char *text)
{
    while (from < BATCH && !(starts_with(text, expressions[from].s) &&
                             starts_with(text + expressions[from].len, "': ")))
        from++;
    assert_true(from < BATCH);
    return from;
}

static void read_complaints(struct text *expressions, struct answer *answers, FILE *errors)
{
    static const char refused[] = "Failed to parse calendar specification '";
    static const char gave_up[] = "Failed to determine next elapse for '";
    char line[2 * TEXT_MAX];
    int i = 0;

    for (int k = 0; k < BATCH; k++)
        answers[k] = (struct answer){.accepted = true};
    while (fgets(line, sizeof(line), errors)) {
        if (starts_with(line, refused)) {
            i = find_named(expressions, i, line + strlen(refused));
            answers[i++].accepted = false;
        } else if (starts_with(line, gave_up)) {
            i = find_named(expressions, i, line + strlen(gave_up));
            answers[i++].gave_up = true;
        } else if (!starts_with(line, "Hint: ") && !starts_with(line, "Infinite loop in ")) {
            fail_msg("systemd-analyze: %s", line);
        }
    }
}

static const char *value_of(const char *line, const char *label)
{
    line += strspn(line, " ");
    return starts_with(line, label) ? line + strlen(label) : NULL;
}

/* The elapses are the times that end in UTC: of each elapse systemd prints such a one. */
static void read_answers(struct answer *answers, FILE *out)
{
    int i = -1;
    char line[2 * TEXT_MAX];

    while (fgets(line, sizeof(line), out)) {
        const char *normal = value_of(line, "Normalized form: ");
        size_t len = strcspn(line, "\n");
        struct err err;

        line[len] = '\0';
        if (normal) {
            do
                i++;
            while (i < BATCH && (!answers[i].accepted || answers[i].gave_up));
            assert_true(i < BATCH);
            snprintf(answers[i].normal, TEXT_MAX, "%s", normal);
        } else if (i >= 0 && len > 23 && strcmp(line + len - 4, " UTC") == 0 &&
                   !value_of(line, "Original form: ")) {
            assert_true(answers[i].n < ITERATIONS);
            if (time_parse(line + len - 23, &answers[i].elapses[answers[i].n++], &err) < 0)
                fail_msg("%s: %s", line, err.msg);
        }
    }
}

static void ask_systemd(struct text *expressions, const char *tz, int64_t base,
                        struct answer *answers)
{
    FILE *out = tmpfile(), *errors = tmpfile();

    assert_true(out && errors);
    run_systemd(expressions, tz, base, out, errors);
    read_complaints(expressions, answers, errors);
    read_answers(answers, out);
    fclose(out);
    fclose(errors);
}

/* Comparing. */

static bool is_near_change(const struct zone *z, int64_t t)
{
    return zone_next_change(z, t - NEAR_CHANGE) < t + NEAR_CHANGE;
}

/* The zone that the elapses follow. */
static struct zone *zone_for(const char *normal, const char *tz)
{
    const char *space = strrchr(normal, ' ');
    struct zone *z = NULL;
    struct err err = ERR_INIT;

    if (zone_open(space && isalpha((unsigned char)space[1]) ? space + 1 : tz, &z, &err) < 0)
        fail_msg("%s", err.msg);
    return z;
}

/* Has the part of the normal form from `from` up to one of `ends` a repetition without an end? */
static bool has_open_repetition(const char *from, const char *ends)
{
    const char *end = from + strcspn(from, ends);
    bool range = false;

    for (; from < end; from++) {
        if (*from == ',')
            range = false;
        else if (starts_with(from, ".."))
            range = true;
        else if (*from == '/' && !range)
            return true;
    }
    return false;
}

/* systemd looks for the next value of an open repetition beyond the field's end, lets the C library
 * carry it over, and sets back to its start only the field below the largest one that changed.
 * A carry over two fields therefore leaves the repetition late: "*:9/21" has no 00:09. */
static bool may_be_lost(const char *normal, const struct zone *z, int64_t before, int64_t t)
{
    const char *date = isalpha((unsigned char)*normal) ? strchr(normal, ' ') + 1 : normal;
    const char *time = strchr(date, ' ') + 1, *minute = strchr(time, ':') + 1;
    const char *day = date + strcspn(date, "-");
    struct wall a, b;

    day += 1 + strcspn(day + 1, "-~");
    zone_wall(z, before, &a);
    zone_wall(z, t, &b);
    return (has_open_repetition(strchr(minute, ':') + 1, " ") &&
            (a.day != b.day || a.hour != b.hour)) ||
           (has_open_repetition(minute, ":") && (a.month != b.month || a.day != b.day)) ||
           (has_open_repetition(time, ":") && (a.year != b.year || a.month != b.month)) ||
           (has_open_repetition(day, " ") && a.year != b.year);
}

static void compare_elapses(const char *what, const char *normal, const struct calspec *spec,
                            const struct zone *z, int64_t base, const struct answer *theirs)
{
    int64_t last = theirs->n > 0 ? theirs->elapses[theirs->n - 1] : INT64_MAX;
    int64_t before = base, ours = base, common = base;
    int k = 0;

    while (k < theirs->n && theirs->elapses[k] <= base)
        k++; /* fractions of the second that we are at */
    /* They stop early when nothing follows. */
    while (calspec_next(spec, z, before, &ours) && (ours <= last || theirs->n < ITERATIONS)) {
        while (k < theirs->n && theirs->elapses[k] < ours && is_near_change(z, theirs->elapses[k]))
            k++;
        if (k < theirs->n && theirs->elapses[k] < ours)
            break;
        if (k < theirs->n && theirs->elapses[k] == ours) {
            common = ours;
            while (k < theirs->n && theirs->elapses[k] == ours)
                k++;
        } else if (!is_near_change(z, ours) && !may_be_lost(normal, z, common, ours)) {
            fail_msg("%s: systemd has no elapse at %lld", what, (long long)ours);
        }
        before = ours;
    }
    while (k < theirs->n && is_near_change(z, theirs->elapses[k]))
        k++;
    if (k < theirs->n)
        fail_msg("%s: systemd has an elapse at %lld", what, (long long)theirs->elapses[k]);
}

/* systemd allows the first day of a list from the month's end to be 28, and each further one three
 * less. */
static bool is_list_from_month_end(const char *normal)
{
    const char *day = strchr(normal, '~');
    int limit = 28;

    for (; day && *day && *day != ' '; day += strcspn(day, ", ")) {
        const char *stop;
        char *end;

        day++;
        stop = strstr(day, "..");
        if (strtol(day, &end, 10) > limit)
            return true;
        if (stop == end && strtol(stop + 2, NULL, 10) > limit)
            return true;
        limit -= 3;
    }
    return false;
}

static void compare(const char *expression, const char *tz, int64_t base,
                    const struct answer *theirs)
{
    CLEANUP_FREE char *what =
        xasprintf("SEED=%lu TZ=%s base %lld '%s'", seed, tz, (long long)base, expression);
    struct err err = ERR_INIT;
    struct calspec *spec = NULL;
    bool accepted = calspec_parse(expression, &spec, &err) == 0;
    CLEANUP_FREE char *normal = NULL;

    if (accepted)
        normal = calspec_format(spec);
    if (accepted != theirs->accepted && !strchr(expression, '@') &&
        !(accepted && is_list_from_month_end(normal)))
        fail_msg("%s: systemd %s it; %s", what, theirs->accepted ? "accepts" : "refuses", err.msg);
    if (accepted && theirs->accepted && !theirs->gave_up) {
        struct zone *z = zone_for(normal, tz);

        if (strcmp(normal, theirs->normal) != 0)
            fail_msg("%s: normal form '%s', not '%s'", what, theirs->normal, normal);
        compare_elapses(what, normal, spec, z, base, theirs);
        zone_free(z);
    }
    calspec_free(spec);
}

static void compare_batches(const char *tz, int batches, bool mutated)
{
    static struct text expressions[BATCH];
    static struct answer answers[BATCH];

    for (int i = 0; i < batches; i++) {
        int64_t base = 1700000000 + (int64_t)below(400000000);

        for (int k = 0; k < BATCH; k++) {
            expressions[k] = (struct text){0};
            make_valid(&expressions[k]);
            if (mutated)
                mutate(&expressions[k]);
        }
        ask_systemd(expressions, tz, base, answers);
        for (int k = 0; k < BATCH; k++)
            compare(expressions[k].s, tz, base, &answers[k]);
    }
}

static void expressions_mean_what_systemd_says(void **state)
{
    (void)state;
    compare_batches("UTC", 80, false);
}

static void zones_mean_what_systemd_says(void **state)
{
    (void)state;
    compare_batches("Europe/Berlin", 30, false);
    compare_batches("Australia/Lord_Howe", 15, false);
    compare_batches("America/Mexico_City", 15, false);
}

static void mistakes_are_those_that_systemd_refuses(void **state)
{
    (void)state;
    compare_batches("UTC", 120, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_mean_what_systemd_says),
        cmocka_unit_test(zones_mean_what_systemd_says),
        cmocka_unit_test(mistakes_are_those_that_systemd_refuses),
    };
    const char *wanted = getenv("SEED");

    seed = wanted ? strtoul(wanted, NULL, 10) : (unsigned long)time(NULL);
    fprintf(stderr, "SEED=%lu\n", seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
