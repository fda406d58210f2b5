/* SPDX-License-Identifier: MIT
 *
 * Writes to the disks of a running QEMU in a known order, and checks a restored backup against it.
 *
 *   writer write QMP LOG STOP N DISK...   writes until the file STOP exists or N writes are done
 *   writer check LOG SIZE BASE... -- RESTORED...
 *       raw images before the first write, and as restored: they must be what the disks held after
 *       the same number of writes, all disks alike; prints that number (or several: a write may
 *       change nothing)
 *   writer latency QMP STOP DISK
 *       64 KiB writes until the file STOP exists, one each 2 ms; prints how long they took in ms:
 *       median, 99th of a hundred, longest
 *   writer qmp QMP COMMAND [ARGUMENTS]    one QMP command; prints what it returns
 *   writer ask SOCKET COMMAND             one question to the daemon at its control socket; prints
 *       its answer, a hundred times as fast as the command with the sanitizers does
 *
 * Each write goes through QEMU's own block layer (HMP qemu-io on the attached device), one after
 * another, and is in LOG before it is made.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define DISKS_MAX 8
#define BLOCK 65536
#define LATENCIES_MAX 100000

static void die(const char *what)
{
    fprintf(stderr, "writer: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- QMP ---- */

static FILE *qmp, *from_qmp;

static json_t *reply(void)
{
    char *line = NULL;
    size_t cap = 0;

    for (;;) {
        json_error_t bad;
        json_t *j;

        if (getline(&line, &cap, from_qmp) < 0)
            die("QMP connection lost");
        j = json_loads(line, 0, &bad);
        if (json_object_get(j, "return") || json_object_get(j, "error") ||
            json_object_get(j, "QMP")) {
            free(line);
            return j;
        }
        json_decref(j);
    }
}

static json_t *call(json_t *command)
{
    char *text = json_dumps(command, JSON_COMPACT);

    fprintf(qmp, "%s\r\n", text);
    fflush(qmp);
    free(text);
    json_decref(command);
    return reply();
}

static void connect_to(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
        die(path);
    qmp = fdopen(fd, "w");
    from_qmp = fdopen(dup(fd), "r");
}

static void connect_qmp(const char *path)
{
    connect_to(path);
    json_decref(reply());
    json_decref(call(json_pack("{s:s}", "execute", "qmp_capabilities")));
}

/* Not by jansson: the answer is printed as it came. */
static int ask(const char *path, const char *command)
{
    static const char well[] = "{\"ok\":true,\"result\":";
    char *line = NULL;
    size_t cap = 0;
    ssize_t n, before = (ssize_t)strlen(well);
    bool good;

    connect_to(path);
    fprintf(qmp, "{\"v\":1,\"cmd\":\"%s\",\"args\":{}}\n", command);
    fflush(qmp);
    n = getline(&line, &cap, from_qmp);
    good = n > before + 2 && strncmp(line, well, (size_t)before) == 0;
    if (good)
        printf("%.*s\n", (int)(n - before - 2), line + before);
    else
        fprintf(stderr, "writer: %s: %s\n", command, n > 0 ? line : "no answer");
    free(line);
    return !good;
}

static int one_command(int argc, char **argv)
{
    json_t *args = argc > 4 ? json_loads(argv[4], 0, NULL) : json_object(), *r;
    char *text;
    int failed;

    connect_qmp(argv[2]);
    r = call(json_pack("{s:s, s:o}", "execute", argv[3], "arguments", args));
    text = json_dumps(json_object_get(r, json_object_get(r, "error") ? "error" : "return"),
                      JSON_ENCODE_ANY | JSON_COMPACT);
    puts(text);
    failed = json_object_get(r, "error") != NULL;
    free(text);
    json_decref(r);
    fclose(qmp);
    fclose(from_qmp);
    return failed;
}

/* ---- the sequence of writes ---- */

struct write_op {
    size_t disk;
    uint64_t offset, len;
    int pattern; /* -1: zeroes */
};

