/* SPDX-License-Identifier: MIT */
#include "storage/store/store_records.h"

#include "base/cleanup.h"

static const char *const levels[] = {"full", "incremental", NULL};
static const char *const modes[] = {"push", "pull", NULL};
static const char *const compressions[] = {"off", "zlib", "zstd", NULL};
static const char *const states[] = {"good", "damaged", "missing", "deleting", NULL};
static const char *const made_words[] = {"nothing", "partial", "point", NULL};
static const char *const whose_words[] = {"ours", "former", "stray", NULL};
static const char *const owned_kinds[] = {"file", "image", "tree", NULL};

static const char *const proof_states[] = {"whole",   "unproven", "unread",
                                           "missing", "damaged",  NULL};

/* ---- points ---- */

static const struct field origin_fields[] = {
    FIELD(struct disk_origin, image, TEXT),
    FIELD(struct disk_origin, identity, TEXT),
    FIELD(struct disk_origin, device, TEXT),
    FIELD(struct disk_origin, bitmap, TEXT),
};
static const struct record disk_origin = RECORD(struct disk_origin, origin_fields);

static const struct field disk_fields[] = {
    FIELD(struct point_disk, name, TEXT, .required = true),
    FIELD(struct point_disk, path, TEXT, .required = true),
    FIELD(struct point_disk, format, TEXT, .required = true),
    FIELD(struct point_disk, backing, TEXT),
    FIELD(struct point_disk, capacity, UINT64),
    FIELD(struct point_disk, bytes, UINT64),
    FIELD(struct point_disk, length, UINT64),
    FIELD(struct point_disk, digest, TEXT),
    FIELD(struct point_disk, compress, WORD, .words = compressions),
    FIELD(struct point_disk, encrypted, BOOL),
    FIELD(struct point_disk, why_not, TEXT),
    FIELD(struct point_disk, content, TEXT),
    FIELD(struct point_disk, origin, RECORD, .of = &disk_origin),
};
static const struct record disk = RECORD(struct point_disk, disk_fields);

static const struct field left_out_fields[] = {
    FIELD(struct left_out, name, TEXT, .required = true),
    FIELD(struct left_out, why, TEXT, .required = true),
};
static const struct record left_out = RECORD(struct left_out, left_out_fields);

static const struct field pin_fields[] = {
    FIELD(struct point_pin, since, INT64),
    FIELD(struct point_pin, until, INT64),
    FIELD(struct point_pin, note, TEXT),
};
static const struct record point_pin = RECORD(struct point_pin, pin_fields);

static const struct field point_fields[] = {
    FIELD(struct point, id, TEXT, .required = true),
    FIELD(struct point, host, TEXT, .required = true),
    FIELD(struct point, domain, TEXT, .required = true),
    FIELD(struct point, policy, TEXT, .required = true),
    FIELD(struct point, repository, TEXT),
    FIELD(struct point, repository_id, TEXT),
    FIELD(struct point, level, WORD, .words = levels),
    FIELD(struct point, parent, TEXT),
    FIELD(struct point, created, INT64),
    FIELD(struct point, checkpoint, TEXT),
    FIELD(struct point, mode, WORD, .words = modes),
    FIELD(struct point, state, WORD, .words = states),
    FIELD(struct point, problem, TEXT),
    FIELD(struct point, damage, TEXT),
    FIELD(struct point, job, INT64),
    FIELD(struct point, catalog, TEXT),
    FIELD(struct point, copy_of, TEXT),
    FIELD(struct point, quiesced, BOOL),
    FIELD(struct point, set_aside, BOOL),
    FIELD(struct point, why, TEXT),
    FIELD(struct point, keep, TEXT),
    FIELD(struct point, pin, RECORD, .of = &point_pin),
    FIELD(struct point, disks, LIST, .of = &disk),
    FIELD(struct point, missing, TEXTS),
    FIELD(struct point, left_out, LIST, .of = &left_out),
};
const struct record store_answer_publish = RECORD(struct point, point_fields);

/* What a survey has to know of a point. */
static const struct field known_disk_fields[] = {
    FIELD(struct point_disk, name, TEXT, .required = true),
    FIELD(struct point_disk, path, TEXT, .required = true),
    FIELD(struct point_disk, backing, TEXT),
    FIELD(struct point_disk, length, UINT64),
};
static const struct record known_disk = RECORD(struct point_disk, known_disk_fields);

