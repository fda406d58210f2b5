/* SPDX-License-Identifier: MIT
 *
 * wrap: lines of text that fit.
 */
#ifndef VMKEEP_REPORT_WRAP_H
#define VMKEEP_REPORT_WRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* How many columns a line to out may have: what the environment says (COLUMNS), else what the
 * terminal has, else 80. */
size_t output_width(FILE *out);

/* In characters; wide ones are rare in names and count as one, and colours as none. */
size_t text_width(const char *text);

/* The first line of text, width characters of whole words at most, but one word at least: its
 * bytes, and where the next line begins.  slashes: a line may also end behind a slash. */
size_t wrap_line(const char *text, size_t width, bool slashes, size_t *ret_next);

/* The widest that cannot be parted. */
size_t wrap_longest(const char *text, bool slashes);

/* As many characters of it as that, at most; as they are. */
void print_start(FILE *out, const char *text, size_t width);

/* All of it, made harmless as a table's cell is: the first line behind label, the others below, in
 * the columns from indent on.  A label that is wider has a line of its own where the first words do
 * not fit beside it. */
void print_paragraph(FILE *out, size_t indent, const char *label, const char *text);
void print_paragraphf(FILE *out, size_t indent, const char *label, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
