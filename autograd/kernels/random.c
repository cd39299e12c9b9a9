/* Random values at given places of a Philox stream: the words of a stretch of blocks, as four rows, then what is made of them. */
#include "../random.h"

#include "kernels.h"
#include "math.h"
#include "tables.h"

#ifdef __clang__
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif
enum { STRETCH = 256 };                         /* blocks */
struct words { uint32_t w[4][STRETCH]; };

static void make_words(struct words *words, size_t blocks, uint64_t seed, uint64_t block)
{
    const uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    uint32_t *restrict w0 = words->w[0], *restrict w1 = words->w[1], *restrict w2 = words->w[2], *restrict w3 = words->w[3];
    for (size_t i = 0; i < blocks; i++) {
        const uint64_t at = block + i;
        uint32_t out[4];
        philox4x32((const uint32_t[4]){(uint32_t)at, (uint32_t)(at >> 32), 0, 0}, (const uint32_t[2]){k0, k1}, out);
        w0[i] = out[0], w1[i] = out[1], w2[i] = out[2], w3[i] = out[3];
    }
}

/* Whole stretches go to `make`, and so does the rest, by way of a buffer. */
#define FILL(name, T, PER_BLOCK, make)                                                                                   \
    static void name(void *to, size_t n, uint64_t seed, uint64_t block)                                                  \
    {                                                                                                                    \
        struct words words;                                                                                              \
        T last[STRETCH * PER_BLOCK], *out = to;                                                                          \
        for (; n >= STRETCH * PER_BLOCK; n -= STRETCH * PER_BLOCK, out += STRETCH * PER_BLOCK, block += STRETCH) {       \
            make_words(&words, STRETCH, seed, block);                                                                    \
            make(out, &words, STRETCH);                                                                                  \
        }                                                                                                                \
        const size_t blocks = (n + PER_BLOCK - 1) / PER_BLOCK;                                                           \
        make_words(&words, blocks, seed, block);                                                                         \
        make(last, &words, blocks);                                                                                      \
        memcpy(out, last, n * sizeof *out);                                                                              \
    }

ISA_INLINE double unit(uint32_t high, uint32_t low) /* 53 bits of two words */
{
    return (double)(int64_t)(((uint64_t)high << 32 | low) >> 11) * 0x1p-53;
}

static void uniform_from_f32(float *restrict out, const struct words *words, size_t blocks)
{
    INDEPENDENT for (size_t i = 0; i < blocks; i++)
    {
        out[4 * i] = (float)(int32_t)(words->w[0][i] >> 8) * 0x1p-24f;
        out[4 * i + 1] = (float)(int32_t)(words->w[1][i] >> 8) * 0x1p-24f;
        out[4 * i + 2] = (float)(int32_t)(words->w[2][i] >> 8) * 0x1p-24f;
        out[4 * i + 3] = (float)(int32_t)(words->w[3][i] >> 8) * 0x1p-24f;
    }
}

static void uniform_from_f64(double *restrict out, const struct words *words, size_t blocks)
{
    INDEPENDENT for (size_t i = 0; i < blocks; i++)
    {
        out[2 * i] = unit(words->w[0][i], words->w[1][i]);
        out[2 * i + 1] = unit(words->w[2][i], words->w[3][i]);
    }
}

ISA_INLINE float radius_of(uint32_t word)       /* of a number in (0, 1]: no log of 0 */
{
    return __builtin_sqrtf(-2 * log_f32((float)(int32_t)((word >> 8) + 1) * 0x1p-24f));
}

/* sin and cos of a word's share of the circle: its place in an eighth's reach of the nearest quarter, and which quarter that is */
ISA_INLINE float angle_of(uint32_t word, uint32_t *quarter)
{
    *quarter = (word + 0x20000000u) >> 30;
    return (float)((int32_t)(word << 2) >> 8) * (1.57079633f * 0x1p-24f);
}

static void normal_from_f32(float *restrict out, const struct words *words, size_t blocks)
{
    for (int half = 0; half < 2; half++) {
        const uint32_t *first = words->w[2 * half], *second = words->w[2 * half + 1];
        float *restrict pair = out + 2 * half;
        INDEPENDENT for (size_t i = 0; i < blocks; i++)
        {
            uint32_t q;
            float radius = radius_of(first[i]), r = angle_of(second[i], &q), s = sin_near(r), c = cos_near(r);
            float cosine = q & 1 ? s : c, sine = q & 1 ? c : s;
            pair[4 * i] = radius * float_of(bits_of(cosine) ^ ((q + 1) & 2) << 30);
            pair[4 * i + 1] = radius * float_of(bits_of(sine) ^ (q & 2) << 30);
        }
    }
}

static void normal_from_f64(double *restrict out, const struct words *words, size_t blocks)
{
    for (size_t i = 0; i < blocks; i++) {
        double radius = sqrt(-2 * log(unit(words->w[0][i], words->w[1][i]) + 0x1p-53)), angle = 6.283185307179586 * unit(words->w[2][i], words->w[3][i]);
        out[2 * i] = radius * cos(angle);
        out[2 * i + 1] = radius * sin(angle);
    }
}
FILL(uniform_f32, float, 4, uniform_from_f32)
FILL(uniform_f64, double, 2, uniform_from_f64)
FILL(normal_f32, float, 4, normal_from_f32)
FILL(normal_f64, double, 2, normal_from_f64)

/* The high half of a 64-bit word times the span: off from uniform by less than span / 2^64. */
ISA_INLINE int64_t below(uint32_t high, uint32_t low_word, int64_t low, uint64_t span)
{
    const uint64_t word = (uint64_t)high << 32 | low_word;
    return (int64_t)((uint64_t)low + (span ? (uint64_t)((__extension__(unsigned __int128) word * span) >> 64) : word));
}

ISA_INLINE int64_t below_short(uint32_t high, uint32_t low_word, int64_t low, uint32_t span) /* the same in 64 bits */
{
    return (int64_t)((uint64_t)low + (((uint64_t)high * span + ((uint64_t)low_word * span >> 32)) >> 32));
}

static void random_below(int64_t *out, size_t n, uint64_t seed, uint64_t block, int64_t low, uint64_t span)
{
    struct words words;
    for (size_t from = 0; from < n; from += 2 * STRETCH, block += STRETCH) {
        const size_t count = n - from < 2 * STRETCH ? n - from : 2 * STRETCH, whole = count / 2;
        int64_t *restrict o = out + from;
        make_words(&words, (count + 1) / 2, seed, block);
        if (span - 1 < UINT32_MAX) {
            const uint32_t s = (uint32_t)span;
            INDEPENDENT for (size_t i = 0; i < whole; i++)
            {
                o[2 * i] = below_short(words.w[0][i], words.w[1][i], low, s);
                o[2 * i + 1] = below_short(words.w[2][i], words.w[3][i], low, s);
            }
        } else
            for (size_t i = 0; i < whole; i++) {
                o[2 * i] = below(words.w[0][i], words.w[1][i], low, span);
                o[2 * i + 1] = below(words.w[2][i], words.w[3][i], low, span);
            }
        if (count % 2)
            o[count - 1] = below(words.w[0][whole], words.w[1][whole], low, span);
    }
}

void ISA_NAME(random_table)(struct kernels *table)
{
    table->random_uniform[F32] = uniform_f32, table->random_uniform[F64] = uniform_f64;
    table->random_normal[F32] = normal_f32, table->random_normal[F64] = normal_f64;
    table->random_below = random_below;
}
