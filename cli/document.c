/* SPDX-License-Identifier: MIT */
#include "cli/document.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"

#define DOCUMENT_MAX_BYTES ((size_t)256 * 1024)
#define ANSWER_S 180

static int read_stdin(char **ret, struct err *err)
{
    char *text = xcalloc(DOCUMENT_MAX_BYTES + 1, 1);
    size_t len = 0;

    for (;;) {
        ssize_t n = read(STDIN_FILENO, text + len, DOCUMENT_MAX_BYTES + 1 - len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || len + (size_t)n > DOCUMENT_MAX_BYTES) {
            if (n == 0) {
                text[len] = '\0';
                *ret = text;
                return 0;
            }
            free(text);
            return n < 0 ? err_errno(err, errno, "standard input")
                         : err_set(err, ERR_INVALID, "standard input: larger than %zu bytes",
                                   DOCUMENT_MAX_BYTES);
        }
        len += (size_t)n;
    }
}

int document_add(json_t *args, const char *key, const char *path)
{
    CLEANUP_FREE char *text = NULL;
    struct err err = ERR_INIT;
    size_t len = 0;
    json_t *value;
    int rc;

    if (strcmp(path, "-") == 0)
        rc = read_stdin(&text, &err);
    else
        rc = read_file(path, DOCUMENT_MAX_BYTES, &text, &len, &err);
    if (rc < 0)
        return cli_fail(NULL, &err);
    value = json_string(text);
    if (!value || (strcmp(path, "-") != 0 && strlen(text) != len)) {
        json_decref(value);
        err_set(&err, ERR_INVALID, "%s: it is not UTF-8 text", path);
        return cli_fail(NULL, &err);
    }
    json_object_set_new(args, key, value);
    return EXIT_DONE;
}

/* The daemon knows which document it was, the user which file. */
static void name_file(struct err *err, const char *what, const char *path)
{
    struct err named = {.code = err->code, .sys = err->sys};

    if (!path || !starts_with(err->msg, what))
        return;
    snprintf(named.msg, sizeof(named.msg), "%s%s", strcmp(path, "-") == 0 ? "standard input" : path,
             err->msg + strlen(what));
    *err = named;
}

int document_ask(const struct config *config, const struct client_request *r,
                 const struct document_names *names, json_t **ret)
{
    struct err err = ERR_INIT;
    bool reached;

    if (client_ask(config, r, ANSWER_S, ret, &reached, &err) == 0)
        return EXIT_DONE;
    name_file(&err, "backup XML", names->backup);
    name_file(&err, "checkpoint XML", names->checkpoint);
    return client_failed(&err, reached);
}
