/* The pooling kernels for one dtype: T, an integer PLACE of its size, and NAME(x) for its names. Included by pooling.c once for
 * float32 and once for float64; no guard. */

/* ---- Positions of largest elements -------------------------------------------------------------------------------------------- */
ISA_INLINE void NAME(put_places)(const struct pooling *p, void *positions, int64_t at, const PLACE *place, int n)
{
    if (p->wide)
        for (int l = 0; l < n; l++)
            ((int32_t *)positions)[at + l] = (int32_t)place[l];
    else
        for (int l = 0; l < n; l++)
            ((uint8_t *)positions)[at + l] = (uint8_t)place[l];
}

ISA_INLINE void NAME(get_places)(const struct pooling *p, const void *positions, int64_t at, PLACE *place, int n)
{
    if (p->wide)
        for (int l = 0; l < n; l++)
            place[l] = ((const int32_t *)positions)[at + l];
    else
        for (int l = 0; l < n; l++)
            place[l] = ((const uint8_t *)positions)[at + l];
}

/* ---- One window, channels side by side: a vector of them, or the n left over ------------------------------------------------------- */
typedef T NAME(lanes) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));
typedef PLACE NAME(places) __attribute__((vector_size(VECTOR_BYTES)));

ISA_INLINE void NAME(largest_lanes)(const struct pooling *p, T *y, void *positions, int64_t at, const T *x, struct pooling_span h, struct pooling_span w)
{
    NAME(lanes) best = (NAME(lanes)){0} - (T)INFINITY;
    NAME(places) place = (NAME(places)){0} + (PLACE)(h.lo * p->w.kernel + w.lo);
    for (int64_t i = h.lo; i < h.hi; i++)
        for (int64_t j = w.lo; j < w.hi; j++) {
            const NAME(lanes) v = *(const NAME(lanes) *)(x + ((h.first + i * p->h.dilation) * p->w.in + w.first + j * p->w.dilation) * p->inner);
            const NAME(places) better = (NAME(places))BETTER(v, best);
            best = (NAME(lanes))(((NAME(places))v & better) | ((NAME(places))best & ~better));
            place = ((PLACE)(i * p->w.kernel + j) & better) | (place & ~better);
        }
    *(NAME(lanes) *)(y + at) = best;
    NAME(put_places)(p, positions, at, (const PLACE *)&place, VECTOR_BYTES / sizeof(T));
}

ISA_INLINE void NAME(largest)(const struct pooling *p, T *restrict y, void *restrict positions, int64_t at, const T *restrict x,
                              struct pooling_span h, struct pooling_span w, int n)
{
    enum { LANES = VECTOR_BYTES / sizeof(T) };
    T best[LANES];
    PLACE place[LANES];
    for (int l = 0; l < n; l++)
        best[l] = (T)-INFINITY, place[l] = (PLACE)(h.lo * p->w.kernel + w.lo);
    for (int64_t i = h.lo; i < h.hi; i++)
        for (int64_t j = w.lo; j < w.hi; j++) {
            const T *restrict v = x + ((h.first + i * p->h.dilation) * p->w.in + w.first + j * p->w.dilation) * p->inner;
            const PLACE here = (PLACE)(i * p->w.kernel + j);
            for (int l = 0; l < n; l++) {
                const bool better = BETTER(v[l], best[l]);
                best[l] = better ? v[l] : best[l];
                place[l] = better ? here : place[l];
            }
        }
    for (int l = 0; l < n; l++)
        y[at + l] = best[l];
    NAME(put_places)(p, positions, at, place, n);
}

