/* gemm_dot.c - products with few rows whose A and B run along k: dot products, nothing copied. Compiled per ISA. */
#include "gemm_parts.h"
#include "isa.h"

enum { DOT_ROWS = 4, DOT_COLUMNS = 4 };

struct dot {
    size_t k;
    const float *a;
    ptrdiff_t a_row;
    const float *b[DOT_COLUMNS];
    float *c;
    ptrdiff_t c_row;
    const float *bias;
    bool accumulate, relu;
    int columns;
};

/* Sums of the lanes of four vectors, by shuffles: lane 0 of the result is x[0]'s, 1 is x[2]'s, 2 is x[1]'s, 3 is
 * x[3]'s. */
ISA_INLINE void sum_lanes_of_four(float sums[4], f32v x0, f32v x1, f32v x2, f32v x3)
{
    f32v x01 = f32v_zip_low(x0, x1) + f32v_zip_high(x0, x1);
    f32v x23 = f32v_zip_low(x2, x3) + f32v_zip_high(x2, x3);
    f32v all = f32v_zip_low(x01, x23) + f32v_zip_high(x01, x23);
    float lane[F32_LANES];
    f32v_store(lane, all);
    for (int width = F32_LANES / 2; width >= 4; width /= 2)
        for (int i = 0; i < width; i++)
            lane[i] += lane[i + width];
    sums[0] = lane[0], sums[1] = lane[2], sums[2] = lane[1], sums[3] = lane[3];
}

ISA_INLINE void dot_rows(const int rows, const struct dot *d)
{
    f32v sum[DOT_ROWS][DOT_COLUMNS];
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int j = 0; j < DOT_COLUMNS; j++)
            sum[i][j] = (f32v){0};
    size_t p = 0;
    for (; p + F32_LANES <= d->k; p += F32_LANES) {
        f32v b[DOT_COLUMNS];
        UNROLL
        for (int j = 0; j < DOT_COLUMNS; j++)
            b[j] = f32v_load(d->b[j] + p);
        UNROLL
        for (int i = 0; i < rows; i++) {
            f32v a = f32v_load(d->a + i * d->a_row + p);
            UNROLL
            for (int j = 0; j < DOT_COLUMNS; j++)
                sum[i][j] += a * b[j];
        }
    }
    if (p < d->k) {
        int rest = (int)(d->k - p);
        f32v b[DOT_COLUMNS];
        UNROLL
        for (int j = 0; j < DOT_COLUMNS; j++)
            b[j] = f32v_load_first(d->b[j] + p, rest);
        UNROLL
        for (int i = 0; i < rows; i++) {
            f32v a = f32v_load_first(d->a + i * d->a_row + p, rest);
            UNROLL
            for (int j = 0; j < DOT_COLUMNS; j++)
                sum[i][j] += a * b[j];
        }
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        float x[DOT_COLUMNS];
        sum_lanes_of_four(x, sum[i][0], sum[i][1], sum[i][2], sum[i][3]);
        for (int j = 0; j < d->columns; j++) {
            float *c = d->c + i * d->c_row + j;
            float y = d->accumulate ? x[j] + *c : x[j];
            if (d->bias)
                y += d->bias[j];
            *c = d->relu && y <= 0 ? 0 : y;
        }
    }
}

void ISA_NAME(gemm_dot)(const struct gemm *job, struct gemm_block block)
{
    struct dot d = {.k = job->k, .a_row = job->a_row, .c_row = job->c_row, .accumulate = job->accumulate,
                    .relu = job->activation == GEMM_RELU};
    for (size_t j = 0; j < block.columns; j += DOT_COLUMNS) {
        size_t column = block.column + j;
        d.columns = block.columns - j < DOT_COLUMNS ? (int)(block.columns - j) : DOT_COLUMNS;
        for (int q = 0; q < DOT_COLUMNS; q++) {
            int real = q < d.columns ? q : d.columns - 1;  /* missing columns repeat the last: computed, not stored */
            d.b[q] = (const float *)job->b + ((ptrdiff_t)column + real) * job->b_column;
        }
        d.bias = job->bias ? (const float *)job->bias + column : NULL;
        for (size_t i = 0; i < block.rows; i += DOT_ROWS) {
            ptrdiff_t row = (ptrdiff_t)(block.row + i);
            d.a = (const float *)job->a + row * job->a_row;
            d.c = (float *)job->c + row * job->c_row + (ptrdiff_t)column;
            switch (block.rows - i) {
            case 1:  dot_rows(1, &d); break;
            case 2:  dot_rows(2, &d); break;
            case 3:  dot_rows(3, &d); break;
            default: dot_rows(4, &d); break;
            }
        }
    }
}
