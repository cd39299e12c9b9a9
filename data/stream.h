/* A stream of random words of its own for each sample, so that any sample may be drawn without the others, by any thread. */
#ifndef COTANGENT_STREAM_H
#define COTANGENT_STREAM_H
#include <autograd/random.h>

struct stream {
    uint32_t key[2], counter[4], words[4];
    int used;
};

/* word: what else than seed and index the stream depends on, such as its purpose. A stream takes fewer than 2^32 blocks of
 * four; who starts at another block of the same counter draws other numbers. */
static inline struct stream stream_of(uint64_t seed, int64_t index, uint32_t word, uint32_t first_block)
{
    return (struct stream){{(uint32_t)seed, (uint32_t)(seed >> 32)},
                           {first_block, (uint32_t)index, (uint32_t)((uint64_t)index >> 32), word}, {0}, 4};
}

static inline uint32_t next_word(struct stream *s)
{
    if (s->used == 4) {
        philox4x32(s->counter, s->key, s->words);
        s->counter[0]++;
        s->used = 0;
    }
    return s->words[s->used++];
}

static inline float uniform(struct stream *s, float low, float high)
{
    return low + (high - low) * (float)(next_word(s) >> 8) * 0x1p-24f;
}

/* Near enough to normal (the sum of four uniform bytes), and the same bits on every machine. */
static inline float normal(struct stream *s)
{
    const float mean = 510, deviation = 147.8f;
    const uint32_t w = next_word(s);
    return ((float)((w & 255) + (w >> 8 & 255) + (w >> 16 & 255) + (w >> 24)) - mean) / deviation;
}
#endif
