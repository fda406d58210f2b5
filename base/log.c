/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/timefmt.h"

static enum log_level threshold = LOG_LVL_INFO;

void log_set_level(enum log_level level)
{
    threshold = level;
}

bool log_enabled(enum log_level level)
{
    return level <= threshold;
}

static const char *level_word(enum log_level level)
{
    switch (level) {
    case LOG_LVL_ERROR:
        return "error: ";
    case LOG_LVL_WARNING:
        return "warning: ";
    case LOG_LVL_NOTICE:
    case LOG_LVL_INFO:
        return "";
    case LOG_LVL_DEBUG:
        return "debug: ";
    }
    return "";
}

void log_line(enum log_level level, const char *fmt, ...)
{
    char text[2048], stamp[TIMEFMT_MAX];
    va_list ap;

    if (!log_enabled(level))
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < ' ')
            *p = ' ';
    if (getenv("JOURNAL_STREAM"))
        fprintf(stderr, "<%d>%s\n", (int)level, text);
    else
        fprintf(stderr, "%s %s%s\n", time_local(time(NULL), stamp), level_word(level), text);
}
