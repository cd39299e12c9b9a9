/* The loops of row_norm.c for one floating type: T and NAME(x) are given. A mean is a T and what that lost by rounding, so
 * that a variance far below the mean's square comes out right. What is NULL is known wherever these are called. */

ISA_INLINE void NAME(row_forward)(T *restrict y, double *about, const T *restrict x, const T *restrict w, const T *restrict b, size_t n, double eps,
                                  bool centred)
{
    const T share = 1 / (T)n;
    T middle = 0;
#define TERM(i) x[i]
    if (centred) {
        FOLD(T, sum, 0, n, TERM, PLUS)
        middle = sum * share;
    }
#undef TERM
#define TERM(i) (x[i] - middle)
    T off = 0;
    if (centred) {
        FOLD(T, rest, 0, n, TERM, PLUS)
        off = rest * share;
    }
#undef TERM
#define TERM(i) ((x[i] - middle - off) * (x[i] - middle - off))
    FOLD(T, squares, 0, n, TERM, PLUS)
#undef TERM
    about[0] = (double)middle + (double)off;
    about[1] = 1 / sqrt((double)squares / (double)n + eps);
    const T rstd = (T)about[1];
    for (size_t i = 0; i < n; i++) {
        const T h = (x[i] - middle - off) * rstd;
        y[i] = w ? b ? h * w[i] + b[i] : h * w[i] : b ? h + b[i] : h;
    }
}

static void NAME(row_norm)(void *to, double (*about)[2], const void *from, const void *weight, const void *bias, size_t rows, size_t n, double eps,
                           bool centred)
{
    const T *w = weight, *b = bias;
    for (size_t i = 0; i < rows; i++) {
        T *y = (T *)to + i * n;
        const T *x = (const T *)from + i * n;
#define CASE(w_, b_) (centred ? NAME(row_forward)(y, about[i], x, w_, b_, n, eps, true) : NAME(row_forward)(y, about[i], x, w_, b_, n, eps, false))
        w ? b ? CASE(w, b) : CASE(w, NULL) : b ? CASE(NULL, b) : CASE(NULL, NULL);
#undef CASE
    }
}

/* dx = rstd (g w - mean(g w) - h mean(g w h)) with h = (x - mean) rstd */
ISA_INLINE void NAME(row_backward)(T *restrict dx, T *restrict dw, T *restrict db, const double *about, const T *restrict g, const T *restrict x,
                                   const T *restrict w, size_t n, bool centred)
{
    const T middle = (T)about[0], off = (T)(about[0] - (double)middle), rstd = (T)about[1], share = 1 / (T)n;
    T along = 0, mean = 0;
#define SCALED(i) (w ? g[i] * w[i] : g[i])
#define TERM(i) (SCALED(i) * ((x[i] - middle - off) * rstd))
    if (dx) {
        FOLD(T, product, 0, n, TERM, PLUS)
        along = product * share;
    }
#undef TERM
    if (dx && centred) {
        FOLD(T, sum, 0, n, SCALED, PLUS)
        mean = sum * share;
    }
    for (size_t i = 0; i < n; i++) {
        const T h = (x[i] - middle - off) * rstd;
        if (dx)
            dx[i] = (SCALED(i) - mean - h * along) * rstd;
        if (dw)
            dw[i] += g[i] * h;
        if (db)
            db[i] += g[i];
    }
#undef SCALED
}

static void NAME(row_norm_vjp)(void *to, void *weight_to, void *bias_to, const double (*about)[2], const void *cotangent, const void *from,
                               const void *weight, size_t rows, size_t n, bool centred)
{
    T *dw = weight_to, *db = bias_to;
    const T *w = weight;
    for (size_t i = 0; i < rows; i++) {
        T *dx = to ? (T *)to + i * n : NULL;
        const T *g = (const T *)cotangent + i * n, *x = (const T *)from + i * n;
        if (dx && dw && db && w && centred)
            NAME(row_backward)(dx, dw, db, about[i], g, x, w, n, true);
        else if (dx && dw && !db && w && !centred)
            NAME(row_backward)(dx, dw, NULL, about[i], g, x, w, n, false);
        else if (dx && !dw && !db && !w)
            NAME(row_backward)(dx, NULL, NULL, about[i], g, x, NULL, n, centred);
        else
            NAME(row_backward)(dx, dw, db, about[i], g, x, w, n, centred);
    }
}
