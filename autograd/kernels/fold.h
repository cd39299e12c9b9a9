/* Sums and the like over a row, in lanes that vectors hold: what a row gives depends on its length alone. */
#ifndef COTANGENT_KERNELS_FOLD_H
#define COTANGENT_KERNELS_FOLD_H

enum { LANES = 32 };

/* A fold over LANES partial results: acc = f(acc, x[i]), lanes joined in a fixed order by join(a, b). */
#define FOLD(T, result, start, n, term, join)                                                                            \
    T result = start;                                                                                                    \
    {                                                                                                                    \
        T lane[LANES];                                                                                                   \
        for (int j = 0; j < LANES; j++)                                                                                  \
            lane[j] = start;                                                                                             \
        size_t i = 0;                                                                                                    \
        for (; i + LANES <= n; i += LANES)                                                                               \
            for (size_t j = 0; j < LANES; j++) {                                                                         \
                T a = lane[j], b = term(i + j);                                                                          \
                lane[j] = join(a, b);                                                                                    \
            }                                                                                                            \
        for (size_t j = 0; i < n; i++, j++) {                                                                            \
            T a = lane[j], b = term(i);                                                                                  \
            lane[j] = join(a, b);                                                                                        \
        }                                                                                                                \
        for (int width = LANES / 2; width; width /= 2)                                                                   \
            for (int j = 0; j < width; j++) {                                                                            \
                T a = lane[j], b = lane[j + width];                                                                      \
                lane[j] = join(a, b);                                                                                    \
            }                                                                                                            \
        result = lane[0];                                                                                                \
    }
#define PLUS(a, b) ((a) + (b))
#endif
