/* SPDX-License-Identifier: MIT
 *
 * What receivers want: bodies and URLs, by their documentation.
 *
 *   ntfy           docs.ntfy.sh/publish: the topic's URL is given, JSON goes to the server's root
 *   gotify         gotify.net/docs/pushmsg: POST /message
 *   alertmanager   prometheus.io/docs/alerting: the payload of a webhook_config, version 4
 *   json           our own, vmkeep-notify(8)
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "helpers/notify/send.h"

#define NTFY_BYTES 4000 /* longer ones become an attachment */

const char *message_text(const json_t *message, const char *key)
{
    const char *s = json_string_value(json_object_get(message, key));

    return s ? s : "";
}

/* ---- URLs ---- */

char *format_url_shown(const char *url)
{
    const char *host = strstr(url, "://");
    size_t len;

    if (!host)
        return xstrdup("...");
    host += 3;
    len = strcspn(host, "/?#");
    if (memchr(host, '@', len)) {
        const char *at = memchr(host, '@', len);

        len -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    return xasprintf("%.*s%.*s/...", (int)(strstr(url, "://") + 3 - url), url, (int)len, host);
}

char *format_ping_url(const char *url, const char *signal, const char *rid)
{
    const char *query = strchr(url, '?');
    int len = query ? (int)(query - url) : (int)strlen(url);

    while (len > 0 && url[len - 1] == '/')
        len--;
    return xasprintf("%.*s%s%s%s%s%s", len, url, *signal ? "/" : "", signal, query ? query : "",
                     !rid    ? ""
                     : query ? "&rid="
                             : "?rid=",
                     rid ? rid : "");
}

/* ---- bodies ---- */

static int rank(const json_t *message)
{
    const char *severity = message_text(message, "severity");

    if (strcmp(message_text(message, "status"), "resolved") == 0)
        return 0;
    return strcmp(severity, "risk") == 0 ? 2 : strcmp(severity, "act") == 0 ? 1 : 0;
}

static json_t *ntfy_body(const json_t *message, const char *url, char **ret_url, struct err *err)
{
    static const int priorities[] = {3, 4, 5};
    const char *topic = strrchr(url, '/');
    const char *text = message_text(message, "text");
    size_t len = strlen(text);
    json_t *tags = json_array();

    if (!topic || topic[-1] == '/' || !topic[1] || strchr(topic, '?')) {
        json_decref(tags);
        err_set(err, ERR_INVALID, "an ntfy URL ends with its topic, as https://ntfy.sh/TOPIC does");
        return NULL;
    }
    *ret_url = xasprintf("%.*s/", (int)(topic - url), url);
    if (len > NTFY_BYTES) /* at a character's beginning */
        for (len = NTFY_BYTES; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80;)
            len--;
    json_array_append_new(tags, json_string(rank(message) ? "warning" : "white_check_mark"));
    return json_pack("{s:s, s:s, s:s%, s:i, s:o}", "topic", topic + 1, "title",
                     message_text(message, "subject"), "message", text, len, "priority",
                     priorities[rank(message)], "tags", tags);
}

static json_t *gotify_body(const json_t *message, const char *url, char **ret_url)
{
    static const int priorities[] = {2, 5, 8};
    size_t len = strcspn(url, "?");
    const char *query = url + len; /* ?token=, where it is not in a header */

    while (len > 0 && url[len - 1] == '/')
        len--;
    *ret_url =
        xasprintf("%.*s%s%s", (int)len, url,
                  len >= 8 && strncmp(url + len - 8, "/message", 8) == 0 ? "" : "/message", query);
    return json_pack("{s:s, s:s, s:i, s:{s:{s:s}}}", "title", message_text(message, "subject"),
                     "message", message_text(message, "text"), "priority",
                     priorities[rank(message)], "extras", "client::display", "contentType",
                     "text/plain");
}

/* "VmkeepAtRisk" of "at-risk". Caller frees. */
static char *alert_name(const char *what)
{
    char *ret = xasprintf("Vmkeep%s", what), *out = ret + 6;
    bool big = true;

    for (; *what; what++) {
        if (*what == '-')
            big = true;
        else {
            *out++ = big && *what >= 'a' && *what <= 'z' ? (char)(*what - 'a' + 'A') : *what;
            big = false;
        }
    }
    *out = '\0';
    return ret;
}

static void copy_label(json_t *labels, const char *label, const json_t *event, const char *key)
{
    const char *value = message_text(event, key);

    if (*value)
        json_object_set_new(labels, label, json_string(value));
}

static json_t *alert_of(const json_t *event, const char *machine)
{
    CLEANUP_FREE char *name = alert_name(message_text(event, "what"));
    const char *ended = message_text(event, "ended");
    json_t *labels =
        json_pack("{s:s, s:s, s:s, s:s}", "alertname", name, "instance", machine, "condition",
                  message_text(event, "kind"), "severity",
                  strcmp(message_text(event, "severity"), "risk") == 0 ? "critical" : "warning");
    json_t *notes = json_pack("{s:s, s:s}", "summary", message_text(event, "key"), "description",
                              message_text(event, "text"));

    copy_label(labels, "about", event, "about");
    copy_label(labels, "host", event, "host");
    copy_label(labels, "domain", event, "domain");
    copy_label(labels, "repository", event, "repository");
    copy_label(notes, "advice", event, "advice");
    return json_pack("{s:s, s:o, s:o, s:s, s:s, s:s, s:s}", "status", message_text(event, "status"),
                     "labels", labels, "annotations", notes, "startsAt",
                     message_text(event, "since"), "endsAt",
                     *ended ? ended : "0001-01-01T00:00:00Z", "generatorURL", "", "fingerprint",
                     message_text(event, "fingerprint"));
}

/* A test is an alert, too: there is nothing else to send. */
static json_t *test_event(const json_t *message)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "kind", "test", "what", "test",
                     "key", "test", "about", "test", "status", "firing", "since",
                     message_text(message, "at"), "text", message_text(message, "text"),
                     "fingerprint", "0000000000000000");
}

