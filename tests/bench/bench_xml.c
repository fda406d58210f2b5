/* SPDX-License-Identifier: MIT
 *
 * What a backup's document costs the loop: parsed, completed and written again, in microseconds.
 * Usage: bench_xml [disks, default 4]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/xml/backup_xml.h"
#include "tests/support/domain_facts.h"

#define ROUNDS 2000

static char *make_document(int n_disks)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    if (!f)
        abort();
    fprintf(f, "<domainbackup mode='pull'><incremental>cp1</incremental>"
               "<server transport='unix' socket='/run/vmkeep/nbd'/><disks>");
    for (int i = 0; i < n_disks; i++)
        fprintf(f,
                "<disk name='vd%d' type='file'><driver type='qcow2'/>"
                "<scratch file='/nowhere/scratch/vd%d.qcow2'/></disk>",
                i, i);
    fprintf(f, "</disks></domainbackup>");
    fclose(f);
    return text;
}

static struct domain_facts *make_facts(int n_disks)
{
    struct domain_facts *f = xcalloc(1, sizeof(*f));

    for (int i = 0; i < n_disks; i++) {
        char name[16], image[32];

        snprintf(name, sizeof(name), "vd%d", i);
        snprintf(image, sizeof(image), "/nowhere/vd%d", i);
        add_bitmap(add_disk(f, name, image, "qcow2"), "cp1", true, false);
    }
    return f;
}

static void once(const char *xml, const struct domain_facts *f)
{
    CLEANUP(backup_document_freep) struct backup_document *d = NULL;
    CLEANUP_FREE char *text = NULL;
    const struct backup_defaults defaults = {.now = 1525889631};
    struct err err = ERR_INIT;

    if (backup_document_parse(xml, strlen(xml), &d, &err) < 0 ||
        backup_document_complete(d, f, NULL, &defaults, &err) < 0) {
        fprintf(stderr, "bench_xml: %s\n", err.msg);
        exit(1);
    }
    text = backup_document_format(&d->request);
}

int main(int argc, char **argv)
{
    int n_disks = argc > 1 ? atoi(argv[1]) : 4;
    CLEANUP_FREE char *xml = make_document(n_disks);
    CLEANUP(domain_facts_freep) struct domain_facts *f = make_facts(n_disks);
    struct timespec start, end;

    once(xml, f);
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < ROUNDS; i++)
        once(xml, f);
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%.1f\n", ((double)(end.tv_sec - start.tv_sec) * 1e6 +
                      (double)(end.tv_nsec - start.tv_nsec) / 1e3) /
                         ROUNDS);
    return 0;
}