static const struct field known_fields[] = {
    FIELD(struct point, id, TEXT, .required = true),
    FIELD(struct point, state, WORD, .words = states),
    FIELD(struct point, disks, LIST, .of = &known_disk),
};
static const struct record known_point = RECORD(struct point, known_fields);

/* ---- what else a request has ---- */

static const struct field owner_fields[] = {
    FIELD(struct owner, catalog, TEXT, .required = true),
    FIELD(struct owner, machine, TEXT, .required = true),
    FIELD(struct owner, machine_id, TEXT),
    FIELD(struct owner, catalog_path, TEXT, .required = true),
    FIELD(struct owner, since, INT64),
    FIELD(struct owner, used, INT64),
};
static const struct record owner = RECORD(struct owner, owner_fields);

/* Of a directory, which may have none. */
static const struct field some_owner_fields[] = {
    FIELD(struct owner, catalog, TEXT),    FIELD(struct owner, machine, TEXT),
    FIELD(struct owner, machine_id, TEXT), FIELD(struct owner, catalog_path, TEXT),
    FIELD(struct owner, since, INT64),     FIELD(struct owner, used, INT64),
};
static const struct record some_owner = RECORD(struct owner, some_owner_fields);

static const struct field owned_fields[] = {
    FIELD(struct owned, kind, WORD, .words = owned_kinds),
    FIELD(struct owned, path, TEXT, .required = true),
    FIELD(struct owned, whose, TEXT, .required = true),
};
const struct record store_record_owned = RECORD(struct owned, owned_fields);

static const struct field scratch_fields[] = {
    FIELD(struct store_scratch, dir, TEXT),
    FIELD(struct store_scratch, tag, TEXT),
    FIELD(struct store_scratch, owned, LIST, .pointer = true, .of = &store_record_owned),
};
static const struct record scratch = RECORD(struct store_scratch, scratch_fields);

static const struct field definition_file_fields[] = {
    FIELD(struct definition_file, name, TEXT),  FIELD(struct definition_file, text, TEXT),
    FIELD(struct definition_file, from, TEXT),  FIELD(struct definition_file, what, TEXT),
    FIELD(struct definition_file, lacks, TEXT),
};
static const struct record definition_file = RECORD(struct definition_file, definition_file_fields);

static const struct field point_origin_fields[] = {
    FIELD(struct point_origin, definitions, LIST, .pointer = true, .of = &definition_file),
    FIELD(struct point_origin, uid, UINT32),
    FIELD(struct point_origin, gid, UINT32),
};
static const struct record point_origin = RECORD(struct point_origin, point_origin_fields);

static const struct field scope_fields[] = {
    FIELD(struct survey_scope, host, TEXT),
    FIELD(struct survey_scope, domain, TEXT),
    FIELD(struct survey_scope, glance_ms, INT64),
    FIELD(struct survey_scope, known, LIST, .required = true, .pointer = true, .of = &known_point),
};
static const struct record scope = RECORD(struct survey_scope, scope_fields);

static const struct field asker_fields[] = {
    FIELD(struct unknown_asker, id, TEXT, .required = true),
    FIELD(struct unknown_asker, path, TEXT, .required = true),
};
static const struct record asker = RECORD(struct unknown_asker, asker_fields);

static const struct field catalog_fields[] = {
    FIELD(struct store_catalog, copy, TEXT, .required = true),
    FIELD(struct store_catalog, id, TEXT, .required = true),
    FIELD(struct store_catalog, last_job, INT64),
};
static const struct record catalog = RECORD(struct store_catalog, catalog_fields);

/* ---- the requests ---- */

#define WHERE                                                                                      \
    FIELD(struct store_request, repository, TEXT, .required = true),                               \
        FIELD(struct store_request, id, TEXT), FIELD(struct store_request, secret, TEXT),          \
        FIELD(struct store_request, key, TEXT)
#define WHO                                                                                        \
    FIELD(struct store_request, self, RECORD, .required = true, .pointer = true, .of = &owner),    \
        FIELD(struct store_request, now, INT64, .required = true)
#define PLAN                                                                                       \
    FIELD(struct store_request, plan, RECORD, .required = true, .pointer = true,                   \
          .of = &store_answer_publish)
#define SCRATCH FIELD(struct store_request, scratch, RECORD, .pointer = true, .of = &scratch)
#define POINT FIELD(struct store_request, point, TEXT, .required = true)

static const struct field probe_fields[] = {
    WHERE,
    FIELD(struct store_request, may_begin, BOOL),
    FIELD(struct store_request, may_be_empty, BOOL),
    FIELD(struct store_request, scratch_dir, TEXT),
};
const struct record store_request_probe = RECORD(struct store_request, probe_fields);

