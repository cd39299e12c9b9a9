/* Attention over raw float32 memory, block by block with an online softmax: arXiv:2205.14135 and 2307.08691. The scores of a block
 * of keys and a block of queries are all that ever exists of them.
 *
 * Leading axes are walked by strides, of which a 0 shares an operand's matrix. The last of them, `group`, is the queries' heads
 * that share a key's: dk and dv sum over it. */
#ifndef COTANGENT_KERNELS_ATTENTION_H
#define COTANGENT_KERNELS_ATTENTION_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ATTENTION_AXES = 7 };
struct attention_operand {
    void *data;                                 /* NULL: there is none; of a matrix, whose rows are contiguous */
    ptrdiff_t steps[ATTENTION_AXES], row;       /* in elements */
};
enum attention_mask { MASK_NONE, MASK_BOOL, MASK_FLOAT };

struct attention {
    size_t axes, matrices;                      /* leading axes, and how many matrices of queries they hold */
    size_t sizes[ATTENTION_AXES];
    size_t group, queries, keys, width, value_width;
    struct attention_operand q, k, v, y, mask;  /* mask: rows are queries */
    ptrdiff_t mask_column;
    enum attention_mask mask_kind;
    bool causal;                                /* query i sees keys up to i + offset */
    int64_t offset;
    double scale, dropout;
    uint64_t seed, block;                       /* of the uniform numbers (matrices, keys, queries rounded up to 4) */
    float *logs;                                /* (matrices, queries): log2 of the sum of e^score; +inf: nothing is attended to */
    struct attention_operand g, dq, dk, dv;     /* backward alone; gradients without data are not wanted */
    size_t parts;                               /* backward: of the keys, each with its own sum for dq */
    float *partial;                             /* (parts - 1, matrices, queries, width) */
};

/* False: no memory for scratch. */
bool attention_forward(const struct attention *a);
bool attention_backward(const struct attention *a);
size_t attention_parts(const struct attention *a); /* that backward wants */

/* One part of the work, per instruction set. */
enum { ATTENTION_QUERIES = 64, ATTENTION_KEYS = 96 };
typedef bool attention_part(const struct attention *a, size_t part, float *scratch);
#define ATTENTION_PARTS(isa) attention_part attention_forward_##isa, attention_backward_##isa;
ATTENTION_PARTS(base)
ATTENTION_PARTS(avx2)
ATTENTION_PARTS(avx512)

static inline ptrdiff_t attention_at(const struct attention *a, const struct attention_operand *o, size_t matrix)
{
    ptrdiff_t at = 0;
    for (size_t i = a->axes; i-- > 0; matrix /= a->sizes[i])
        at += (ptrdiff_t)(matrix % a->sizes[i]) * o->steps[i];
    return at;
}
static inline size_t attention_blocks(size_t n, size_t block)
{
    return (n + block - 1) / block;
}
#endif
