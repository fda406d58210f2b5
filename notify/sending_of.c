/* SPDX-License-Identifier: MIT */
#include "notify/sending_of.h"

static const char *const formats[] = {[WEBHOOK_JSON] = "json",
                                      [WEBHOOK_NTFY] = "ntfy",
                                      [WEBHOOK_ALERTMANAGER] = "alertmanager",
                                      [WEBHOOK_GOTIFY] = "gotify"};

struct sending sending_of(const struct config_target *t, const char *message)
{
    bool check = config_url_given(&t->healthchecks.at);
    const struct config_url *at = check ? &t->healthchecks.at : &t->webhook.at;

    return (struct sending){.kind = (char *)config_target_kind(t),
                            .to = t->mail.to,
                            .from = t->mail.from,
                            .via = t->mail.via,
                            .credentials = t->mail.credentials,
                            .url = at->url,
                            .url_file = at->url_file,
                            .ca = at->ca ? at->ca : t->mail.ca,
                            .headers_file = t->webhook.headers_file,
                            .format = (char *)formats[t->webhook.format],
                            .command = t->command,
                            .message = (char *)message};
}

struct ask sending_ask(const struct sending *s)
{
    return (struct ask){.what = "send",
                        .request = &record_sending,
                        .value = s,
                        .timeout_s = SENDING_LIMIT_S,
                        .program = SENDING_PROGRAM};
}