static const struct field space_request_fields[] = {
    FIELD(struct store_request, scratch_dir, TEXT, .required = true),
};
const struct record store_request_space = RECORD(struct store_request, space_request_fields);

static const struct field survey_fields[] = {
    WHERE,
    FIELD(struct store_request, scope, RECORD, .required = true, .pointer = true, .of = &scope),
};
const struct record store_request_survey = RECORD(struct store_request, survey_fields);

static const struct field examine_fields[] = {
    WHERE,
    FIELD(struct store_request, asker, RECORD, .required = true, .pointer = true, .of = &asker),
    FIELD(struct store_request, points, TEXTS, .required = true, .pointer = true),
};
const struct record store_request_examine = RECORD(struct store_request, examine_fields);

static const struct field keep_catalog_fields[] = {
    WHERE,
    FIELD(struct store_request, catalog, RECORD, .required = true, .pointer = true, .of = &catalog),
};
const struct record store_request_keep_catalog = RECORD(struct store_request, keep_catalog_fields);

static const struct field check_chain_fields[] = {WHERE, POINT};
const struct record store_request_check_chain = RECORD(struct store_request, check_chain_fields);

static const struct field prepare_fields[] = {
    WHERE,
    WHO,
    PLAN,
    SCRATCH,
    FIELD(struct store_request, origin, RECORD, .pointer = true, .of = &point_origin),
};
const struct record store_request_prepare = RECORD(struct store_request, prepare_fields);

static const struct field publish_fields[] = {
    WHERE,
    WHO,
    PLAN,
    SCRATCH,
    FIELD(struct store_request, compress, WORD, .words = compressions),
    FIELD(struct store_request, reserve, UINT64),
};
const struct record store_request_publish = RECORD(struct store_request, publish_fields);

static const struct field discard_fields[] = {
    WHERE, WHO, PLAN, SCRATCH, FIELD(struct store_request, made, WORD, .words = made_words),
};
const struct record store_request_discard = RECORD(struct store_request, discard_fields);

static const struct field remove_fields[] = {WHERE, WHO, POINT};
const struct record store_request_remove = RECORD(struct store_request, remove_fields);

static const struct field pin_request_fields[] = {
    WHERE,
    WHO,
    POINT,
    FIELD(struct store_request, pin, RECORD, .pointer = true, .of = &point_pin),
};
const struct record store_request_pin = RECORD(struct store_request, pin_request_fields);

static const struct field merge_fields[] = {
    WHERE,
    WHO,
    POINT,
    FIELD(struct store_request, into, TEXT, .required = true),
    FIELD(struct store_request, reserve, UINT64),
    FIELD(struct store_request, into_reserve, BOOL),
};
const struct record store_request_merge = RECORD(struct store_request, merge_fields);

static const struct field sample_fields[] = {
    FIELD(struct sample, slice, UINT32),
    FIELD(struct sample, slices, UINT32),
    FIELD(struct sample, from, UINT64),
    FIELD(struct sample, to, UINT64),
};
static const struct record sample = RECORD(struct sample, sample_fields);

static const struct field prove_fields[] = {
    WHERE,
    POINT,
    FIELD(struct store_request, disk, TEXT, .required = true),
    FIELD(struct store_request, sample, RECORD, .of = &sample),
    FIELD(struct store_request, bandwidth, UINT64),
};
const struct record store_request_prove = RECORD(struct store_request, prove_fields);

static const struct field bring_fields[] = {
    WHERE,
    PLAN,
    FIELD(struct store_request, from, TEXT, .required = true),
    FIELD(struct store_request, from_id, TEXT),
    FIELD(struct store_request, from_secret, TEXT),
    FIELD(struct store_request, from_key, TEXT),
    FIELD(struct store_request, bandwidth, UINT64),
    FIELD(struct store_request, reserve, UINT64),
};
const struct record store_request_bring = RECORD(struct store_request, bring_fields);

static const struct field view_request_fields[] = {
    FIELD(struct store_request, repository, TEXT, .required = true),
};
const struct record store_request_view = RECORD(struct store_request, view_request_fields);

const struct record store_request_scratch = RECORD(struct store_request, space_request_fields);

/* ---- the answers ---- */