/* Row by row: a long sum errs less. */
ISA_INLINE void NAME(mean)(const struct pooling *p, T *restrict y, int64_t at, const T *restrict x, struct pooling_span h,
                           struct pooling_span w, T divisor, int n)
{
    enum { LANES = VECTOR_BYTES / sizeof(T) };
    T sum[LANES];
    for (int l = 0; l < n; l++)
        sum[l] = 0;
    for (int64_t i = h.lo; i < h.hi; i++) {
        T row[LANES];
        for (int l = 0; l < n; l++)
            row[l] = 0;
        for (int64_t j = w.lo; j < w.hi; j++) {
            const T *restrict v = x + ((h.first + i * p->h.dilation) * p->w.in + w.first + j * p->w.dilation) * p->inner;
            for (int l = 0; l < n; l++)
                row[l] += v[l];
        }
        for (int l = 0; l < n; l++)
            sum[l] += row[l];
    }
    for (int l = 0; l < n; l++)
        y[at + l] = sum[l] / divisor;
}

/* One window of a lone channel, its rows in LANES partial sums. */
ISA_INLINE void NAME(mean_of_one)(const struct pooling *p, T *restrict y, const T *restrict x, struct pooling_span h, struct pooling_span w, T divisor)
{
    enum { LANES = VECTOR_BYTES / sizeof(T) };
    T lane[LANES] = {0}, sum = 0;
    for (int64_t i = h.lo; i < h.hi; i++) {
        const T *restrict v = x + (h.first + i * p->h.dilation) * p->w.in + w.first + w.lo;
        const int64_t n = w.hi - w.lo;
        int64_t j = 0;
        T rest = 0;
        for (; j + LANES <= n; j += LANES)
            for (int l = 0; l < LANES; l++)
                lane[l] += v[j + l];
        for (; j < n; j++)
            rest += v[j];
        sum += rest;
    }
    for (int width = LANES / 2; width; width /= 2)
        for (int l = 0; l < width; l++)
            lane[l] += lane[l + width];
    *y = (sum + lane[0]) / divisor;
}

/* ---- Windows one by one ----------------------------------------------------------------------------------------------------------- */
ISA_INLINE void NAME(each_window)(const struct pooling *p, T *y, void *positions, const T *x, int64_t from, int64_t to, bool max)
{
    enum { LANES = VECTOR_BYTES / sizeof(T) };
    for (int64_t oh = from; oh < to; oh++) {
        const struct pooling_span h = pooling_span(&p->h, oh);
        const double share_h = max || p->divisor ? (double)p->divisor : share(p, &p->h, oh);
        for (int64_t ow = 0; ow < p->w.out; ow++) {
            const struct pooling_span w = pooling_span(&p->w, ow);
            const T divisor = max ? 0 : (T)(p->divisor ? share_h : share_h * share(p, &p->w, ow));
            int64_t at = (oh * p->w.out + ow) * p->inner, c = 0;
            if (!max && p->inner == 1) {
                NAME(mean_of_one)(p, y + at, x, h, w, divisor);
                continue;
            }
            for (; c + LANES <= p->inner; c += LANES)
                if (max)
                    NAME(largest_lanes)(p, y, positions, at + c, x + c, h, w);
                else
                    NAME(mean)(p, y, at + c, x + c, h, w, divisor, LANES);
            if (c < p->inner && max)
                NAME(largest)(p, y, positions, at + c, x + c, h, w, (int)(p->inner - c));
            else if (c < p->inner)
                NAME(mean)(p, y, at + c, x + c, h, w, divisor, (int)(p->inner - c));
        }
    }
}

/* ---- Stretches of a lone channel's row ------------------------------------------------------------------------------------------- */
/* With element j of the kernel, whose outputs read every stride-th of v. */
ISA_INLINE void NAME(take_largest)(T *restrict best, PLACE *restrict place, const T *restrict v, int64_t stride, int n, PLACE here)
{
    for (int o = 0; o < n; o++) {
        const T value = v[o * stride];
        const bool better = BETTER(value, best[o]);
        best[o] = better ? value : best[o];
        place[o] = better ? here : place[o];
    }
}

ISA_INLINE void NAME(take_sum)(T *restrict sum, const T *restrict v, int64_t stride, int n)
{
    for (int o = 0; o < n; o++)
        sum[o] += v[o * stride];
}

ISA_INLINE void NAME(give)(T *restrict v, const T *restrict g, int64_t stride, int n)
{
    for (int o = 0; o < n; o++)
        v[o * stride] += g[o];
}