/* What all alerts have alike. */
static json_t *common(const json_t *alerts, const char *member)
{
    json_t *ret = json_deep_copy(json_object_get(json_array_get(alerts, 0), member));
    const char *key;
    json_t *alert, *value;
    void *next;
    size_t i;

    json_array_foreach(alerts, i, alert)
        json_object_foreach_safe(
            ret, next, key,
            value) if (!json_equal(value, json_object_get(json_object_get(alert, member), key)))
            json_object_del(ret, key);
    return ret ? ret : json_object();
}

static json_t *alertmanager_body(const json_t *message)
{
    const char *machine = message_text(message, "machine");
    json_int_t more = json_integer_value(json_object_get(message, "more"));
    bool firing = false;
    json_t *alerts = json_array(), *event;
    CLEANUP_FREE char *group = xasprintf("{}:{instance=\"%s\"}", machine);
    size_t i;

    json_array_foreach(json_object_get(message, "events"), i, event) {
        json_array_append_new(alerts, alert_of(event, machine));
        firing = firing || strcmp(message_text(event, "status"), "resolved") != 0;
    }
    if (json_array_size(alerts) == 0) {
        event = test_event(message);
        json_array_append_new(alerts, alert_of(event, machine));
        json_decref(event);
        firing = true;
    }
    return json_pack(
        "{s:s, s:s, s:I, s:s, s:s, s:{s:s}, s:o, s:o, s:s, s:o}", "version", "4", "groupKey", group,
        "truncatedAlerts", more, "status", firing ? "firing" : "resolved", "receiver", "vmkeep",
        "groupLabels", "instance", machine, "commonLabels", common(alerts, "labels"),
        "commonAnnotations", common(alerts, "annotations"), "externalURL", "", "alerts", alerts);
}

/* Programs have no use for the HTML. */
static json_t *own_body(const json_t *message)
{
    json_t *ret = json_copy((json_t *)message);

    json_object_del(ret, "html");
    return ret;
}

char *format_body(const char *format, const json_t *message, const char *url, char **ret_url,
                  struct err *err)
{
    json_t *body;
    char *ret;

    *ret_url = NULL;
    if (str_eq(format, "ntfy"))
        body = ntfy_body(message, url, ret_url, err);
    else if (str_eq(format, "gotify"))
        body = gotify_body(message, url, ret_url);
    else if (str_eq(format, "alertmanager"))
        body = alertmanager_body(message);
    else
        body = own_body(message);
    if (!body)
        return NULL;
    if (!*ret_url)
        *ret_url = xstrdup(url);
    ret = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    return ret;
}