static const struct field space_fields[] = {
    FIELD(struct store_space, free, UINT64),
    FIELD(struct store_space, total, UINT64),
    FIELD(struct store_space, scratch, UINT64),
    FIELD(struct store_space, id, CHARS, .size = REPOSITORY_ID_MAX),
    FIELD(struct store_space, read_only, BOOL),
    FIELD(struct store_space, remote, CHARS, .size = sizeof(((struct store_space *)0)->remote)),
};
const struct record store_answer_probe = RECORD(struct store_space, space_fields);

static const struct field range_fields[] = {
    FIELD(struct content_range, offset, UINT64),
    FIELD(struct content_range, length, UINT64),
};
static const struct record range = RECORD(struct content_range, range_fields);

static const struct field proof_disk_fields[] = {
    FIELD(struct proof_disk, name, TEXT, .required = true),
    FIELD(struct proof_disk, state, WORD, .words = proof_states),
    FIELD(struct proof_disk, problem, TEXT),
    FIELD(struct proof_disk, bad_point, TEXT),
    FIELD(struct proof_disk, bytes, UINT64),
    FIELD(struct proof_disk, all, BOOL),
    FIELD(struct proof_disk, ranges, LIST, .of = &range),
    FIELD(struct proof_disk, saved, TEXT),
};
static const struct record proof_disk = RECORD(struct proof_disk, proof_disk_fields);

static const struct field proof_fields[] = {
    FIELD(struct proof, state, WORD, .words = proof_states),
    FIELD(struct proof, problem, TEXT),
    FIELD(struct proof, bad_point, TEXT),
    FIELD(struct proof, disks, LIST, .of = &proof_disk),
};
const struct record store_answer_prove = RECORD(struct proof, proof_fields);

static const struct field loss_fields[] = {
    FIELD(struct survey_loss, id, TEXT, .required = true),
    FIELD(struct survey_loss, state, WORD, .words = states),
    FIELD(struct survey_loss, problem, TEXT, .required = true),
};
static const struct record loss = RECORD(struct survey_loss, loss_fields);

static const struct field found_fields[] = {
    FIELD(struct survey, free, UINT64),
    FIELD(struct survey, total, UINT64),
    FIELD(struct survey, losses, LIST, .of = &loss),
    FIELD(struct survey, unknown, TEXTS),
    FIELD(struct survey, unfinished, TEXTS),
    FIELD(struct survey, merging, TEXTS),
    FIELD(struct survey, merged, LIST, .of = &store_answer_publish),
};
const struct record store_answer_survey = RECORD(struct survey, found_fields);

static const struct field unknown_point_fields[] = {
    FIELD(struct unknown_point, whose, WORD, .words = whose_words),
    FIELD(struct unknown_point, id, TEXT, .required = true),
    FIELD(struct unknown_point, catalog, TEXT),
    FIELD(struct unknown_point, checkpoint, TEXT),
};
static const struct record unknown_point = RECORD(struct unknown_point, unknown_point_fields);

static const struct field unknown_fields[] = {
    FIELD(struct unknown, points, LIST, .of = &unknown_point),
    FIELD(struct unknown, last_job, INT64),
};
const struct record store_answer_examine = RECORD(struct unknown, unknown_fields);

static const struct field domain_fields[] = {
    FIELD(struct repository_domain, name, TEXT, .required = true),
    FIELD(struct repository_domain, owned, BOOL),
    FIELD(struct repository_domain, owner, RECORD, .of = &some_owner),
    FIELD(struct repository_domain, problem, TEXT),
    FIELD(struct repository_domain, points, UINT64),
    FIELD(struct repository_domain, active, INT64),
};
static const struct record domain = RECORD(struct repository_domain, domain_fields);

static const struct field view_fields[] = {
    FIELD(struct repository_view, is_new, BOOL),
    FIELD(struct repository_view, id, CHARS, .size = REPOSITORY_ID_MAX),
    FIELD(struct repository_view, free, UINT64),
    FIELD(struct repository_view, total, UINT64),
    FIELD(struct repository_view, domains, LIST, .of = &domain),
    FIELD(struct repository_view, points, LIST, .of = &store_answer_publish),
    FIELD(struct repository_view, damaged, TEXTS),
};
const struct record store_answer_view = RECORD(struct repository_view, view_fields);

static const struct field scratch_look_fields[] = {
    FIELD(struct scratch_look, there, TEXT),
    FIELD(struct scratch_look, problem, TEXT),
    FIELD(struct scratch_look, unfit, TEXT),
    FIELD(struct scratch_look, free, UINT64),
};
const struct record store_answer_scratch = RECORD(struct scratch_look, scratch_look_fields);
