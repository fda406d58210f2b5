/* SPDX-License-Identifier: MIT
 *
 * vmkeep checkpoint-create-as: a checkpoint from arguments, without a document.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "cli/document.h"
#include "report/table.h"

struct arguments {
    const char *domain, *name, *description;
    struct strlist disks;
    bool quiesce, print;
};

static void put_escaped(FILE *f, const char *s)
{
    for (; *s; s++) {
        switch (*s) {
        case '&':
            fputs("&amp;", f);
            break;
        case '<':
            fputs("&lt;", f);
            break;
        case '>':
            fputs("&gt;", f);
            break;
        case '\'':
            fputs("&apos;", f);
            break;
        default:
            fputc(*s, f);
        }
    }
}

static void put_element(FILE *f, const char *name, const char *text)
{
    if (!text)
        return;
    fprintf(f, "  <%s>", name);
    put_escaped(f, text);
    fprintf(f, "</%s>\n", name);
}

/* The next part of a diskspec, up to a single comma; *s: what follows, or NULL. Caller frees. */
static char *next_part(const char **s)
{
    char *part = xcalloc(strlen(*s) + 1, 1), *to = part;
    const char *from = *s;

    for (; *from; from++) {
        if (*from == ',' && from[1] != ',')
            break;
        *to++ = *from;
        from += *from == ',';
    }
    *s = *from ? from + 1 : NULL;
    return part;
}

/* 0, or an exit code. */
static int put_disk(FILE *f, const char *spec)
{
    const char *rest = spec;
    char *part = next_part(&rest);
    int code = EXIT_DONE;

    fputs("    <disk name='", f);
    put_escaped(f, part);
    fputc('\'', f);
    while (rest && code == EXIT_DONE) {
        const char *value;

        free(part);
        part = next_part(&rest);
        value = strchr(part, '=');
        if (!starts_with(part, "checkpoint=") && !starts_with(part, "bitmap=")) {
            code = cli_usage("checkpoint-create-as",
                             "--diskspec %s: '%s' is neither checkpoint= nor "
                             "bitmap=",
                             spec, part);
            break;
        }
        fprintf(f, " %.*s='", (int)(value - part), part);
        put_escaped(f, value + 1);
        fputc('\'', f);
    }
    fputs("/>\n", f);
    free(part);
    return code;
}

/* *ret: caller frees. */
static int make_document(const struct arguments *a, char **ret)
{
    size_t len = 0;
    FILE *f = open_memstream(ret, &len);
    int code = EXIT_DONE;

    if (!f)
        abort();
    fputs("<domaincheckpoint>\n", f);
    put_element(f, "name", a->name);
    put_element(f, "description", a->description);
    if (a->disks.n)
        fputs("  <disks>\n", f);
    for (size_t i = 0; i < a->disks.n && code == EXIT_DONE; i++)
        code = put_disk(f, a->disks.items[i]);
    if (a->disks.n)
        fputs("  </disks>\n", f);
    fputs("</domaincheckpoint>\n", f);
    fclose(f);
    return code;
}

static int create(const struct arguments *a, const char *xml)
{
    const struct document_names names = {0};
    json_t *args =
        json_pack("{s:s, s:s, s:b}", "domain", a->domain, "xml", xml, "quiesce", a->quiesce);
    const struct client_request request = {.cmd = "checkpoint-create", .args = args};
    struct config *config = NULL;
    json_t *result = NULL;
    int code = args ? cli_load_config(&config)
                    : cli_usage("checkpoint-create-as", "an argument is not UTF-8");

    if (code == EXIT_DONE)
        code = document_ask(config, &request, &names, &result);
    else
        json_decref(args);
    if (code == EXIT_DONE) {
        const char *name = json_string_value(json_object_get(result, "name"));

        fputs("Domain checkpoint ", stdout);
        print_plain(name ? name : "", stdout);
        puts(" created");
    }
    json_decref(result);
    config_free(config);
    return code;
}

static int run(void *arguments)
{
    const struct arguments *a = arguments;
    char *xml = NULL;
    int code = make_document(a, &xml);

    if (code == EXIT_DONE && a->print)
        fputs(xml, stdout);
    else if (code == EXIT_DONE)
        code = create(a, xml);
    free(xml);
    return code;
}

const struct command cmd_checkpoint_create_as = {
    .name = "checkpoint-create-as",
    .summary = "make a checkpoint from arguments",
    .about =
        (const char *const[]){
            "Makes a checkpoint as checkpoint-create does, without a document. NAME left out: it "
            "is named after the time. A DISKSPEC is DISK[,checkpoint=TYPE][,bitmap=NAME]; TYPE is "
            "bitmap (the default) or no, and a comma that is meant is written twice. Without one "
            "it takes in all disks that can be tracked.",
            NULL},
    .operands =
        (const struct command_operand[]){
            DOMAIN_OPERAND,
            {OPERAND("NAME", name), .by_name = "name", .optional = true},
            {OPERAND("DESCRIPTION", description), .by_name = "description", .optional = true},
            {OPERANDS("DISKSPEC", disks), .by_name = "diskspec",
             .same = "the same, by name; may be given several times", .optional = true},
            {0}},
    .options =
        (const struct command_option[]){
            {FLAG("quiesce", quiesce,
                  "with the guest's file systems frozen through its agent, or not at all")},
            {FLAG("print-xml", print, "print the document, and make nothing")},
            {0}},
    .wants = "name a domain",
    .exits = (const struct command_exit[]){{EXIT_DONE, "done"},
                                           {EXIT_FAILED, "failed"},
                                           {EXIT_USAGE, "bad usage or configuration"},
                                           {EXIT_NOT_FOUND, "no such domain or disk"},
                                           {EXIT_BUSY, "a job of the domain runs"},
                                           {EXIT_NO_DAEMON, "the daemon cannot be reached"},
                                           {0}},
    .examples =
        (const char *const[]){
            "vmkeep checkpoint-create-as web01 monday --diskspec vdb,checkpoint=no", NULL},
    ARGUMENTS,
    .run = run,
};
