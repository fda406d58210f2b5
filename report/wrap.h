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

/* In characters; wide ones are rare in names and count as one. */
size_t text_width(const char *text);

/* The first line of text, width characters of whole words at most, but one word at least: its
 * bytes, and where the next line begins.  slashes: a line may also end behind a slash. */
size_t wrap_line(const char *text, size_t width, bool slashes, size_t *ret_next);

/* The widest that cannot be parted. */
size_t wrap_longest(const char *text, bool slashes);

/* All of it, made harmless as a table's cell is: the first line behind label, the others below, in
 * the columns from indent on. */
void print_paragraph(FILE *out, size_t indent, const char *label, const char *text);

#endif