ISA_INLINE void NAME(stretches)(const struct pooling *p, T *y, void *positions, const T *x, int64_t from, int64_t to, bool max)
{
    const struct pooling_axis *a = &p->w;
    for (int64_t start = 0; start < a->out; start += STRETCH) {
        const int n = (int)lesser(a->out - start, STRETCH);
        int32_t first[STRETCH], end[STRETCH];
        T shares[STRETCH];
        for (int64_t j = 0; j < a->kernel; j++)
            outputs_with(a, j, start, n, &first[j], &end[j]);
        for (int o = 0; o < n && !max; o++)
            shares[o] = p->divisor ? (T)p->divisor : (T)share(p, a, start + o);
        for (int64_t oh = from; oh < to; oh++) {
            const struct pooling_span h = pooling_span(&p->h, oh);
            T value[STRETCH];
            PLACE place[STRETCH];
            for (int o = 0; o < n; o++)
                value[o] = max ? (T)-INFINITY : 0;
            for (int o = 0; o < n && max; o++)
                place[o] = (PLACE)(h.lo * a->kernel);
            for (int o = 0; o < n && max && (start + o) * a->stride < a->before; o++)
                place[o] += (PLACE)pooling_span(a, start + o).lo;
            for (int64_t i = h.lo; i < h.hi; i++)
                for (int64_t j = 0; j < a->kernel; j++) {
                    const int s = first[j], count = end[j] - s;
                    const T *v = x + (h.first + i * p->h.dilation) * a->in + (start + s) * a->stride + j * a->dilation - a->before;
                    const PLACE here = (PLACE)(i * a->kernel + j);
                    if (count <= 0)
                        continue;
                    if (max && a->stride == 1)
                        NAME(take_largest)(value + s, place + s, v, 1, count, here);
                    else if (max && a->stride == 2)
                        NAME(take_largest)(value + s, place + s, v, 2, count, here);
                    else if (max)
                        NAME(take_largest)(value + s, place + s, v, a->stride, count, here);
                    else if (a->stride == 1)
                        NAME(take_sum)(value + s, v, 1, count);
                    else if (a->stride == 2)
                        NAME(take_sum)(value + s, v, 2, count);
                    else
                        NAME(take_sum)(value + s, v, a->stride, count);
                }
            T *to_row = y + oh * a->out + start;
            const T share_h = max || p->divisor ? 1 : (T)share(p, &p->h, oh);
            for (int o = 0; o < n; o++)
                to_row[o] = max ? value[o] : value[o] / (share_h * shares[o]);
            if (max)
                NAME(put_places)(p, positions, oh * a->out + start, place, n);
        }
    }
}

ISA_INLINE bool NAME(goes_by_stretches)(const struct pooling *p)
{
    return p->inner == 1 && !p->w.adaptive && p->w.out >= 4 && p->w.kernel <= STRETCH;
}

static void NAME(pool_max)(const struct pooling *p, void *y, void *positions, const void *x, int64_t from, int64_t to)
{
    if (NAME(goes_by_stretches)(p))
        NAME(stretches)(p, y, positions, x, from, to, true);
    else
        NAME(each_window)(p, y, positions, x, from, to, true);
}

static void NAME(pool_mean)(const struct pooling *p, void *y, void *unused, const void *x, int64_t from, int64_t to)
{
    (void)unused;
    if (NAME(goes_by_stretches)(p))
        NAME(stretches)(p, y, NULL, x, from, to, false);
    else
        NAME(each_window)(p, y, NULL, x, from, to, false);
}

