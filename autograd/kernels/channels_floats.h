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

/* What is NULL is known wherever this is called: each call becomes a loop of its own. */
ISA_INLINE void NAME(sum_strip)(const T *restrict g, const T *restrict gate, const T *restrict x, T *restrict gated, size_t rows, size_t width, size_t stride,
                                const T *about, T *restrict s, T *restrict p)
{
    for (size_t i = 0, at = 0; i < rows; i++, at += stride)
        for (size_t j = 0; j < width; j++) {
            const T d = gate && gate[at + j] <= 0 ? 0 : g[at + j];
            s[j] += d;
            if (x)
                p[j] += d * (x[at + j] - about[j]);
            if (gated)
                gated[at + j] = d;
        }
}

static void NAME(sums)(const void *cotangent, const void *open, const void *from, void *to, size_t rows, size_t columns, size_t stride, const void *offsets,
                       double *sum, double *product)
{
    for (size_t first = 0; first < columns; first += WIDTH) {
        const size_t width = columns - first < WIDTH ? columns - first : WIDTH;
        const T *g = (const T *)cotangent + first, *gate = open ? (const T *)open + first : NULL, *x = from ? (const T *)from + first : NULL;
        T s[WIDTH] = {0}, p[WIDTH] = {0}, about[WIDTH] = {0}, *gated = to ? (T *)to + first : NULL;
        if (x)
            memcpy(about, (const T *)offsets + first, width * sizeof *about);
#define CASE(gate_, x_, gated_)                                                                                          \
    (width == WIDTH ? NAME(sum_strip)(g, gate_, x_, gated_, rows, WIDTH, stride, about, s, p)                            \
                    : NAME(sum_strip)(g, gate_, x_, gated_, rows, width, stride, about, s, p))
        if (x)
            gate ? gated ? CASE(gate, x, gated) : CASE(gate, x, NULL) : CASE(NULL, x, NULL);
        else
            gate ? gated ? CASE(gate, NULL, gated) : CASE(gate, NULL, NULL) : CASE(NULL, NULL, NULL);
#undef CASE
        for (size_t j = 0; j < width; j++)
            sum[first + j] = (double)s[j], product[first + j] = (double)p[j];
    }
}

/* step is a constant wherever these are called: each becomes a loop of its own. */
ISA_INLINE void NAME(apply_row)(T *restrict y, const T *restrict x, const T *restrict add, size_t n, size_t step,
                                                                  const T *restrict about, const T *restrict scale, const T *restrict shift, bool relu)
{
    for (size_t j = 0; j < n; j++) {
        const size_t c = step * j;
        T v = (x[j] - about[c]) * scale[c] + shift[c];
        v = add ? v + add[j] : v;
        y[j] = relu && v <= 0 ? 0 : v;
    }
}

static void NAME(apply)(void *to, const void *from, const void *added, size_t rows, size_t columns, size_t lines, const void *constants, bool relu)
{
    const size_t channels = lines ? lines : 1;
    const T *about = constants, *scale = about + channels, *shift = scale + channels;
    for (size_t i = 0; i < rows; i++) {
        T *y = (T *)to + i * columns;
        const T *x = (const T *)from + i * columns, *add = added ? (const T *)added + i * columns : NULL;
#define CASE(s, a, r) NAME(apply_row)(y, x, a, columns, s, about, scale, shift, r)
        if (lines)
            add ? relu ? CASE(1, add, true) : CASE(1, add, false) : relu ? CASE(1, NULL, true) : CASE(1, NULL, false);
        else
            add ? relu ? CASE(0, add, true) : CASE(0, add, false) : relu ? CASE(0, NULL, true) : CASE(0, NULL, false);
#undef CASE
    }
}

ISA_INLINE void NAME(vjp_row)(T *restrict dx, const T *restrict g, const T *restrict gate, const T *restrict x, size_t n, size_t step,
                              const T *restrict about, const T *restrict scale, const T *restrict shift, const T *restrict slope)
{
    for (size_t j = 0; j < n; j++) {
        const size_t c = step * j;
        const T d = gate && gate[j] <= 0 ? 0 : g[j];
        dx[j] = d * slope[c] + ((x[j] - about[c]) * scale[c] + shift[c]);
    }
}

static void NAME(vjp)(void *to, const void *cotangent, const void *open, const void *from, size_t rows, size_t columns, size_t lines, const void *constants)
{
    const size_t channels = lines ? lines : 1;
    const T *about = constants, *scale = about + channels, *shift = scale + channels, *slope = shift + channels;
    for (size_t i = 0; i < rows; i++) {
        const size_t at = i * columns;
        T *dx = (T *)to + at;
        const T *g = (const T *)cotangent + at, *gate = open ? (const T *)open + at : NULL, *x = (const T *)from + at;
        if (lines)
            gate ? NAME(vjp_row)(dx, g, gate, x, columns, 1, about, scale, shift, slope) : NAME(vjp_row)(dx, g, NULL, x, columns, 1, about, scale, shift, slope);
        else
            gate ? NAME(vjp_row)(dx, g, gate, x, columns, 0, about, scale, shift, slope) : NAME(vjp_row)(dx, g, NULL, x, columns, 0, about, scale, shift, slope);
    }
}
