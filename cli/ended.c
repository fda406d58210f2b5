/* SPDX-License-Identifier: MIT */
#include "cli/ended.h"

#include <stdio.h>
#include <time.h>

#include "base/alloc.h"
#include "base/text.h"
#include "report/table.h"

bool ended_is(const json_t *event)
{
    return str_eq(json_string_value(json_object_get(event, "event")), "job-completed");
}

/* As virsh writes it. */
static void print_now(void)
{
    struct timespec now;
    struct tm tm;
    char text[32];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
    printf("%s.%03d+0000: ", text, (int)(now.tv_nsec / 1000000));
}

void ended_print(const json_t *e, bool timestamp)
{
    static const char *const figures[] = {"time_elapsed",   "disk_total", "disk_processed",
                                          "disk_remaining", "temp_used",  "temp_total"};
    const char *host = json_string_value(json_object_get(e, "host"));
    const char *domain = json_string_value(json_object_get(e, "domain"));
    const char *errmsg = json_string_value(json_object_get(e, "errmsg"));

    if (timestamp)
        print_now();
    fputs("event 'job-completed' for domain '", stdout);
    print_plain(host ? host : "", stdout);
    putchar('/');
    print_plain(domain ? domain : "", stdout);
    puts("':");
    printf("\tjob: %lld\n\toperation: backup\n",
           (long long)json_integer_value(json_object_get(e, "job")));
    for (size_t i = 0; i < ARRAY_LEN(figures); i++)
        printf("\t%s: %lld\n", figures[i],
               (long long)json_integer_value(json_object_get(e, figures[i])));
    printf("\tsuccess: %s\n", json_is_true(json_object_get(e, "success")) ? "true" : "false");
    if (errmsg) {
        fputs("\terrmsg: ", stdout);
        print_plain(errmsg, stdout);
        putchar('\n');
    }
}