/* ---- Backward: a row of dx from one row of g, whose windows hold it as row i of their kernel ------------------------------------- */
ISA_INLINE void NAME(spread)(const struct pooling *p, T *restrict dx, const T *restrict g, const void *restrict positions, int64_t at,
                             struct pooling_span w, int64_t i, T divisor, int n, bool max, bool add)
{
    enum { LANES = VECTOR_BYTES / sizeof(T) };
    T part[LANES];
    PLACE place[LANES];
    for (int l = 0; l < n; l++)
        part[l] = max ? g[at + l] : g[at + l] / divisor;
    if (max)
        NAME(get_places)(p, positions, at, place, n);
    for (int64_t j = w.lo; j < w.hi; j++) {
        T *restrict v = dx + (w.first + j * p->w.dilation) * p->inner;
        const PLACE here = (PLACE)(i * p->w.kernel + j);
        for (int l = 0; l < n; l++) {
            const T value = !max || place[l] == here ? part[l] : 0;
            v[l] = add ? v[l] + value : value;
        }
    }
}

ISA_INLINE void NAME(spread_lanes)(const struct pooling *p, T *dx, const T *g, const void *positions, int64_t at, struct pooling_span w,
                                   int64_t i, T divisor, bool max, bool add)
{
    NAME(lanes) part = *(const NAME(lanes) *)(g + at);
    NAME(places) place;
    if (max)
        NAME(get_places)(p, positions, at, (PLACE *)&place, VECTOR_BYTES / sizeof(T));
    else
        part /= divisor;
    for (int64_t j = w.lo; j < w.hi; j++) {
        NAME(lanes) *v = (NAME(lanes) *)(dx + (w.first + j * p->w.dilation) * p->inner);
        NAME(lanes) value = part;
        if (max)
            value = (NAME(lanes))((NAME(places))part & (NAME(places))(place == (PLACE)(i * p->w.kernel + j)));
        if (add)
            value += *v;
        *v = value;
    }
}

ISA_INLINE void NAME(row_back)(const struct pooling *p, T *dx, const T *g, const void *positions, int64_t oh, int64_t i, bool max, bool add)
{
    enum { LANES = VECTOR_BYTES / sizeof(T) };
    const double share_h = max || p->divisor ? (double)p->divisor : share(p, &p->h, oh);
    for (int64_t ow = 0; ow < p->w.out; ow++) {
        const struct pooling_span w = pooling_span(&p->w, ow);
        const T divisor = max ? 0 : (T)(p->divisor ? share_h : share_h * share(p, &p->w, ow));
        int64_t at = (oh * p->w.out + ow) * p->inner, c = 0;
        for (; c + LANES <= p->inner; c += LANES)
            NAME(spread_lanes)(p, dx + c, g, positions, at + c, w, i, divisor, max, add);
        if (c < p->inner)
            NAME(spread)(p, dx + c, g, positions, at + c, w, i, divisor, (int)(p->inner - c), max, add);
    }
}

/* Pairs of a lone channel, the commonest tiles. */
ISA_INLINE void NAME(pairs_back)(const struct pooling *p, T *restrict dx, const T *restrict g, const void *restrict positions, int64_t oh,
                                 int64_t i, bool max)
{
    const uint8_t *restrict place = (const uint8_t *)positions + oh * p->w.out;
    const T divisor = max ? 1 : (T)(p->divisor ? (double)p->divisor : 2 * share(p, &p->h, oh));
    g += oh * p->w.out;
    for (int64_t o = 0; o < p->w.out; o++) {
        dx[2 * o] = max ? place[o] == 2 * i ? g[o] : 0 : g[o] / divisor;
        dx[2 * o + 1] = max ? place[o] == 2 * i + 1 ? g[o] : 0 : g[o] / divisor;
    }
}

ISA_INLINE void NAME(rows_back)(const struct pooling *p, T *to_plane, const T *g, const void *positions, int64_t from, int64_t to, bool max)
{
    const bool tiles = pooling_tiles(&p->w), pairs = tiles && p->inner == 1 && p->w.kernel == 2 && !p->wide;
    for (int64_t row = from; row < to; row++) {
        T *dx = to_plane + row * p->w.in * p->inner;
        int64_t oh, end;
        bool fresh = tiles;                     /* the first to write need not add */
        outputs_at(&p->h, row, &oh, &end);
        if (!tiles)
            memset(dx, 0, (size_t)(p->w.in * p->inner) * sizeof(T));
        for (; oh < end; oh++) {
            const int64_t past = row - pooling_span(&p->h, oh).first, i = past / p->h.dilation;
            if (past % p->h.dilation || i >= p->h.kernel)
                continue;
            if (fresh && pairs)
                NAME(pairs_back)(p, dx, g, positions, oh, i, max);
            else if (fresh)
                NAME(row_back)(p, dx, g, positions, oh, i, max, false);
            else
                NAME(row_back)(p, dx, g, positions, oh, i, max, true);
            fresh = false;
        }
        if (fresh)
            memset(dx, 0, (size_t)(p->w.in * p->inner) * sizeof(T));
    }
}

