/* attention.c - scaled dot product attention, forward and backward, over lengths: milliseconds and the memory it takes beside
 * its operands. 8 heads of 64, as views into (1, length, heads, width). benchmarks/attention.sh has PyTorch's beside them. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cotangent.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool measure(int64_t length, bool causal)
{
    CT_SCOPE;
    ct_tensor *x[3], *g = ct_randn(1, 8, length, 64);
    double forward = INFINITY, backward = INFINITY;
    size_t extra = 0;
    for (int i = 0; i < 3; i++)
        x[i] = ct_require_grad(ct_randn(1, length, 8, 64));
    const double end = now() + 1;
    for (int turn = 0; turn < 3 || now() < end; turn++) {
        CT_SCOPE;
        for (int i = 0; i < 3; i++)
            ct_zero_gradient(x[i]);
        const size_t before = ct_memory().live;
        ct_memory_reset_peak();
        const double start = now();
        ct_tensor *y = ct_scaled_dot_product_attention(ct_transpose(x[0], 1, 2), ct_transpose(x[1], 1, 2), ct_transpose(x[2], 1, 2), .causal = causal);
        const double middle = now();
        if (!ct_backward(y, .cotangent = g))
            return false;
        forward = fmin(forward, middle - start), backward = fmin(backward, now() - middle);
        extra = ct_memory().peak - before;
    }
    printf("cotangent  length %5lld %-6s  forward %9.3f ms  backward %9.3f ms  extra %8.1f MiB\n", (long long)length, causal ? "causal" : "", forward * 1e3,
           backward * 1e3, (double)extra / 1048576);
    for (int i = 0; i < 3; i++)
        ct_zero_gradient(x[i]);
    return true;
}

int main(int argc, char **argv)
{
    for (int causal = 0; causal < 2; causal++)
        for (int64_t length = 128; length <= 8192; length *= 2)
            if ((argc < 2 || atoll(argv[1]) == length) && !measure(length, causal))
                return ct_report_error();
    return 0;
}
