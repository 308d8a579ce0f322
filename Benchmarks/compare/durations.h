/* What questions took, in tenths of a microsecond: four octets each, so that a run keeps them all. */
#pragma once
#include <stdint.h>
#include <stdlib.h>

enum { steps_per_microsecond = 10 };

/* No answer: behind every other when they are sorted. */
static const uint32_t never = UINT32_MAX;

static int compare_steps(const void *left, const void *right)
{
    uint32_t one = *(const uint32_t *)left, other = *(const uint32_t *)right;
    return one < other ? -1 : one > other;
}

/* Sorts what questions took; how many of them were answered. */
static size_t sorted(uint32_t *took, size_t count)
{
    qsort(took, count, sizeof *took, compare_steps);
    while (count > 0 && took[count - 1] == never) count--;
    return count;
}

static double quantile(const uint32_t *took, size_t answered, double share)
{
    if (answered == 0) return 0;
    size_t rank = (size_t)(share * (double)answered);
    return (double)took[rank < answered ? rank : answered - 1] / steps_per_microsecond;
}
