/* SPDX-License-Identifier: MIT
 *
 * table: aligned columns for a terminal.  What comes from outside is made harmless: control
 * characters and broken UTF-8 show as '?'.
 */
#ifndef VMKEEP_REPORT_TABLE_H
#define VMKEEP_REPORT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/cleanup.h"

struct table;

enum table_colour { COLOUR_NONE, COLOUR_GREEN, COLOUR_RED };

/* Is out a terminal that may be coloured? Not with NO_COLOR set in the environment. */
bool table_may_colour(FILE *out);

/* A title that starts with '>' is of a column that is aligned to the right; one with '~' of a
 * column whose words go on below one another when the table is too wide for the output
 * (report/wrap.h), and which goes below the row when that is not enough and it is the last.  One
 * with '/' is parted, behind slashes too, only when all that was not enough.  When nothing helps, a
 * row's columns stand in several lines, all but the first of them indented. */
struct table *table_new(const char *const *titles, size_t n);
void table_free(struct table *t);
DEFINE_FREEP(struct table, table_free)

/* The next cell of the current row, a new row after the last column.  NULL: "-". */
void table_cell(struct table *t, const char *text);
void table_cell_coloured(struct table *t, enum table_colour colour, const char *text);
void table_cellf(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A paragraph below the row that was begun last: label, and a text that may be NULL for none. */
void table_note(struct table *t, const char *label, const char *text);

/* Nothing, not even the titles, when there is no row. */
void table_print(const struct table *t, FILE *out);
/* The same, but says so: "No jobs." */
void table_print_or(const struct table *t, const char *empty, FILE *out);

/* The text as a table's cell would show it. Caller frees. */
char *plain_text(const char *text);
void print_plain(const char *text, FILE *out);

#endif