/* A lone channel whose windows overlap: each output gives to its place. */
static void NAME(places_back)(const struct pooling *p, T *restrict dx, const T *restrict g, const void *positions)
{
    ptrdiff_t offset[256];
    for (int64_t k = 0; k < 256 && !p->wide && k < p->h.kernel * p->w.kernel; k++)
        offset[k] = k / p->w.kernel * p->h.dilation * p->w.in + k % p->w.kernel * p->w.dilation;
    memset(dx, 0, (size_t)(p->h.in * p->w.in) * sizeof(T));
    for (int64_t oh = 0, at = 0; oh < p->h.out; oh++) {
        const ptrdiff_t row = pooling_span(&p->h, oh).first * p->w.in;
        for (int64_t ow = 0; ow < p->w.out; ow++, at++) {
            const ptrdiff_t corner = row + pooling_span(&p->w, ow).first;
            const int64_t k = p->wide ? ((const int32_t *)positions)[at] : 0;
            dx[corner + (p->wide ? k / p->w.kernel * p->h.dilation * p->w.in + k % p->w.kernel * p->w.dilation
                                 : offset[((const uint8_t *)positions)[at]])] += g[at];
        }
    }
}

static void NAME(means_back)(const struct pooling *p, T *dx, const T *g)
{
    const struct pooling_axis *a = &p->w;
    memset(dx, 0, (size_t)(p->h.in * a->in) * sizeof(T));
    for (int64_t oh = 0; oh < p->h.out; oh++) {
        const struct pooling_span h = pooling_span(&p->h, oh);
        const T share_h = p->divisor ? (T)p->divisor : (T)share(p, &p->h, oh);
        for (int64_t start = 0; start < a->out; start += STRETCH) {
            const int n = (int)lesser(a->out - start, STRETCH);
            T part[STRETCH];
            for (int o = 0; o < n; o++)
                part[o] = g[oh * a->out + start + o] / (p->divisor ? share_h : share_h * (T)share(p, a, start + o));
            for (int64_t i = h.lo; i < h.hi; i++) {
                T *row = dx + (h.first + i * p->h.dilation) * a->in;
                for (int o = 0; o < n && a->adaptive; o++) {
                    const struct pooling_span w = pooling_span(a, start + o);
                    for (int64_t j = w.lo; j < w.hi; j++)
                        row[w.first + j] += part[o];
                }
                for (int64_t j = 0; j < a->kernel && !a->adaptive; j++) {
                    int32_t first, end;
                    outputs_with(a, j, start, n, &first, &end);
                    T *v = row + (start + first) * a->stride + j * a->dilation - a->before;
                    if (a->stride == 1)
                        NAME(give)(v, part + first, 1, end - first);
                    else
                        NAME(give)(v, part + first, a->stride, end - first);
                }
            }
        }
    }
}

static void NAME(pool_max_vjp)(const struct pooling *p, void *dx, const void *positions, const void *g, int64_t from, int64_t to)
{
    if (pooling_by_rows(p))
        NAME(rows_back)(p, dx, g, positions, from, to, true);
    else
        NAME(places_back)(p, dx, g, positions);
}

static void NAME(pool_mean_vjp)(const struct pooling *p, void *dx, const void *unused, const void *g, int64_t from, int64_t to)
{
    (void)unused;
    if (pooling_by_rows(p))
        NAME(rows_back)(p, dx, g, NULL, from, to, false);
    else
        NAME(means_back)(p, dx, g);
}

