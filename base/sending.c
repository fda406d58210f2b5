/* SPDX-License-Identifier: MIT */
#include "base/sending.h"

#include "base/text.h"
#include "base/cleanup.h"

#define FIELD_OF(member, kind_, ...) FIELD(struct sending, member, kind_, __VA_ARGS__)
static const struct field fields[] = {
    FIELD_OF(kind, TEXT, .required = true),
    FIELD_OF(to, TEXTS, ),
    FIELD_OF(from, TEXT, ),
    FIELD_OF(via, TEXT, ),
    FIELD_OF(credentials, TEXT, ),
    FIELD_OF(url, TEXT, ),
    FIELD_OF(url_file, TEXT, ),
    FIELD_OF(ca, TEXT, ),
    FIELD_OF(headers_file, TEXT, ),
    FIELD_OF(format, TEXT, ),
    FIELD_OF(command, TEXTS, ),
    FIELD_OF(message, TEXT, .required = true),
};

const struct record record_sending = RECORD(struct sending, fields);
