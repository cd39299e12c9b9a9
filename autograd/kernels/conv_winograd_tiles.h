/* conv_winograd_tiles.h - the transforms of Winograd's F(4x4, 3x3), tile by tile, on vectors of channels. For ISA sources.
 *
 * A tile of 6x6 inputs gives 4x4 outputs; in between it is 36 planes, one a pair of interpolation points. The points 0, +-5/8,
 * +-3/2 and infinity take the same work as the usual 0, +-1, +-2 and leave errors two to four times smaller. With the
 * one-dimensional transforms named as in Lavin and Gray, arXiv:1509.09308: y = A' [(G w G') (B' x B)] A; backward, the same with the
 * kernel turned gives dx, and dw = G' [(A dy A') (B' x B)] G. */
#ifndef COTANGENT_KERNELS_CONV_WINOGRAD_TILES_H
#define COTANGENT_KERNELS_CONV_WINOGRAD_TILES_H

#include "isa.h"

#include <stdbool.h>
#include <stddef.h>

enum { IN = 6, OUT = 4, KERNEL = 3, PLANES = IN * IN };

#define P (5 / 8.f)
#define Q (3 / 2.f)
#define P2 (P * P)
#define Q2 (Q * Q)
#define NP (1 / (2 * P2 * (P2 - Q2)))
#define NQ (1 / (2 * Q2 * (Q2 - P2)))

ISA_INLINE void line_bt(const f32v *d, f32v *r)
{
    f32v a = d[4] - Q2 * d[2], b = P * (d[3] - Q2 * d[1]), c = d[4] - P2 * d[2], e = Q * (d[3] - P2 * d[1]);
    r[0] = P2 * Q2 * d[0] - (P2 + Q2) * d[2] + d[4];
    r[1] = a + b, r[2] = a - b, r[3] = c + e, r[4] = c - e;
    r[5] = P2 * Q2 * d[1] - (P2 + Q2) * d[3] + d[5];
}

ISA_INLINE void line_g(const f32v *g, f32v *r)
{
    f32v a = NP * g[0] + NP * P2 * g[2], b = NP * P * g[1], c = NQ * g[0] + NQ * Q2 * g[2], e = NQ * Q * g[1];
    r[0] = g[0] * (1 / (P2 * Q2));
    r[1] = a + b, r[2] = a - b, r[3] = c + e, r[4] = c - e;
    r[5] = g[2];
}

ISA_INLINE void line_at(const f32v *m, f32v *r)
{
    f32v a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], e = m[3] - m[4];
    r[0] = m[0] + a + c;
    r[1] = P * b + Q * e;
    r[2] = P2 * a + Q2 * c;
    r[3] = P * P2 * b + Q * Q2 * e + m[5];
}

ISA_INLINE void line_a(const f32v *y, f32v *r)
{
    f32v a = y[0] + P2 * y[2], b = P * y[1] + P * P2 * y[3], c = y[0] + Q2 * y[2], e = Q * y[1] + Q * Q2 * y[3];
    r[0] = y[0];
    r[1] = a + b, r[2] = a - b, r[3] = c + e, r[4] = c - e;
    r[5] = y[3];
}

ISA_INLINE void line_gt(const f32v *u, f32v *r)
{
    f32v a = NP * (u[1] + u[2]), b = NP * P * (u[1] - u[2]), c = NQ * (u[3] + u[4]), e = NQ * Q * (u[3] - u[4]);
    r[0] = u[0] * (1 / (P2 * Q2)) + a + c;
    r[1] = b + e;
    r[2] = P2 * a + Q2 * c + u[5];
}

#undef P
#undef Q
#undef P2
#undef Q2
#undef NP
#undef NQ

