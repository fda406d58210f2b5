/* SPDX-License-Identifier: MIT */
#include "engine/libvirt/wire.h"

#include "base/cleanup.h"

/* ---- requests ---- */

#define Q(member, kind, ...) FIELD(struct libvirt_request, member, kind, __VA_ARGS__)
#define ON_A_DOMAIN Q(domain, TEXT, .required = true), Q(uuid, TEXT)

static const struct field domain_fields[] = {ON_A_DOMAIN};
const struct record libvirt_request_domain = RECORD(struct libvirt_request, domain_fields);

static const struct field domains_fields[] = {Q(brief, BOOL)};
const struct record libvirt_request_domains = RECORD(struct libvirt_request, domains_fields);

static const struct field xml_fields[] = {ON_A_DOMAIN, Q(secure, BOOL), Q(inactive, BOOL)};
const struct record libvirt_request_xml = RECORD(struct libvirt_request, xml_fields);

static const struct field begin_fields[] = {
    ON_A_DOMAIN,
    Q(backup, TEXT, .required = true),
    Q(checkpoint, TEXT),
    Q(reuse, BOOL),
};
const struct record libvirt_request_begin = RECORD(struct libvirt_request, begin_fields);

static const struct field job_fields[] = {ON_A_DOMAIN, Q(completed, BOOL), Q(keep, BOOL)};
const struct record libvirt_request_job = RECORD(struct libvirt_request, job_fields);

static const struct field disk_fields[] = {
    ON_A_DOMAIN,
    Q(disk, TEXT, .required = true),
    Q(bytes, UINT64),
};
const struct record libvirt_request_disk = RECORD(struct libvirt_request, disk_fields);

static const struct field checkpoints_fields[] = {ON_A_DOMAIN, Q(size, BOOL)};
const struct record libvirt_request_checkpoints =
    RECORD(struct libvirt_request, checkpoints_fields);

static const struct field create_fields[] = {
    ON_A_DOMAIN,
    Q(checkpoint, TEXT, .required = true),
    Q(redefine, BOOL),
    Q(validate, BOOL),
};
const struct record libvirt_request_checkpoint_create =
    RECORD(struct libvirt_request, create_fields);

static const struct field delete_fields[] = {
    ON_A_DOMAIN,
    Q(checkpoint, TEXT, .required = true),
    Q(metadata, BOOL),
    Q(children, BOOL),
    Q(children_only, BOOL),
};
const struct record libvirt_request_checkpoint_delete =
    RECORD(struct libvirt_request, delete_fields);

static const struct field freeze_fields[] = {ON_A_DOMAIN, Q(limit, INT)};
const struct record libvirt_request_freeze = RECORD(struct libvirt_request, freeze_fields);

/* ---- answers ---- */

static const struct field host_answer_fields[] = {
    FIELD(struct libvirt_host_answer, hostname, TEXT),
    FIELD(struct libvirt_host_answer, uri, TEXT),
    FIELD(struct libvirt_host_answer, kind, TEXT),
    FIELD(struct libvirt_host_answer, version, TEXT),
    FIELD(struct libvirt_host_answer, library, TEXT),
    FIELD(struct libvirt_host_answer, secure, BOOL),
};
const struct record libvirt_answer_host = RECORD(struct libvirt_host_answer, host_answer_fields);

static const struct field entry_fields[] = {
    FIELD(struct libvirt_entry, name, TEXT),       FIELD(struct libvirt_entry, uuid, TEXT),
    FIELD(struct libvirt_entry, persistent, BOOL), FIELD(struct libvirt_entry, active, BOOL),
    FIELD(struct libvirt_entry, state, TEXT),      FIELD(struct libvirt_entry, checkpoints, BOOL),
    FIELD(struct libvirt_entry, job, BOOL),
};
static const struct record entry_record = RECORD(struct libvirt_entry, entry_fields);
static const struct field entries_fields[] = {
    FIELD(struct libvirt_entries, domains, LIST, .of = &entry_record)};
const struct record libvirt_answer_domains = RECORD(struct libvirt_entries, entries_fields);

static const struct field block_fields[] = {
    FIELD(struct libvirt_block, name, TEXT),       FIELD(struct libvirt_block, path, TEXT),
    FIELD(struct libvirt_block, capacity, UINT64), FIELD(struct libvirt_block, allocation, UINT64),
    FIELD(struct libvirt_block, physical, UINT64), FIELD(struct libvirt_block, job, TEXT),
};
static const struct record block_record = RECORD(struct libvirt_block, block_fields);

#define D(member, kind, ...) FIELD(struct libvirt_domain_answer, member, kind, __VA_ARGS__)

static const struct field domain_answer_fields[] = {
    D(name, TEXT),       D(uuid, TEXT),
    D(state, TEXT),      D(reason, TEXT),
    D(live, TEXT),       D(inactive, TEXT),
    D(job, TEXT),        D(operation, TEXT),
    D(control, TEXT),    D(control_ms, UINT64),
    D(persistent, BOOL), D(autostart, BOOL),
    D(saved, BOOL),      D(blocks, LIST, .of = &block_record),
    D(no_secrets, TEXT), D(held, BOOL),
};
const struct record libvirt_answer_domain =
    RECORD(struct libvirt_domain_answer, domain_answer_fields);

static const struct field text_fields[] = {FIELD(struct libvirt_text, xml, TEXT)};
const struct record libvirt_answer_xml = RECORD(struct libvirt_text, text_fields);

#define J(member, kind) FIELD(struct libvirt_job_answer, member, kind)

static const struct field job_answer_fields[] = {
    J(state, TEXT),        J(operation, TEXT),    J(success, BOOL), J(text, TEXT),
    J(elapsed_ms, UINT64), J(total, UINT64),      J(done, UINT64),  J(remaining, UINT64),
    J(temp_used, UINT64),  J(temp_total, UINT64), J(stopped, BOOL),
};
const struct record libvirt_answer_job = RECORD(struct libvirt_job_answer, job_answer_fields);

static const struct field checkpoint_fields[] = {
    FIELD(struct libvirt_checkpoint, name, TEXT),
    FIELD(struct libvirt_checkpoint, parent, TEXT),
    FIELD(struct libvirt_checkpoint, xml, TEXT),
    FIELD(struct libvirt_checkpoint, problem, TEXT),
};
static const struct record checkpoint_record = RECORD(struct libvirt_checkpoint, checkpoint_fields);
static const struct field checkpoints_answer_fields[] = {
    FIELD(struct libvirt_checkpoints, checkpoints, LIST, .of = &checkpoint_record)};
const struct record libvirt_answer_checkpoints =
    RECORD(struct libvirt_checkpoints, checkpoints_answer_fields);

static const struct field count_fields[] = {FIELD(struct libvirt_count, filesystems, INT)};
const struct record libvirt_answer_count = RECORD(struct libvirt_count, count_fields);
