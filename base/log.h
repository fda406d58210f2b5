/* SPDX-License-Identifier: MIT
 *
 * log: lines on stderr.  Under systemd (JOURNAL_STREAM is set) each starts with "<N>", see
 * sd-daemon(3); elsewhere with the time.  Lower layers return errors and log nothing above debug;
 * scheduler and cli decide what to say, once.
 */
#ifndef VMKEEP_BASE_LOG_H
#define VMKEEP_BASE_LOG_H

#include <stdbool.h>

/* Severities of syslog(3). error: an operator must do something.  warning: we coped, and the text
 * says how.  notice: life cycle.  info: one line a job transition. */
enum log_level {
    LOG_LVL_ERROR = 3,
    LOG_LVL_WARNING = 4,
    LOG_LVL_NOTICE = 5,
    LOG_LVL_INFO = 6,
    LOG_LVL_DEBUG = 7
};

/* Lines less urgent than this are dropped; at first LOG_LVL_INFO. */
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LVL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LVL_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_LVL_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_LVL_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
    do {                                                                                           \
        if (log_enabled(LOG_LVL_DEBUG))                                                            \
            log_line(LOG_LVL_DEBUG, __VA_ARGS__);                                                  \
    } while (0)

#endif