static uint64_t mix(uint64_t z)
{
    z = (z + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static struct write_op nth_write(uint64_t k, size_t disks, uint64_t size)
{
    static const uint64_t lengths[] = {4096, 65536, 200 * 1024, 512};
    struct write_op w = {.disk = k % disks,
                         .len = lengths[mix(k * 4) % 4],
                         .pattern = mix(k * 4 + 1) % 8 == 0 ? -1 : (int)(mix(k * 4 + 2) % 255 + 1)};

    w.offset = mix(k * 4 + 3) % ((size - w.len) / 512) * 512;
    return w;
}

static uint64_t disk_size(const char *disk)
{
    json_t *r = call(json_pack("{s:s}", "execute", "query-block")),
           *list = json_object_get(r, "return");
    uint64_t size = 0;
    json_t *b;
    size_t i;

    json_array_foreach(list, i, b) {
        const char *qdev = json_string_value(json_object_get(b, "qdev"));

        if (qdev && strstr(qdev, disk))
            size = (uint64_t)json_integer_value(json_object_get(
                json_object_get(json_object_get(b, "inserted"), "image"), "virtual-size"));
    }
    json_decref(r);
    if (!size)
        die(disk);
    return size;
}

static void qemu_io(const char *disk, const char *command)
{
    char line[256];
    json_t *r;

    snprintf(line, sizeof(line), "qemu-io -d /machine/peripheral/%s/virtio-backend \"%s\"", disk,
             command);
    r = call(json_pack("{s:s, s:{s:s}}", "execute", "human-monitor-command", "arguments",
                       "command-line", line));
    if (json_string_length(json_object_get(r, "return")) > 0 || !json_object_get(r, "return")) {
        fprintf(stderr, "writer: %s: %s\n", line, json_dumps(r, 0));
        exit(1);
    }
    json_decref(r);
}

static void do_write(const char *disk, const struct write_op *w)
{
    char command[128], what[32] = "-z";

    if (w->pattern >= 0)
        snprintf(what, sizeof(what), "-P %d", w->pattern);
    snprintf(command, sizeof(command), "write %s %llu %llu", what, (unsigned long long)w->offset,
             (unsigned long long)w->len);
    qemu_io(disk, command);
}

static int write_on(int argc, char **argv)
{
    size_t disks = (size_t)argc - 6;
    uint64_t limit = strtoull(argv[5], NULL, 10), k = 0, size;
    FILE *log = fopen(argv[3], "a+");
    char line[64];

    if (!log)
        die(argv[3]);
    rewind(log);
    while (fgets(line, sizeof(line), log))
        k++;
    connect_qmp(argv[2]);
    size = disk_size(argv[6]);
    for (uint64_t n = 0; n < limit && access(argv[4], F_OK) != 0; n++, k++) {
        struct write_op w = nth_write(k, disks, size);

        fprintf(log, "%llu\n", (unsigned long long)k);
        fflush(log);
        do_write(argv[6 + w.disk], &w);
    }
    for (size_t i = 0; i < disks; i++) /* a QEMU that is killed may lose what was not flushed */
        qemu_io(argv[6 + i], "flush");
    printf("%llu\n", (unsigned long long)k);
    fclose(log);
    fclose(qmp);
    fclose(from_qmp);
    return 0;
}

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static int latency(char **argv)
{
    static double took[LATENCIES_MAX];
    uint64_t size, n = 0;

    connect_qmp(argv[2]);
    size = disk_size(argv[4]);
    while (n < LATENCIES_MAX && (n == 0 || access(argv[3], F_OK) != 0)) {
        struct write_op w = {.offset = mix(n) % (size / BLOCK) * BLOCK, .len = BLOCK, .pattern = 9};
        double start = now_ms();

        do_write(argv[4], &w);
        took[n++] = now_ms() - start;
        usleep(2000);
    }
    qsort(took, n, sizeof(took[0]), by_size);
    printf("%.1f %.1f %.1f\n", took[n / 2], took[n * 99 / 100], took[n - 1]);
    fclose(qmp);
    fclose(from_qmp);
    return 0;
}

static unsigned char *map(const char *path, uint64_t size, int writable)
{
    int fd = open(path, O_RDONLY);
    struct stat st;
    unsigned char *p;

    if (fd < 0 || fstat(fd, &st) < 0)
        die(path);
    if ((uint64_t)st.st_size != size) {
        fprintf(stderr, "writer: %s has %lld bytes, want %llu\n", path, (long long)st.st_size,
                (unsigned long long)size);
        exit(1);
    }
    p = mmap(NULL, size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        die(path);
    close(fd);
    return p;
}

static int check(int argc, char **argv)
{
    uint64_t size = strtoull(argv[3], NULL, 10), writes = 0;
    size_t disks = ((size_t)argc - 5) / 2;
    unsigned char *now[DISKS_MAX], *want[DISKS_MAX];
    FILE *log = fopen(argv[2], "r");
    unsigned found = 0;
    char line[64];

    if (!log)
        die(argv[2]);
    while (fgets(line, sizeof(line), log))
        writes++;
    for (size_t i = 0; i < disks; i++) {
        now[i] = map(argv[4 + i], size, 1);
        want[i] = map(argv[5 + disks + i], size, 0);
    }
    fclose(log);
    for (uint64_t k = 0; k <= writes; k++) {
        struct write_op w = nth_write(k, disks, size);
        size_t same = 0;

        while (same < disks && memcmp(now[same], want[same], size) == 0)
            same++;
        if (same == disks)
            printf(found++ ? " %llu" : "%llu", (unsigned long long)k);
        else if (found)
            break;
        memset(now[w.disk] + w.offset, w.pattern < 0 ? 0 : w.pattern, w.len);
    }
    if (found) {
        putchar('\n');
        return 0;
    }
    fprintf(stderr, "writer: the restored disks are at no point of the %llu writes\n",
            (unsigned long long)writes);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc > 6 && strcmp(argv[1], "write") == 0)
        return write_on(argc, argv);
    if (argc == 5 && strcmp(argv[1], "latency") == 0)
        return latency(argv);
    if (argc > 6 && strcmp(argv[1], "check") == 0)
        return check(argc, argv);
    if (argc > 3 && strcmp(argv[1], "qmp") == 0)
        return one_command(argc, argv);
    if (argc == 4 && strcmp(argv[1], "ask") == 0)
        return ask(argv[2], argv[3]);
    fputs("usage: see the source\n", stderr);
    return 2;
}
