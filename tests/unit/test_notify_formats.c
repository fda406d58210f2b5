/* SPDX-License-Identifier: MIT
 *
 * What receivers of notifications are sent; system.notify holds it against real ones.
 */
#include "tests/support/test.h"

#include <string.h>

#include "base/cleanup.h"
#include "helpers/notify/send.h"

static void pings_know_their_way(void **state)
{
    static const struct {
        const char *url, *signal, *rid, *want;
    } rows[] = {
        {"https://hc/ping/1", "", NULL, "https://hc/ping/1"},
        {"https://hc/ping/1/", "fail", NULL, "https://hc/ping/1/fail"},
        {"https://hc/1", "start", "r", "https://hc/1/start?rid=r"},
        {"https://hc/k/s?create=1", "", "r", "https://hc/k/s?create=1&rid=r"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP_FREE char *url = format_ping_url(rows[i].url, rows[i].signal, rows[i].rid);

        assert_string_equal(url, rows[i].want);
    }
}

static void no_secret_is_shown(void **state)
{
    static const char *const rows[][2] = {
        {"https://ntfy.sh/secret", "https://ntfy.sh/..."},
        {"http://user:password@host:80/x?token=y", "http://host:80/..."},
        {"https://host", "https://host/..."},
        {"nonsense", "..."},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP_FREE char *shown = format_url_shown(rows[i][0]);

        assert_string_equal(shown, rows[i][1]);
    }
}

static void ntfy_wants_a_topic(void **state)
{
    static const char *const bad[] = {"https://ntfy.sh", "https://ntfy.sh/", "https://ntfy.sh/a?b"};
    json_t *message = json_pack("{s:s, s:s, s:s}", "subject", "s", "severity", "risk", "text", "t");
    CLEANUP_FREE char *url = NULL, *body = NULL;
    struct err err = ERR_INIT;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_null(format_body("ntfy", message, bad[i], &url, &err));
        assert_int_equal(err.code, ERR_INVALID);
        err = ERR_INIT;
    }
    body = format_body("ntfy", message, "https://ntfy.sh/topic", &url, &err);
    assert_string_equal(url, "https://ntfy.sh/");
    assert_non_null(strstr(body, "\"topic\":\"topic\""));
    assert_non_null(strstr(body, "\"priority\":5"));
    json_decref(message);
}

/* The token may be in the URL, or in a header. */
static void gotify_is_sent_to_its_message(void **state)
{
    static const char *const rows[][2] = {
        {"https://g", "https://g/message"},
        {"https://g/sub/", "https://g/sub/message"},
        {"https://g/message", "https://g/message"},
        {"https://g/message?token=x", "https://g/message?token=x"},
        {"https://g/?token=a/b", "https://g/message?token=a/b"},
    };
    json_t *message = json_pack("{s:s, s:s}", "subject", "s", "text", "t");
    struct err err = ERR_INIT;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP_FREE char *url = NULL;
        CLEANUP_FREE char *body = format_body("gotify", message, rows[i][0], &url, &err);

        assert_string_equal(url, rows[i][1]);
    }
    json_decref(message);
}

static void alertmanager_is_told_of_what_is_cut(void **state)
{
    json_t *message =
        json_pack("{s:[{s:s, s:s}], s:i}", "events", "kind", "full", "status", "firing", "more", 7);
    struct err err = ERR_INIT;
    CLEANUP_FREE char *url = NULL;
    CLEANUP_FREE char *body = format_body("alertmanager", message, "http://x", &url, &err);

    (void)state;
    assert_non_null(strstr(body, "\"truncatedAlerts\":7"));
    json_decref(message);
}

/* No header can be smuggled in, and no line is too long. */
static void mails_have_short_lines(void **state)
{
    char text[9000], subject[2000];
    struct strlist to = {0};
    json_t *message;
    CLEANUP_FREE char *mail = NULL;

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    snprintf(subject, sizeof(subject), "caf\xc3\xa9\r\nBcc: evil@example.org %.1800s", text);
    strlist_add(&to, "ops@example.org");
    strlist_add(&to, "b@example.org");
    message = json_pack("{s:s, s:s, s:s, s:s, s:s}", "subject", subject, "text", text, "html",
                        "x\ny\n", "machine", "hv1", "kind", "conditions");
    mail = format_mail(message, "vmkeep@hv1", &to, "id", 1790000000);
    assert_null(strstr(mail, "\nBcc:"));
    assert_non_null(strstr(mail, "To: ops@example.org,\r\n b@example.org\r\n"));
    assert_non_null(strstr(mail, "Subject: =?UTF-8?B?"));
    assert_non_null(strstr(mail, "Content-Type: text/html; charset=utf-8\r\n"));
    assert_non_null(strstr(mail, "\r\n\r\neA0KeQ0K\r\n")); /* lines end with CR LF within, too */
    for (const char *p = mail; *p;) {
        const char *end = strstr(p, "\r\n");

        assert_non_null(end);
        assert_true(end - p <= 78);
        p = end + 2;
    }
    json_decref(message);
    strlist_done(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pings_know_their_way),
        cmocka_unit_test(no_secret_is_shown),
        cmocka_unit_test(ntfy_wants_a_topic),
        cmocka_unit_test(gotify_is_sent_to_its_message),
        cmocka_unit_test(alertmanager_is_told_of_what_is_cut),
        cmocka_unit_test(mails_have_short_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