/* from x from values, `get` with i and j in it, become to x to: each is v while `put` runs. */
#define TRANSFORM(line, from, to, get, put)                                                                            \
    do {                                                                                                               \
        f32v half_[to][from];                                                                                          \
        UNROLL                                                                                                         \
        for (int j = 0; j < from; j++) {                                                                               \
            f32v in_[from], out_[to];                                                                                  \
            UNROLL                                                                                                     \
            for (int i = 0; i < from; i++)                                                                             \
                in_[i] = get;                                                                                          \
            line(in_, out_);                                                                                           \
            UNROLL                                                                                                     \
            for (int i = 0; i < to; i++)                                                                               \
                half_[i][j] = out_[i];                                                                                 \
        }                                                                                                              \
        UNROLL                                                                                                         \
        for (int i = 0; i < to; i++) {                                                                                 \
            f32v out_[to];                                                                                             \
            line(half_[i], out_);                                                                                      \
            UNROLL                                                                                                     \
            for (int j = 0; j < to; j++) {                                                                             \
                f32v v = out_[j];                                                                                      \
                put;                                                                                                   \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

/* An image set in memory and how it is cut into tiles: tile (i, j) starts at (4 i - pad[0], 4 j - pad[1]). */
struct tiling {
    size_t tiles[2], size[2], channels;
    ptrdiff_t pad[2];
};

/* Where value (i, j) of a side x side tile lies, NULL where that is outside. */
ISA_INLINE void tile_pointers(const struct tiling *t, const float *x, size_t tile, const int side, const float **at)
{
    size_t image = tile / (t->tiles[0] * t->tiles[1]);
    ptrdiff_t y = (ptrdiff_t)(tile / t->tiles[1] % t->tiles[0] * OUT) - t->pad[0], z = (ptrdiff_t)(tile % t->tiles[1] * OUT) - t->pad[1];
    for (int i = 0; i < side; i++, y++)
        for (int j = 0; j < side; j++) {
            bool inside = (size_t)y < t->size[0] && (size_t)(z + j) < t->size[1];
            at[i * side + j] = inside ? x + ((image * t->size[0] + (size_t)y) * t->size[1] + (size_t)(z + j)) * t->channels : NULL;
        }
}

ISA_INLINE f32v load_or_zero(const float *from, size_t c, int lanes)
{
    if (!from)
        return (f32v){0};
    if (VECTOR_BYTES < 64 && lanes == F32_LANES) /* with 64 bytes a masked load costs no more than a plain one */
        return f32v_load(from + c);
    return f32v_load_first(from + c, lanes);
}

/* Channels [first, first + count) of an input tile of x: to[f * plane + c - first]; zeros up to a whole vector. */
ISA_INLINE void input_tile(const struct tiling *t, const float *x, size_t tile, size_t first, size_t count, float *to, size_t plane)
{
    const float *at[PLANES];
    tile_pointers(t, x, tile, IN, at);
    for (size_t c = 0; c < count; c += F32_LANES) {
        const int lanes = count - c < F32_LANES ? (int)(count - c) : F32_LANES;
        TRANSFORM(line_bt, IN, IN, load_or_zero(at[i * IN + j], first + c, lanes), f32v_store(to + (size_t)(i * IN + j) * plane + c, v));
    }
}

/* The same of an output tile of dy. */
ISA_INLINE void gradient_tile(const struct tiling *t, const float *dy, size_t tile, size_t first, size_t count, float *to, size_t plane)
{
    const float *at[OUT * OUT];
    tile_pointers(t, dy, tile, OUT, at);
    for (size_t c = 0; c < count; c += F32_LANES) {
        const int lanes = count - c < F32_LANES ? (int)(count - c) : F32_LANES;
        TRANSFORM(line_a, OUT, IN, load_or_zero(at[i * OUT + j], first + c, lanes), f32v_store(to + (size_t)(i * IN + j) * plane + c, v));
    }
}

/* Planes m[f * plane + c] become an output tile of y, channels [first, first + count). */
ISA_INLINE void output_tile(const struct tiling *t, float *y, size_t tile, size_t first, size_t count, const float *m, size_t plane,
                            const float *bias, bool relu)
{
    const float *at[OUT * OUT];
    tile_pointers(t, y, tile, OUT, at);
    for (size_t c = 0; c < count; c += F32_LANES) {
        const int lanes = count - c < F32_LANES ? (int)(count - c) : F32_LANES;
        f32v shift = bias ? load_or_zero(bias, first + c, lanes) : (f32v){0};
        TRANSFORM(line_at, IN, OUT, f32v_load(m + (size_t)(i * IN + j) * plane + c), {
            float *to = (float *)at[i * OUT + j];
            v += shift;
            if (relu)
                v = f32v_relu(v);
            if (VECTOR_BYTES < 64 && to && lanes == F32_LANES)
                f32v_store(to + first + c, v);
            else if (to)
                f32v_store_first(to + first + c, v, lanes);
        });
    }
}

#endif
