/* Random values at given places of a Philox stream: element i comes from block i / 4 (float32) or i / 2 (float64) after
 * `block`, whoever makes it. */
#ifndef COTANGENT_KERNELS_RANDOM_H
#define COTANGENT_KERNELS_RANDOM_H
#include <stddef.h>
#include <stdint.h>

void random_uniform_f32(float *out, size_t n, uint64_t seed, uint64_t block);  /* [0, 1), multiples of 2^-24 */
void random_uniform_f64(double *out, size_t n, uint64_t seed, uint64_t block); /* [0, 1), multiples of 2^-53 */
void random_normal_f32(float *out, size_t n, uint64_t seed, uint64_t block);   /* Box-Muller: words 2j and 2j + 1 make values 2j and 2j + 1 */
void random_normal_f64(double *out, size_t n, uint64_t seed, uint64_t block);
void random_below(int64_t *out, size_t n, uint64_t seed, uint64_t block, int64_t low, uint64_t span); /* low + [0, span), two elements a block */
#endif
