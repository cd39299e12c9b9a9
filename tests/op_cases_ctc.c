/* op_cases_ctc.c - rows of ctc; test_ctc.c counts alignments one by one. */
#include "op_cases.h"

/* in[0]: logits, so that differences see the gradient that is meant for what lies behind a log_softmax */
#define CTC(...) ct_ctc(ct_log_softmax(in[0], -1), in[1], in[2], in[3], __VA_ARGS__)
#define TWO .shapes = {SIZES(5, 2, 4), SIZES(2, 2), SIZES(2), SIZES(2)}
#define LABELS .kinds = "fiii", .range = {{0, 0}, {1, 3}}, NO_SECOND
#define NO_SECOND .no_second = "ctc: has no second derivative"
#define MADE_UP {0, {0}}
#define LENGTHS(...) .values = {MADE_UP, MADE_UP, __VA_ARGS__}

OP_CASES(ctc)
{
    CASE(CTC(.reduction = CT_NONE), TWO, LABELS, .values = {MADE_UP, LIST(1, 2, 3, 3), LIST(5, 4), LIST(2, 2)});
    CASE(CTC(.reduction = CT_MEAN), .shapes = {SIZES(5, 2, 4), SIZES(3), SIZES(2), SIZES(2)}, LABELS, .values = {MADE_UP, LIST(1, 1, 2), LIST(3, 5), LIST(2, 1)},
         .no_layouts = "lengths that sum to the labels");
    CASE(CTC(.reduction = CT_SUM, .blank = 3), .shapes = {SIZES(4, 3, 4), SIZES(3, 2), SIZES(3), SIZES(3)}, .kinds = "fiii", .range = {{0, 0}, {0, 2}}, NO_SECOND,
         .values = {MADE_UP, MADE_UP, LIST(4, 3, 4), LIST(1, 0, 2)});
    CASE(CTC(.reduction = CT_NONE), .shapes = {SIZES(4, 3), SIZES(2), SCALAR, SCALAR}, .kinds = "fiii", NO_SECOND, .values = {MADE_UP, LIST(1, 2), LIST(4), LIST(2)});
    CASE(CTC(.zero_infinity = true), .shapes = {SIZES(3, 2, 4), SIZES(2, 3), SIZES(2), SIZES(2)}, LABELS, .values = {MADE_UP, LIST(1, 2, 3, 3, 3, 3), LIST(3, 3), LIST(3, 3)});
    CASE(CTC(.reduction = CT_NONE), .shapes = {SIZES(3, 0, 4), SIZES(0, 2), SIZES(0), SIZES(0)}, LABELS);
    CASE(CTC(.reduction = CT_NONE), .shapes = {SIZES(0, 2, 4), SIZES(2, 1), SIZES(2), SIZES(2)}, LABELS, LENGTHS(LIST(0, 0), LIST(0, 0)), .expect = LIST(0, 0));
    CASE(CTC(.reduction = CT_NONE), .shapes = {SIZES(60, 35, 5), SIZES(35, 4), SIZES(35), SIZES(35)}, .kinds = "fiii", .range = {{0, 0}, {1, 4}, {40, 60}, {1, 4}}, .tolerance = 1e-4);
    REFUSED(0, "want log-probabilities (T, N, C) or (T, C)", ct_ctc(in[0], in[1], in[2], in[3]), .shapes = {SCALAR, SIZES(1), SIZES(1), SIZES(1)}, LABELS);
    REFUSED(0, "want float32 or float64", ct_ctc(in[0], in[1], in[2], in[3]), TWO, .kinds = "iiii");
    REFUSED(0, "input length 6 at index 1 is not in [0, 5]", CTC(.blank = 0), TWO, LABELS, LENGTHS(LIST(5, 6), LIST(2, 2)));
    REFUSED(0, "input length -1 at index 0 is not in [0, 5]", CTC(.blank = 0), TWO, LABELS, LENGTHS(LIST(-1, 5), LIST(2, 2)));
    REFUSED(0, "target length 3 at index 0 is not in [0, 2]", CTC(.blank = 0), TWO, LABELS, LENGTHS(LIST(5, 5), LIST(3, 2)));
    REFUSED(0, "target length -1 at index 1", CTC(.blank = 0), TWO, LABELS, LENGTHS(LIST(5, 5), LIST(2, -1)));
    REFUSED(0, "label 0 at index 1 of target 0 is the blank", CTC(.blank = 0), TWO, LABELS, .values = {MADE_UP, LIST(1, 0, 1, 1), LIST(5, 5), LIST(2, 2)});
    REFUSED(0, "label 4 at index 0 of target 1 is no class", CTC(.blank = 0), TWO, LABELS, .values = {MADE_UP, LIST(1, 1, 4, 1), LIST(5, 5), LIST(2, 2)});
    REFUSED(0, "label -1 at index 0", CTC(.blank = 0), TWO, LABELS, .values = {MADE_UP, LIST(-1, 1, 1, 1), LIST(5, 5), LIST(2, 2)});
    REFUSED(0, "holds 3 labels, target lengths sum to 4", CTC(.blank = 0), .shapes = {SIZES(5, 2, 4), SIZES(3), SIZES(2), SIZES(2)}, LABELS, LENGTHS(LIST(5, 5), LIST(2, 2)));
    REFUSED(0, "want int64 (N, S), or all labels in a row", CTC(.blank = 0), .shapes = {SIZES(5, 2, 4), SIZES(3, 2), SIZES(2), SIZES(2)}, LABELS);
    REFUSED(0, "target float64", CTC(.blank = 0), TWO, .kinds = "ffii");
    REFUSED(0, "input lengths int64 (3): want int64 (2)", CTC(.blank = 0), .shapes = {SIZES(5, 2, 4), SIZES(2, 2), SIZES(3), SIZES(2)}, LABELS);
    REFUSED(0, "target lengths float64 (2)", CTC(.blank = 0), TWO, .kinds = "fiif");
    REFUSED(0, "blank 4 is not in [0, 4)", CTC(.blank = 4), TWO, LABELS);
    REFUSED(0, "reduction 3, want CT_MEAN, CT_SUM or CT_NONE", CTC(.reduction = CT_BATCH_MEAN), TWO, LABELS);
    REFUSED(0, "target lengths is NULL", ct_ctc(in[0], in[1], in[2], NULL), .shapes = {SIZES(5, 2, 4), SIZES(2, 2), SIZES(2)}, LABELS);
}
