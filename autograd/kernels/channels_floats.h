/* The loops of channels_loops.c for one floating type: T and NAME(x) are given. constants are arrays of one number a column,
 * one after another: about, scale, shift (and slope). Columns are taken WIDTH at a time, so that sums stay in registers. */

static void NAME(moments)(const void *from, size_t rows, size_t columns, size_t stride, const void *offsets, double *sum, double *square)
{
    for (size_t first = 0; first < columns; first += WIDTH) {
        const size_t width = columns - first < WIDTH ? columns - first : WIDTH;
        T s[WIDTH] = {0}, q[WIDTH] = {0}, about[WIDTH] = {0};
        const T *x = (const T *)from + first;
        memcpy(about, (const T *)offsets + first, width * sizeof *about);
        if (width == WIDTH)
            for (size_t i = 0; i < rows; i++, x += stride)
                for (size_t j = 0; j < WIDTH; j++) {
                    const T d = x[j] - about[j];
                    s[j] += d, q[j] += d * d;
                }
        else
            for (size_t i = 0; i < rows; i++, x += stride)
                for (size_t j = 0; j < width; j++) {
                    const T d = x[j] - about[j];
                    s[j] += d, q[j] += d * d;
                }
        for (size_t j = 0; j < width; j++)
            sum[first + j] = (double)s[j], square[first + j] = (double)q[j];
    }
}

#define ADD_ROWS(bound, term)                                                                                            \
    for (size_t i = 0, at = first; i < rows; i++, at += stride)                                                         \
        for (size_t j = 0; j < bound; j++) {                                                                             \
            const T d = term;                                                                                            \
            s[j] += d, p[j] += d * (x[at + j] - about[j]);                                                               \
        }
static void NAME(sums)(const void *cotangent, const void *open, const void *from, size_t rows, size_t columns, size_t stride, const void *offsets, double *sum, double *product)
{
    const T *g = cotangent, *gate = open, *x = from;
    for (size_t first = 0; first < columns; first += WIDTH) {
        const size_t width = columns - first < WIDTH ? columns - first : WIDTH;
        T s[WIDTH] = {0}, p[WIDTH] = {0}, about[WIDTH] = {0};
        memcpy(about, (const T *)offsets + first, width * sizeof *about);
        if (width < WIDTH && gate) {
            ADD_ROWS(width, gate[at + j] <= 0 ? 0 : g[at + j])
        } else if (width < WIDTH) {
            ADD_ROWS(width, g[at + j])
        } else if (gate) {
            ADD_ROWS(WIDTH, gate[at + j] <= 0 ? 0 : g[at + j])
        } else {
            ADD_ROWS(WIDTH, g[at + j])
        }
        for (size_t j = 0; j < width; j++)
            sum[first + j] = (double)s[j], product[first + j] = (double)p[j];
    }
}
#undef ADD_ROWS

/* step is a constant wherever these are called: each becomes a loop of its own. */
static inline __attribute__((always_inline)) void NAME(apply_row)(T *restrict y, const T *restrict x, const T *restrict add, size_t n, size_t step,
                                                                  const T *restrict about, const T *restrict scale, const T *restrict shift, bool relu)
{
    for (size_t j = 0; j < n; j++) {
        const size_t c = step * j;
        T v = (x[j] - about[c]) * scale[c] + shift[c];
        v = add ? v + add[j] : v;
        y[j] = relu && v <= 0 ? 0 : v;
    }
}

static void NAME(apply)(void *to, const void *from, const void *added, size_t rows, size_t columns, size_t step, const void *constants, bool relu)
{
    const size_t channels = step ? columns : 1;
    const T *about = constants, *scale = about + channels, *shift = scale + channels;
    for (size_t i = 0; i < rows; i++) {
        T *y = (T *)to + i * columns;
        const T *x = (const T *)from + i * columns, *add = added ? (const T *)added + i * columns : NULL;
#define CASE(s, a, r) NAME(apply_row)(y, x, a, columns, s, about, scale, shift, r)
        if (step)
            add ? relu ? CASE(1, add, true) : CASE(1, add, false) : relu ? CASE(1, NULL, true) : CASE(1, NULL, false);
        else
            add ? relu ? CASE(0, add, true) : CASE(0, add, false) : relu ? CASE(0, NULL, true) : CASE(0, NULL, false);
#undef CASE
    }
}

static inline __attribute__((always_inline)) void NAME(vjp_row)(T *restrict dx, T *restrict gated, const T *restrict g, const T *restrict gate,
                                                                const T *restrict x, size_t n, size_t step, const T *restrict about,
                                                                const T *restrict scale, const T *restrict shift, const T *restrict slope)
{
    for (size_t j = 0; j < n; j++) {
        const size_t c = step * j;
        const T d = gate && gate[j] <= 0 ? 0 : g[j];
        if (gated)
            gated[j] = d;
        if (dx)
            dx[j] = d * slope[c] + ((x[j] - about[c]) * scale[c] + shift[c]);
    }
}

static void NAME(vjp)(void *to, void *gated_to, const void *cotangent, const void *open, const void *from, size_t rows, size_t columns, size_t step, const void *constants)
{
    const size_t channels = step ? columns : 1;
    const T *about = constants, *scale = about + channels, *shift = scale + channels, *slope = shift + channels;
    for (size_t i = 0; i < rows; i++) {
        const size_t at = i * columns;
        T *dx = to ? (T *)to + at : NULL, *gated = gated_to ? (T *)gated_to + at : NULL;
        const T *g = (const T *)cotangent + at, *gate = open ? (const T *)open + at : NULL, *x = from ? (const T *)from + at : NULL;
#define CASE(s, d, o, p) NAME(vjp_row)(d, o, g, p, x, columns, s, about, scale, shift, slope)
        if (step && dx)
            gate ? gated ? CASE(1, dx, gated, gate) : CASE(1, dx, NULL, gate) : gated ? CASE(1, dx, gated, NULL) : CASE(1, dx, NULL, NULL);
        else if (dx)
            gate ? gated ? CASE(0, dx, gated, gate) : CASE(0, dx, NULL, gate) : gated ? CASE(0, dx, gated, NULL) : CASE(0, dx, NULL, NULL);
        else if (gated)
            gate ? CASE(0, NULL, gated, gate) : CASE(0, NULL, gated, NULL);
#undef CASE
    }
}
