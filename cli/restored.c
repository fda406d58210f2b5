/* SPDX-License-Identifier: MIT */
#include "cli/restored.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "report/json.h"
#include "report/table.h"
#include "report/wrap.h"

/* ---- JSON ---- */

static json_t *texts(const struct strlist *l)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(ret, report_json_text(l->items[i]));
    return ret;
}

static json_t *disks(const struct restored *r)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < r->result->disks.n; i++) {
        const struct restored_disk *d = &r->result->disks.items[i];

        json_array_append_new(ret, json_pack("{s:o, s:o, s:s, s:o, s:o, s:o}", "name",
                                             report_json_text(d->name), "path",
                                             report_json_text(d->path), "format", r->format,
                                             "capacity", report_json_number((int64_t)d->capacity),
                                             "bytes", report_json_number((int64_t)d->bytes), "kept",
                                             report_json_number((int64_t)d->kept)));
    }
    return ret;
}

static json_t *defined(const struct restored *r)
{
    if (!r->define->define)
        return json_null();
    return json_pack("{s:o, s:o, s:o, s:b}", "name", report_json_text(r->result->name), "uuid",
                     report_json_text(r->define->uuid), "uri", report_json_text(r->define->where),
                     "started", r->define->start && !r->dry_run);
}

void restored_print_json(const struct restored *r)
{
    const struct restore_result *res = r->result;

    report_json_print(json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "point",
                                report_json_text(res->point.id), "created",
                                report_json_time(res->point.created), "disks", disks(r),
                                "definition", report_json_text(res->definition), "defined",
                                defined(r), "different", texts(&res->notes)),
                      stdout);
}

/* ---- text ---- */

static bool lacks_secrets(const char *definition)
{
    CLEANUP_FREE char *text = NULL;
    struct err ignored = ERR_INIT;

    return read_file(definition, (size_t)1 << 20, &text, NULL, &ignored) == 0 &&
           (strstr(text, "-TO-FILL-IN") || strstr(text, "LEFT-OUT"));
}

static void print_definition(const struct restored *r)
{
    const char *definition = r->result->definition;

    print_paragraphf(stdout, 0, "", "To use them: virsh define %s, then virsh start %s", definition,
                     r->result->name);
    if (str_eq(r->result->name, r->result->point.domain))
        print_paragraphf(
            stdout, 0, "",
            "Where a %s is still defined, libvirt takes no second one: `vmkeep restore "
            "%s --define --name %s-old --to DIR`, with another DIR.",
            r->result->name, r->result->point.id, r->result->name);
}

static void print_script(const char *definition)
{
    print_paragraphf(stdout, 0, "",
                     "To start it on these disks, without a network: %s -display gtk", definition);
    puts("It says at its beginning what is different from what ran.");
    if (lacks_secrets(definition))
        print_paragraph(stdout, 0, "",
                        "Secrets are not kept in points: fill in what it has as PATH-TO-FILL-IN, "
                        "ID-TO-FILL-IN or LEFT-OUT.");
}

static void print_use(const struct restored *r)
{
    const struct restore_result *res = r->result;

    if (r->define->define)
        print_paragraphf(stdout, 0, "", "Defined as %s (%s) at %s%s.", res->name, r->define->uuid,
                         r->define->where, r->define->start ? ", and started" : "");
    else if (res->definition && res->name)
        print_definition(r);
    else if (res->definition)
        print_script(res->definition);
    else
        puts("To use them, give them to QEMU as drives; each image stands alone.");
    if (r->define->define && r->define->selected)
        print_paragraphf(stdout, 0, "",
                         "%s selects it, too, and will back it up; `unprotected: [\"%s\"]` in the "
                         "configuration leaves it out.",
                         r->define->selected, res->name);
}

static void print_notes(const struct restored *r)
{
    const struct strlist *notes = &r->result->notes;

    if (notes->n)
        puts("Different from what ran:");
    for (size_t i = 0; i < notes->n; i++)
        print_paragraph(stdout, 4, "  ", notes->items[i]);
}

/* Caller frees. */
static char *kept_text(const struct restored_disk *d)
{
    char size[SIZE_TEXT_MAX];

    if (d->kept == 0)
        return xstrdup("");
    if (d->kept == d->capacity)
        return xstrdup("; an interrupted restore had written all of it");
    return xasprintf("; %s of it as an interrupted restore had left it", size_text(d->kept, size));
}

void restored_print_text(const struct restored *r)
{
    const struct restore_result *res = r->result;
    const struct point *p = &res->point;
    char when[TIMEFMT_MAX], capacity[SIZE_TEXT_MAX], bytes[SIZE_TEXT_MAX];

    print_paragraphf(stdout, 2, r->dry_run ? "Would restore " : "Restored ",
                     "%s/%s as it was at %s (%s)", p->host, p->domain, time_local(p->created, when),
                     p->id);
    for (size_t i = 0; i < res->disks.n; i++) {
        const struct restored_disk *d = &res->disks.items[i];

        CLEANUP_FREE char *name = plain_text(d->name);
        CLEANUP_FREE char *label = xasprintf("  %-8s ", name);
        CLEANUP_FREE char *kept = kept_text(d);

        print_paragraphf(stdout, 11, label, "%s  (%s, %s%s on disk%s)", d->path,
                         size_text(d->capacity, capacity), r->dry_run ? "about " : "",
                         size_text(d->bytes, bytes), kept);
    }
    if (res->definition)
        print_paragraph(stdout, 11, "", res->definition);
    if (r->dry_run && r->define->define)
        print_paragraphf(stdout, 0, "", "Would define it as %s at %s%s.", res->name,
                         r->define->where, r->define->start ? ", and start it" : "");
    print_notes(r);
    if (!r->dry_run)
        print_use(r);
}
