/* SPDX-License-Identifier: MIT */
#include "base/condition.h"

#include <stddef.h>

#define WORD(id, word, meaning) [CONDITION_##id] = (word),
const char *const condition_words[] = {CONDITIONS(WORD)[CONDITION_COUNT] = NULL};
