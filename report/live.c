/* SPDX-License-Identifier: MIT */
#include "report/live.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/model.h"
#include "base/text.h"
#include "base/timefmt.h"

#define OLD_S 15 /* figures that are older are told to be */

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int64_t time_of(const json_t *object, const char *key)
{
    const char *text = text_of(object, key);
    struct err err = ERR_INIT;
    int64_t ret = 0;

    return text && time_parse(text, &ret, &err) == 0 ? ret : 0;
}

/* The time of day, of what was today. */
static const char *moment(int64_t t, int64_t now, char buf[TIMEFMT_MAX])
{
    char whole[TIMEFMT_MAX];

    time_local(t, whole);
    snprintf(buf, TIMEFMT_MAX, "%s", now - t < 86400 && strlen(whole) > 11 ? whole + 11 : whole);
    return buf;
}

static void write_figures(const json_t *job, int64_t now, FILE *out)
{
    const json_t *percent = json_object_get(job, "percent");
    const json_t *rate = json_object_get(job, "bytes_per_second");
    const json_t *left = json_object_get(job, "seconds_left");
    json_int_t total = json_integer_value(json_object_get(job, "bytes_total"));
    json_int_t done = json_integer_value(json_object_get(job, "bytes_done"));
    int64_t age = now - time_of(job, "figures");
    char buf[SIZE_TEXT_MAX > TIMEFMT_MAX ? SIZE_TEXT_MAX : TIMEFMT_MAX];

    if (json_is_number(percent))
        fprintf(out, " %d%% of %s", (int)json_number_value(percent),
                size_text((uint64_t)total, buf));
    else if (done > 0)
        fprintf(out, " %s", size_text((uint64_t)done, buf));
    if (json_is_integer(rate))
        fprintf(out, ", %s/s", size_text((uint64_t)json_integer_value(rate), buf));
    if (json_is_integer(left))
        fprintf(out, ", %s left", duration_text(json_integer_value(left), buf));
    if (json_is_number(percent) && time_of(job, "figures") > 0 && age > OLD_S)
        fprintf(out, " (%s ago)", duration_text(age, buf));
}

/* Of a limit; who else is in the way is in the text. */
static void write_holders(const json_t *wait, FILE *out)
{
    const char *code = text_of(wait, "code");
    const json_t *jobs = json_object_get(wait, "jobs"), *job;
    size_t i;

    if (!code || !ends_with(code, "limit") || json_array_size(jobs) == 0)
        return;
    fprintf(out, ", taken by job%s", plural_s(json_array_size(jobs)));
    json_array_foreach(jobs, i, job)
        fprintf(out, "%s %lld", i > 0 ? "," : "", (long long)json_integer_value(job));
}

static void write_wait(const json_t *wait, int64_t now, FILE *out)
{
    const char *text = text_of(wait, "text"), *code = text_of(wait, "code");
    int64_t since = time_of(wait, "since");
    char buf[TIMEFMT_MAX];

    if (code && str_eq(code, "retry")) {
        fprintf(out, "tries again at %s", text ? text : "");
        return;
    }
    fputs("waits", out);
    if (since > 0)
        fprintf(out, " since %s", moment(since, now, buf));
    fprintf(out, " for %s", text ? text : "something");
    write_holders(wait, out);
}

char *live_text(const json_t *job, int64_t now)
{
    const char *doing = text_of(job, "doing");
    const json_t *wait = json_object_get(job, "waits_for");
    bool waits = json_is_object(wait);
    char *ret = NULL;
    size_t n;
    FILE *out = open_memstream(&ret, &n);

    if (!out)
        return xstrdup("");
    if (json_is_true(json_object_get(job, "cancelled")))
        fputs("asked to end; ", out);
    if (json_is_true(json_object_get(job, "interrupted")))
        fputs("interrupted, ", out);
    if (doing)
        fputs(doing, out);
    if (doing && strncmp(doing, "copying", 7) == 0)
        write_figures(job, now, out);
    if (doing && waits)
        fputs("; ", out);
    if (waits)
        write_wait(wait, now, out);
    else if (!doing)
        fputs("begins", out);
    fclose(out);
    return ret;
}

char *job_what(const char *kind, const char *level)
{
    char *ret;

    if (str_eq(kind, JOB_BACKUP_BEGIN))
        return xasprintf("%s by hand", level);
    ret = xstrdup(str_eq(kind, JOB_BACKUP) ? level : kind);
    for (char *p = ret; *p; p++)
        *p = *p == '-' ? ' ' : *p; /* words, that a narrow column can part */
    return ret;
}
