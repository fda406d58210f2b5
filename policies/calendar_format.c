/* SPDX-License-Identifier: MIT */
#include "policies/calendar.h"

#include <inttypes.h>
#include <stdio.h>

#include "policies/calendar_priv.h"

/* Runs of three days and more are written as ranges. */
static void format_weekdays(unsigned weekdays, FILE *out)
{
    const char *separator = "";

    for (int day = 0; day < 7;) {
        int end = day;

        while (end < 7 && weekdays & 1u << end)
            end++;
        if (end - day >= 3) {
            fprintf(out, "%s%.3s..%.3s", separator, calspec_weekday_names[day],
                    calspec_weekday_names[end - 1]);
            day = end;
            separator = ",";
        } else if (end > day) {
            fprintf(out, "%s%.3s", separator, calspec_weekday_names[day]);
            day++;
            separator = ",";
        } else {
            day++;
        }
    }
    fputc(' ', out);
}

static void format_value(enum calspec_field_id id, int64_t value, int width, FILE *out)
{
    if (id != FIELD_SECOND) {
        fprintf(out, "%0*" PRId64, width, value);
        return;
    }
    fprintf(out, "%0*" PRId64, width, value / SECOND_US);
    if (value % SECOND_US)
        fprintf(out, ".%06" PRId64, value % SECOND_US);
}

static void format_field(const struct calspec *spec, enum calspec_field_id id, FILE *out)
{
    const struct calspec_field *f = &spec->field[id];
    int64_t unit = id == FIELD_SECOND ? SECOND_US : 1;
    int width = id == FIELD_YEAR ? 4 : 2;

    if (f->parts.n == 0 ||
        (id == FIELD_SECOND && calspec_part_is_every_second(&f->parts.items[0]))) {
        fputc('*', out);
        return;
    }
    for (size_t i = 0; i < f->parts.n; i++) {
        const struct calspec_part *p = &f->parts.items[i];

        if (i > 0)
            fputc(',', out);
        format_value(id, p->start, width, out);
        if (p->stop != NO_STOP) {
            fputs("..", out);
            format_value(id, p->stop, width, out);
        }
        if (p->repeat && !(p->stop != NO_STOP && p->repeat == unit)) {
            fputc('/', out);
            format_value(id, p->repeat, 0, out);
        }
    }
}

char *calspec_format(const struct calspec *spec)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return xstrdup("");
    if (spec->weekdays)
        format_weekdays(spec->weekdays, out);
    format_field(spec, FIELD_YEAR, out);
    fputc('-', out);
    format_field(spec, FIELD_MONTH, out);
    fputc(spec->from_month_end ? '~' : '-', out);
    format_field(spec, FIELD_DAY, out);
    fputc(' ', out);
    format_field(spec, FIELD_HOUR, out);
    fputc(':', out);
    format_field(spec, FIELD_MINUTE, out);
    fputc(':', out);
    format_field(spec, FIELD_SECOND, out);
    if (spec->zone_name)
        fprintf(out, " %s", spec->zone_name);
    fclose(out);
    return text;
}
