/* SPDX-License-Identifier: MIT */
#include "base/pin.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/timefmt.h"

bool pin_holds(const struct point_pin *pin, int64_t now)
{
    return pin->since != 0 && (pin->until == 0 || now < pin->until);
}

bool pin_outlives(const struct point_pin *a, const struct point_pin *b)
{
    return a->since && (!b->since || (b->until && (!a->until || a->until > b->until)));
}

static int check_note(const char *note, struct err *err)
{
    json_t *text;

    if (!*note)
        return err_set(err, ERR_INVALID, "the note is empty: leave it out");
    if (strlen(note) > PIN_NOTE_MAX)
        return err_set(err, ERR_INVALID, "the note has %zu bytes: %d are the most", strlen(note),
                       PIN_NOTE_MAX);
    for (const char *c = note; *c; c++)
        if ((unsigned char)*c < ' ' || *c == '\x7f')
            return err_set(err, ERR_INVALID, "the note has a control character: one line of text");
    text = json_string(note);
    if (!text)
        return err_set(err, ERR_INVALID, "the note is not UTF-8");
    json_decref(text);
    return 0;
}

int pin_check(const struct point_pin *pin, int64_t now, struct err *err)
{
    char until[TIMEFMT_MAX];

    if (pin->note && check_note(pin->note, err) < 0)
        return -1;
    if (pin->until != 0 && pin->until <= now)
        return err_set(err, ERR_INVALID, "%s is over already", time_local(pin->until, until));
    return 0;
}

char *pin_text(const struct point_pin *pin, const char *until)
{
    return xasprintf("pinned%s%s%s%s%s", pin->until ? " until " : "", pin->until ? until : "",
                     pin->note ? " (" : "", pin->note ? pin->note : "", pin->note ? ")" : "");
}

char *pin_text_local(const struct point_pin *pin)
{
    char until[TIMEFMT_MAX];

    time_local(pin->until, until);
    until[strcspn(until, " ") + (strstr(until, " 00:00:00") ? 0 : strlen(" HH:MM"))] = '\0';
    return pin_text(pin, until);
}

void pin_copy(struct point_pin *dst, const struct point_pin *src)
{
    *dst = (struct point_pin){src->since, src->until, xstrdup(src->note)};
}

void pin_done(struct point_pin *pin)
{
    free(pin->note);
    *pin = (struct point_pin){0};
}
