/* SPDX-License-Identifier: MIT */
#include "storage/digest/sample.h"

#include "storage/digest/tree.h"

#define DAY_S 86400

/* splitmix64's last step: each bit of the result depends on all. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t mix_text(uint64_t seed, const char *text)
{
    for (; *text; text++)
        seed = mix(seed ^ (unsigned char)*text);
    return mix(seed);
}

uint64_t sample_seed(const char *point, const char *disk)
{
    return mix_text(mix_text(0, point), disk);
}

bool sample_is_whole(const struct sample *s)
{
    return s->slices <= 1 && s->from == 0 && s->to == 0;
}

bool sample_has(const struct sample *s, uint64_t seed, uint64_t leaf)
{
    uint64_t group = leaf / SAMPLE_GROUP, at = leaf * TREE_LEAF;

    if (at < s->from || (s->to && at >= s->to))
        return false;
    if (s->slices <= 1)
        return true;
    return (group + mix(seed ^ (group / s->slices)) % s->slices) % s->slices == s->slice;
}

uint32_t sample_slices(int percent)
{
    return percent <= 0 || percent >= 100 ? 1 : (uint32_t)((100 + percent - 1) / percent);
}

uint32_t sample_of_day(const char *point, int64_t now, uint32_t slices)
{
    uint64_t day = (uint64_t)(now / DAY_S);

    return slices <= 1 ? 0 : (uint32_t)((day + mix_text(1, point)) % slices);
}
