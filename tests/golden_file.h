/* golden_file.h - reads the files of tests/golden, which tools/make_goldens.py writes. The first line says which PyTorch made
 * the file; then come cases, with an empty line behind each:
 *
 *     case sum axes=0,-1 keepdims=1                        the expression of golden_cases.def, its parameters
 *     in float64 grad [2,3] transposed: 1 -2.5 0 4 inf 6   an operand: dtype, shape, layout, elements in row-major order;
 *     in number: 0.5                                       grad: its gradient stands below. Or a C number, or none at all
 *     out float64 [1,1]: nan                               a result; there may be several
 *     gradient float64 [2,3]: 0.5 0.5 0.5 0.5 0.5 0.5      one for each operand marked grad
 *
 * Layouts: contiguous; transposed (all axes); sliced (a start of 1 and a step of 2 on each axis); flipped (negative steps);
 * expanded0, expanded1, ... (that axis has stride 0); last0, last1, ... (that axis runs fastest: of images, last1 is channels-last). */
#ifndef COTANGENT_TESTS_GOLDEN_FILE_H
#define COTANGENT_TESTS_GOLDEN_FILE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cotangent.h"

enum { GOLDEN_TENSORS = 8, GOLDEN_PARAMETERS = 8, GOLDEN_LIST = 16, GOLDEN_TEXT = 64 };

struct golden_parameter {
    char key[GOLDEN_TEXT], text[GOLDEN_TEXT];
    bool read, is_list;
    int ints[GOLDEN_LIST];                      /* text as a list, if it is one */
    int64_t sizes[GOLDEN_LIST];
    size_t count;
};

struct golden {
    FILE *file;
    int line;                                   /* of the case */
    int next_line;
    char name[GOLDEN_TEXT], problem[256];       /* problem: the first thing wrong with the case; "" if none */
    struct golden_parameter parameters[GOLDEN_PARAMETERS];
    size_t parameter_count, operands, results, gradients;
    ct_tensor *in[GOLDEN_TENSORS], *result[GOLDEN_TENSORS], *gradient[GOLDEN_TENSORS];
    bool wants[GOLDEN_TENSORS];                 /* operands marked grad */
    ct_subscript subscripts[CT_MAX_RANK];
};

bool golden_open(struct golden *at, const char *path); /* false, with problem: not to be read, or no PyTorch named */
bool golden_next(struct golden *at);            /* the next case, tensors in the innermost scope; false at the end */
void golden_close(struct golden *at);

/* Parameters of the case. One that is missing or is no such thing is noted in problem. */
const char *golden_text(struct golden *at, const char *key);
double golden_number(struct golden *at, const char *key);
int golden_word(struct golden *at, const char *key, const char *words); /* which of the words it is */
const struct golden_parameter *golden_list(struct golden *at, const char *key);
size_t golden_subscripts(struct golden *at, const char *key); /* "1,::2,None,...,@1", @1 for operand 1, into at->subscripts */
const char *golden_unread(const struct golden *at); /* a parameter that nothing asked for; NULL: none */
#endif