/* ---- resize: rows of y from x, rows of dx from g ----------------------------------------------------------------------------------- */
ISA_INLINE void NAME(draw_row)(const struct resize *r, T *restrict y, const T *restrict low, const T *restrict high, T down, int64_t inner)
{
    for (int64_t o = 0; o < r->w.out; o++, y += inner) {
        const ptrdiff_t a = r->w.low[o] * inner, b = r->w.high[o] * inner;
        const T right = (T)r->w.weight[o];
        for (int64_t c = 0; c < inner; c++)
            y[c] = (1 - down) * ((1 - right) * low[a + c] + right * low[b + c]) + down * ((1 - right) * high[a + c] + right * high[b + c]);
    }
}

ISA_INLINE void NAME(copy_row)(const struct resize *r, T *restrict y, const T *restrict x, int64_t inner)
{
    for (int64_t o = 0; o < r->w.out; o++, y += inner)
        for (int64_t c = 0; c < inner; c++)
            y[c] = x[r->w.low[o] * inner + c];
}

static void NAME(resize)(const struct resize *r, void *to_plane, const void *from_plane, int64_t from, int64_t to)
{
    const T *x = from_plane;
    const int64_t row = r->w.in * r->inner;
    for (int64_t oh = from; oh < to; oh++) {
        T *y = (T *)to_plane + oh * r->w.out * r->inner;
        const T *low = x + r->h.low[oh] * row, *high = r->h.weight ? x + r->h.high[oh] * row : low;
        const T down = r->h.weight ? (T)r->h.weight[oh] : 0;
        if (r->h.weight && r->inner == 1)
            NAME(draw_row)(r, y, low, high, down, 1);
        else if (r->h.weight)
            NAME(draw_row)(r, y, low, high, down, r->inner);
        else if (r->inner == 1)
            NAME(copy_row)(r, y, low, 1);
        else
            NAME(copy_row)(r, y, low, r->inner);
    }
}

ISA_INLINE void NAME(draw_back)(const struct resize *r, T *restrict dx, const T *restrict g, T part, int64_t inner)
{
    for (int64_t o = 0; o < r->w.out; o++, g += inner) {
        T *a = dx + r->w.low[o] * inner, *b = dx + r->w.high[o] * inner;
        const T right = (T)r->w.weight[o] * part, left = (1 - (T)r->w.weight[o]) * part;
        for (int64_t c = 0; c < inner; c++)
            a[c] += left * g[c];
        for (int64_t c = 0; c < inner; c++)
            b[c] += right * g[c];
    }
}

ISA_INLINE void NAME(copy_back)(const struct resize *r, T *restrict dx, const T *restrict g, int64_t inner)
{
    for (int64_t o = 0; o < r->w.out; o++, g += inner)
        for (int64_t c = 0; c < inner; c++)
            dx[r->w.low[o] * inner + c] += g[c];
}

static void NAME(resize_vjp)(const struct resize *r, void *to_plane, const void *from_plane, int64_t from, int64_t to)
{
    for (int64_t row = from; row < to; row++) {
        T *dx = (T *)to_plane + row * r->w.in * r->inner;
        const int64_t end = first_tap(&r->h, row + 1);
        memset(dx, 0, (size_t)(r->w.in * r->inner) * sizeof(T));
        for (int64_t oh = first_tap(&r->h, r->h.weight ? row - 1 : row); oh < end; oh++) {
            const T *g = (const T *)from_plane + oh * r->w.out * r->inner;
            const T down = r->h.weight ? (T)r->h.weight[oh] : 0;
            const T part = (r->h.low[oh] == row ? 1 - down : 0) + (r->h.weight && r->h.high[oh] == row ? down : 0);
            if (r->h.weight && r->inner == 1)
                NAME(draw_back)(r, dx, g, part, 1);
            else if (r->h.weight)
                NAME(draw_back)(r, dx, g, part, r->inner);
            else if (r->inner == 1)
                NAME(copy_back)(r, dx, g, 1);
            else
                NAME(copy_back)(r, dx, g, r->inner);
        }
    }
}
