/* SPDX-License-Identifier: MIT */
#include "storage/definition/define_records.h"

#include "base/cleanup.h"

static const struct field xml_fields[] = {
    FIELD(struct define_request, xml, TEXT, .required = true)};
const struct record define_request_xml = RECORD(struct define_request, xml_fields);

static const struct field pool_fields[] = {
    FIELD(struct define_request, pool, TEXT, .required = true)};
const struct record define_request_pool = RECORD(struct define_request, pool_fields);

static const struct field domain_fields[] = {
    FIELD(struct define_request, domain, TEXT, .required = true),
    FIELD(struct define_request, uuid, TEXT),
};
const struct record define_request_domain = RECORD(struct define_request, domain_fields);

static const struct field lacks_fields[] = {FIELD(struct define_lacks, lacks, TEXTS)};
const struct record define_answer_lacks = RECORD(struct define_lacks, lacks_fields);

static const struct field defined_fields[] = {
    FIELD(struct define_answer, name, TEXT),
    FIELD(struct define_answer, uuid, TEXT),
};
const struct record define_answer_defined = RECORD(struct define_answer, defined_fields);

static const struct field pool_answer_fields[] = {
    FIELD(struct define_pool, path, TEXT),
    FIELD(struct define_pool, type, TEXT),
    FIELD(struct define_pool, active, BOOL),
};
const struct record define_answer_pool = RECORD(struct define_pool, pool_answer_fields);

static const struct field offline_fields[] = {
    FIELD(struct define_offline, uuid, TEXT),         FIELD(struct define_offline, xml, TEXT),
    FIELD(struct define_offline, state, TEXT),        FIELD(struct define_offline, shutoff, BOOL),
    FIELD(struct define_offline, saved, BOOL),        FIELD(struct define_offline, away, BOOL),
    FIELD(struct define_offline, checkpoints, TEXTS),
};
const struct record define_answer_offline = RECORD(struct define_offline, offline_fields);
