/* What the layers' ONNX forms share. Never installed. */
#ifndef COTANGENT_NN_ONNX_H
#define COTANGENT_NN_ONNX_H
#include "nn/module.h"

/* A node without attributes, and with: ONNX("Add", x, y), ONNX_WITH("Elu", ONNX_ATTRIBUTES(ONNX_NUMBER("alpha", 1)), x); graph is `g`. */
#define ONNX_INPUTS(...) (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)
#define ONNX_ATTRIBUTES(...) (const ct_onnx_attribute[]){__VA_ARGS__}, sizeof((const ct_onnx_attribute[]){__VA_ARGS__}) / sizeof(ct_onnx_attribute)
#define ONNX(op, ...) ct_onnx_node(g, op, ONNX_INPUTS(__VA_ARGS__), NULL, 0)
#define ONNX_WITH(op, attributes, ...) onnx_with(g, op, ONNX_INPUTS(__VA_ARGS__), attributes)
#define onnx_with(...) ct_onnx_node(__VA_ARGS__)
#define ONNX_INTEGER(key, value) {.name = key, .type = CT_ONNX_INTEGER, .integer = value}
#define ONNX_NUMBER(key, value) {.name = key, .type = CT_ONNX_NUMBER, .number = value}
#define ONNX_TEXT(key, value) {.name = key, .type = CT_ONNX_TEXT, .text = value}
#define ONNX_LIST(key, values, n) {.name = key, .type = CT_ONNX_INTEGERS, .integers = values, .count = n}
#define ONNX_LIST_OF(key, ...) ONNX_LIST(key, ((const int64_t[]){__VA_ARGS__}), sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

/* Constants: of the model's floating dtype, and int64 (n). */
const char *onnx_number(ct_onnx *g, double value);
const char *onnx_filled(ct_onnx *g, int64_t size, double value); /* (size) */
const char *onnx_list(ct_onnx *g, const int64_t *values, size_t count);
#define ONNX_CONSTANT(...) onnx_list(g, (const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
ct_dtype onnx_dtype(const ct_onnx *g);

const char *onnx_activation(ct_onnx *g, ct_activation activation, const char *x);
const char *onnx_linear(ct_onnx *g, const char *x, int rank, const char *w, const char *b); /* x w^T + b; b "": none */
const char *onnx_slice(ct_onnx *g, const char *x, int axis, int64_t from, int64_t to);
const char *onnx_size(ct_onnx *g, const char *x, int64_t axis); /* (1) of int64: as long as x's axis */
void onnx_window(int64_t packed, int axes, int64_t out[2]); /* one number an axis, of CT_HW or one for all */
int onnx_rank(const ct_onnx *g, const ct_module *self); /* of what self was given when the example ran; -1: it was not run by ct_forward */
int64_t onnx_input_size(const ct_onnx *g, const ct_module *self, int axis); /* likewise; may be negative, counting from the end */

ct_onnx_form onnx_same, onnx_chain;             /* x itself; all children one after another */
#endif
