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

static const char help[] =
    "Usage: vmkeep checkpoint-create-as DOMAIN [NAME [DESCRIPTION]] [--quiesce] [--print-xml]\n"
    "                                   [[--diskspec] DISK[,checkpoint=TYPE][,bitmap=NAME]]...\n"
    "\n"
    "Makes a checkpoint as checkpoint-create does. NAME left out: it is named after the time. Without\n"
    "a DISK it takes in all disks that can be tracked; TYPE is bitmap (the default) or no. In a\n"
    "diskspec a comma that is meant is written twice.\n"
    "\n"
    "  --name NAME, --description TEXT, --domain DOMAIN   the same, by name\n"
    "  --diskspec SPEC   one disk; may be given several times\n"
    "  --quiesce         with the guest's file systems frozen through its agent, or not at all\n"
    "  --print-xml       print the document, and make nothing\n"
    "  --help            print this text and exit\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 bad usage or configuration, 4 no such domain or disk, 5 a job\n"
    "of the domain runs, 6 the daemon cannot be reached.\n"
    "\n"
    "Example:\n"
    "  vmkeep checkpoint-create-as web01 monday --diskspec vda --diskspec vdb,checkpoint=no\n";

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

static int run(const struct arguments *a)
{
    char *xml = NULL;
    int code = make_document(a, &xml);

    if (code == EXIT_DONE && a->print)
        fputs(xml, stdout);
    else if (code == EXIT_DONE)
        code = create(a, xml);
    free(xml);
    return code;
}

int cmd_checkpoint_create_as(int argc, char **argv)
{
    static const struct option options[] = {{"domain", required_argument, NULL, 'D'},
                                            {"name", required_argument, NULL, 'n'},
                                            {"description", required_argument, NULL, 'd'},
                                            {"diskspec", required_argument, NULL, 's'},
                                            {"quiesce", no_argument, NULL, 'q'},
                                            {"print-xml", no_argument, NULL, 'p'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct arguments a = {0};
    int c, code;

    while ((c = cli_option(argc, argv, options)) != -1) {
        if (c == 'h')
            fputs(help, stdout);
        if (c == 'h' || c == '?') {
            strlist_done(&a.disks);
            return c == 'h' ? EXIT_DONE : EXIT_USAGE;
        }
        if (c == 's')
            strlist_add(&a.disks, optarg);
        a.domain = c == 'D' ? optarg : a.domain;
        a.name = c == 'n' ? optarg : a.name;
        a.description = c == 'd' ? optarg : a.description;
        a.quiesce = a.quiesce || c == 'q';
        a.print = a.print || c == 'p';
    }
    a.domain = cli_operand(argc, argv, a.domain);
    a.name = cli_operand(argc, argv, a.name);
    a.description = cli_operand(argc, argv, a.description);
    while (optind < argc)
        strlist_add(&a.disks, argv[optind++]);
    code = a.domain ? run(&a)
                    : cli_usage("checkpoint-create-as",
                                "name a domain (see 'vmkeep checkpoint-create-as --help')");
    strlist_done(&a.disks);
    return code;
}
