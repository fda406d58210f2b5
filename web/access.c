/* SPDX-License-Identifier: MIT */
#include "web/access.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/secret.h"

#define TOKEN_MIN 16 /* nobody is kept from guessing, so there has to be enough to guess */
#define CERTIFICATE_MAX ((size_t)256 << 10)

int access_read(const struct config_web_access *files, struct access *ret, struct err *err)
{
    struct access a = {0};
    size_t len;

    if (secret_read(files->token, &a.token, err) < 0 || secret_read(files->key, &a.key, err) < 0 ||
        read_file(files->certificate, CERTIFICATE_MAX, &a.certificate, &len, err) < 0) {
        access_done(&a);
        return err_wrap(err, "web_access");
    }
    if (strlen(a.token) < TOKEN_MIN || a.token[strcspn(a.token, " \t\r\n")] != '\0') {
        access_done(&a);
        return err_set(err, ERR_INVALID,
                       "web_access: %s: a token is a word of %d characters at least, such as "
                       "`openssl rand -hex 32` makes",
                       files->token, TOKEN_MIN);
    }
    *ret = a;
    return 0;
}

void access_done(struct access *a)
{
    free(a->token);
    free(a->certificate);
    free(a->key);
    *a = (struct access){0};
}

bool access_matches(const struct access *a, const char *shown)
{
    size_t len = strlen(a->token), n = strlen(shown);
    volatile unsigned char differs = n != len;

    for (size_t i = 0; i < n; i++)
        differs = differs | ((unsigned char)shown[i] ^ (unsigned char)a->token[i % len]);
    return differs == 0;
}
