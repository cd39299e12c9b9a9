/* log(e^x0 + ... + e^xi) along a row, without overflow; compiled once per instruction set. float32 goes by chunks: all powers
 * of one chunk are taken beside its largest value, in vectors, and only their sums run one by one. */
#include <string.h>

#include "kernels.h"
#include "math.h"
#include "tables.h"

enum { CHUNK = 64 };

static double log_add_exp(double a, double b)
{
    if (isnan(a) || isnan(b))
        return NAN;
    const double low = a < b ? a : b, high = a < b ? b : a;
    return low == high && isinf(low) ? low : high + log1p(exp(low - high));
}

/* e^x for x <= 0, to 1e-9 of it; from -700 on the same */
ISA_INLINE double exp_below(double x)
{
    const double rounder = 6755399441055744.0, inside = x < -700 ? -700 : x;
    const double shifted = inside * 1.4426950408889634 + rounder, n = shifted - rounder, r = (inside - n * 0.69314718055994529) - n * 2.3190468138462996e-17;
    const double p = 1.0 / 720 + r * (1.0 / 5040 + r * (1.0 / 40320)), q = 0.5 + r * (1.0 / 6 + r * (1.0 / 24 + r * (1.0 / 120 + r * p)));
    return (1 + r + r * r * q) * double_of((bits_of_double(shifted) + 1023) << 52);
}

/* The running sum is sum e^high, high the largest value so far. */
static void logsumexp_f32(void *to, const void *from, size_t n)
{
    const float nowhere = 80;                   /* further below the largest, a first sum would leave float32 */
    double sum = 0, high = -INFINITY;
    for (size_t at = 0; at < n; at += CHUNK) {
        const size_t count = n - at < CHUNK ? n - at : CHUNK;
        float x[CHUNK], y[CHUNK], sums[CHUNK], largest = -INFINITY;
        double powers[CHUNK];
        for (size_t i = 0; i < CHUNK; i++)
            x[i] = -INFINITY;
        memcpy(x, (const float *)from + at, count * sizeof *x);
        uint32_t unfit = 0;
        for (size_t i = 0; i < CHUNK; i++) {
            largest = x[i] > largest ? x[i] : largest;
            unfit |= !(x[i] < INFINITY);
        }
        const double top = (double)largest > high ? (double)largest : high, bottom = (double)x[0] > high ? (double)x[0] : high;
        if (!unfit && top - bottom < (double)nowhere) {
            for (size_t i = 0; i < CHUNK; i++)
                powers[i] = exp_below((double)x[i] - top);
            sum *= exp(high - top);
            for (size_t i = 0; i < CHUNK; i++)
                sums[i] = (float)(sum += i < count ? powers[i] : 0);
            for (size_t i = 0; i < CHUNK; i++)
                y[i] = (float)(top + (double)log_f32(sums[i]));
            high = top;
        } else {
            double total = high + log(sum);
            for (size_t i = 0; i < count; i++)
                y[i] = (float)(total = log_add_exp(total, (double)x[i]));
            high = total, sum = total > -INFINITY;
        }
        memcpy((float *)to + at, y, count * sizeof *y);
    }
}

static void logsumexp_f64(void *to, const void *from, size_t n)
{
    double *y = to, total = -INFINITY;
    const double *x = from;
    for (size_t i = 0; i < n; i++)
        y[i] = total = log_add_exp(total, x[i]);
}

void ISA_NAME(scan_log_table)(struct kernels *table)
{
    table->scan_logsumexp[F32] = logsumexp_f32, table->scan_logsumexp[F64] = logsumexp_f64;
}
