#include "random.h"

#include <math.h>

#include "../random.h"

static void words_at(uint64_t seed, uint64_t block, uint32_t words[4])
{
    const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), 0, 0}, key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    philox4x32(counter, key, words);
}

static double unit(const uint32_t *w)           /* 53 bits of two words */
{
    return (double)(((uint64_t)w[0] << 32 | w[1]) >> 11) * 0x1p-53;
}

void random_uniform_f32(float *out, size_t n, uint64_t seed, uint64_t block)
{
    uint32_t w[4];
    for (size_t i = 0; i < n; i += 4) {
        words_at(seed, block++, w);
        for (size_t j = 0; j < 4 && i + j < n; j++)
            out[i + j] = (float)(w[j] >> 8) * 0x1p-24f;
    }
}

void random_uniform_f64(double *out, size_t n, uint64_t seed, uint64_t block)
{
    uint32_t w[4];
    for (size_t i = 0; i < n; i += 2) {
        words_at(seed, block++, w);
        for (size_t j = 0; j < 2 && i + j < n; j++)
            out[i + j] = unit(w + 2 * j);
    }
}

void random_normal_f32(float *out, size_t n, uint64_t seed, uint64_t block)
{
    uint32_t w[4];
    for (size_t i = 0; i < n; i += 4) {
        words_at(seed, block++, w);
        for (size_t j = 0; j < 4 && i + j < n; j += 2) {
            float radius = sqrtf(-2 * logf((float)((w[j] >> 8) + 1) * 0x1p-24f)); /* of (0, 1]: no log of 0 */
            float angle = 6.2831853071795865f * ((float)(w[j + 1] >> 8) * 0x1p-24f);
            out[i + j] = radius * cosf(angle);
            if (i + j + 1 < n)
                out[i + j + 1] = radius * sinf(angle);
        }
    }
}

void random_normal_f64(double *out, size_t n, uint64_t seed, uint64_t block)
{
    uint32_t w[4];
    for (size_t i = 0; i < n; i += 2) {
        words_at(seed, block++, w);
        double radius = sqrt(-2 * log(unit(w) + 0x1p-53)), angle = 6.283185307179586 * unit(w + 2);
        out[i] = radius * cos(angle);
        if (i + 1 < n)
            out[i + 1] = radius * sin(angle);
    }
}

/* The high half of a 64-bit word times the span: off from uniform by less than span / 2^64. */
void random_below(int64_t *out, size_t n, uint64_t seed, uint64_t block, int64_t low, uint64_t span)
{
    uint32_t w[4];
    for (size_t i = 0; i < n; i += 2) {
        words_at(seed, block++, w);
        for (size_t j = 0; j < 2 && i + j < n; j++) {
            uint64_t word = (uint64_t)w[2 * j] << 32 | w[2 * j + 1];
            out[i + j] = (int64_t)((uint64_t)low + (span ? (uint64_t)((__extension__(unsigned __int128) word * span) >> 64) : word));
        }
    }
}
