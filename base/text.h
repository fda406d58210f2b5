/* SPDX-License-Identifier: MIT
 *
 * text: sizes and durations with units, and the nearest of a set of words.
 */
#ifndef VMKEEP_BASE_TEXT_H
#define VMKEEP_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SIZE_TEXT_MAX 24

/* "10GiB", "512MiB", "4096": a whole number of bytes, KiB, MiB, GiB or TiB. */
int size_parse(const char *s, uint64_t *ret_bytes, struct err *err);

/* "50MiB/s": a size and "/s".  Bytes a second; 0 is one. */
int rate_parse(const char *s, uint64_t *ret, struct err *err);

/* "26h", "90s", "1d12h", "2w": s, m, h, d (24 h), w (7 d); parts add up. Never empty. */
int duration_parse(const char *s, int64_t *ret_seconds, struct err *err);

/* "1.5 GiB": three digits at most; for people. */
const char *size_text(uint64_t bytes, char buf[SIZE_TEXT_MAX]);

/* The word nearest to s (edit distance), or NULL when none is near enough to suggest. */
const char *nearest_word(const char *s, const char *const *words, size_t n);

/* A whole decimal number within the range, all of s. */
bool parse_int(const char *s, int64_t min, int64_t max, int64_t *ret);

/* "1 point", "2 points": what stands behind the noun. */
const char *plural_s(uint64_t n);

/* After a vsnprintf into buf of size bytes that wanted as many as that, and lost the end: lets it
 * end with a whole word and "...".  One that has room left stays as it is. */
void text_cut(char *buf, size_t size);

bool str_eq(const char *a, const char *b); /* NULL equals NULL only */
/* Of a path, for a URI: percent-encodes all but letters, digits and -._~/ . Caller frees. */
char *uri_encode(const char *s);
bool ends_with(const char *s, const char *end);
bool starts_with(const char *s, const char *prefix);

/* A value fit to be quoted in a message: its beginning, when it is long. Returns buf. */
#define TEXT_CLIP 84
const char *text_clip(const char *s, char buf[TEXT_CLIP]);
#define CLIP(s) text_clip((s), (char[TEXT_CLIP]){0})

/* "secret,id=ID,file=FILE", for --object of QEMU's programs, in whose words a comma is written
 * twice.  Caller frees. */
char *secret_object(const char *id, const char *file);

#endif
