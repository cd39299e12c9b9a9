/* C's convenience over the plain functions: numbers as operands, sizes as argument lists, options by name, scopes that
 * close with their block. A macro never evaluates an argument twice, and evaluates them left to right. Parentheses around
 * the name reach the plain function, with the arguments that a macro fills in: (ct_rand)(sizes, 2, CT_FLOAT64, generator). */
#ifndef COTANGENT_SUGAR_H
#define COTANGENT_SUGAR_H

/* ---- Pieces ----------------------------------------------------------------------------------------------------------- */
#define CT_GLUE2_(a, b) a##b
#define CT_GLUE_(a, b) CT_GLUE2_(a, b)
#define CT_NAME_(stem) CT_GLUE_(CT_GLUE_(stem, __COUNTER__), _)
#define CT_UNWRAP_(...) __VA_ARGS__
/* The first argument, and the others each followed by a comma. The added empty argument keeps "..." from being absent. */
#define CT_HEAD_(...) CT_HEAD2_(__VA_ARGS__, )
#define CT_HEAD2_(head, ...) head
#define CT_TAIL_(...) CT_TAIL2_(__VA_ARGS__, )
#define CT_TAIL2_(head, ...) __VA_ARGS__

/* ---- Scopes: declarations, so that return, break and continue close them ------------------------------------------------ */
#define CT_SCOPE CT_SCOPE2_(CT_NAME_(ct_scope_mark_))
#define CT_SCOPE2_(mark) char mark __attribute__((cleanup(ct_scope_leave_), unused)) = ct_scope_enter_(&mark)
#define CT_NO_GRAD CT_NO_GRAD2_(CT_NAME_(ct_no_grad_mark_))
#define CT_NO_GRAD2_(mark) const char mark __attribute__((cleanup(ct_no_grad_leave_), unused)) = ct_no_grad_enter_()

/* ---- Numbers as operands -------------------------------------------------------------------------------------------------
 * An operand is bound to a name first: _Generic on its text would repeat that text, and a nest of calls would double at
 * every level. There is no default branch, so a wrong type does not compile. void * is the literal NULL. */
#define CT_OPERAND_(v)                                                                                                   \
    _Generic((v), ct_tensor *: ct_same_, const ct_tensor *: ct_same_, void *: ct_same_, float: ct_scalar, double: ct_scalar, \
        long double: ct_scalar, _Bool: ct_scalar_bool, char: ct_scalar_int, signed char: ct_scalar_int,                  \
        unsigned char: ct_scalar_int, short: ct_scalar_int, unsigned short: ct_scalar_int, int: ct_scalar_int,           \
        unsigned: ct_scalar_int, long: ct_scalar_int, unsigned long: ct_scalar_int, long long: ct_scalar_int,            \
        unsigned long long: ct_scalar_int)(v)
static inline ct_tensor *ct_same_(const void *t)
{
    return (ct_tensor *)(uintptr_t)t;
}
#define CT_CALL2_(f, x, y) CT_CALL2B_(f, x, y, CT_NAME_(ct_a_), CT_NAME_(ct_b_))
#define CT_CALL2B_(f, x, y, a, b)                                                                                        \
    __extension__({                                                                                                      \
        __auto_type a = (x);                                                                                             \
        __auto_type b = (y);                                                                                             \
        f(CT_OPERAND_(a), CT_OPERAND_(b));                                                                               \
    })
#define CT_CALL3_(f, x, y, z) CT_CALL3B_(f, x, y, z, CT_NAME_(ct_a_), CT_NAME_(ct_b_), CT_NAME_(ct_c_))
#define CT_CALL3B_(f, x, y, z, a, b, c)                                                                                  \
    __extension__({                                                                                                      \
        __auto_type a = (x);                                                                                             \
        __auto_type b = (y);                                                                                             \
        __auto_type c = (z);                                                                                             \
        f(CT_OPERAND_(a), CT_OPERAND_(b), CT_OPERAND_(c));                                                               \
    })
#define ct_add(a, b) CT_CALL2_(ct_add, a, b)
#define ct_sub(a, b) CT_CALL2_(ct_sub, a, b)
#define ct_mul(a, b) CT_CALL2_(ct_mul, a, b)
#define ct_div(a, b) CT_CALL2_(ct_div, a, b)
#define ct_pow(a, b) CT_CALL2_(ct_pow, a, b)
#define ct_maximum(a, b) CT_CALL2_(ct_maximum, a, b)
#define ct_minimum(a, b) CT_CALL2_(ct_minimum, a, b)
#define ct_fmax(a, b) CT_CALL2_(ct_fmax, a, b)
#define ct_fmin(a, b) CT_CALL2_(ct_fmin, a, b)
#define ct_fmod(a, b) CT_CALL2_(ct_fmod, a, b)
#define ct_remainder(a, b) CT_CALL2_(ct_remainder, a, b)
#define ct_floor_divide(a, b) CT_CALL2_(ct_floor_divide, a, b)
#define ct_atan2(a, b) CT_CALL2_(ct_atan2, a, b)
#define ct_hypot(a, b) CT_CALL2_(ct_hypot, a, b)
#define ct_logaddexp(a, b) CT_CALL2_(ct_logaddexp, a, b)
#define ct_xlogy(a, b) CT_CALL2_(ct_xlogy, a, b)
#define ct_eq(a, b) CT_CALL2_(ct_eq, a, b)
#define ct_ne(a, b) CT_CALL2_(ct_ne, a, b)
#define ct_lt(a, b) CT_CALL2_(ct_lt, a, b)
#define ct_le(a, b) CT_CALL2_(ct_le, a, b)
#define ct_gt(a, b) CT_CALL2_(ct_gt, a, b)
#define ct_ge(a, b) CT_CALL2_(ct_ge, a, b)
#define ct_logical_and(a, b) CT_CALL2_(ct_logical_and, a, b)
#define ct_logical_or(a, b) CT_CALL2_(ct_logical_or, a, b)
#define ct_logical_xor(a, b) CT_CALL2_(ct_logical_xor, a, b)
#define ct_normal(mean, deviation) CT_NORMAL_(mean, deviation, CT_NAME_(ct_a_), CT_NAME_(ct_b_))
#define CT_NORMAL_(x, y, a, b)                                                                                           \
    __extension__({                                                                                                      \
        __auto_type a = (x);                                                                                             \
        __auto_type b = (y);                                                                                             \
        (ct_normal)(CT_OPERAND_(a), CT_OPERAND_(b), NULL);                                                               \
    })
#define ct_matmul(a, b) CT_CALL2_(ct_matmul, a, b)
#define ct_add_(x, y) CT_CALL2_(ct_add_, x, y)
#define ct_mul_(x, y) CT_CALL2_(ct_mul_, x, y)
#define ct_fill_(x, value) CT_CALL2_(ct_fill_, x, value)
#define ct_copy_(x, y) CT_CALL2_(ct_copy_, x, y)
#define ct_where(condition, a, b) CT_CALL3_(ct_where, condition, a, b)
#define ct_lerp(a, b, weight) CT_CALL3_(ct_lerp, a, b, weight)
#define ct_masked_fill(x, mask, value) CT_CALL3_(ct_masked_fill, x, mask, value)

/* ---- Lists: f(before, list, count, after) -------------------------------------------------------------------------------- */
#define CT_LIST_(f, before, type, after, ...) CT_LISTB_(f, before, type, after, CT_NAME_(ct_list_), __VA_ARGS__)
#define CT_LISTB_(f, before, type, after, list, ...)                                                                     \
    __extension__({                                                                                                      \
        type const list[] = {__VA_ARGS__};                                                                               \
        f(CT_UNWRAP_ before list, sizeof list / sizeof *list CT_UNWRAP_ after);                                          \
    })
#define CT_SIZES_(f, before, after, ...) CT_LIST_(f, before, int64_t, after, __VA_ARGS__)
/* A list of tensors where a function takes pointer and count: ct_cat(CT_TENSORS(a, b), 1). It lives to the end of the block. */
#define CT_TENSORS(...) ((ct_tensor *const[]){__VA_ARGS__}), (sizeof((ct_tensor *const[]){__VA_ARGS__}) / sizeof(ct_tensor *))

#define ct_empty(...) CT_SIZES_(ct_empty, (), (, ct_default_dtype()), __VA_ARGS__)
#define ct_zeros(...) CT_SIZES_(ct_zeros, (), (, ct_default_dtype()), __VA_ARGS__)
#define ct_ones(...) CT_SIZES_(ct_ones, (), (, ct_default_dtype()), __VA_ARGS__)
#define ct_rand(...) CT_SIZES_(ct_rand, (), (, ct_default_dtype(), NULL), __VA_ARGS__)
#define ct_randn(...) CT_SIZES_(ct_randn, (), (, ct_default_dtype(), NULL), __VA_ARGS__)
#define ct_full(value, ...) CT_SIZES_(ct_full, (), (, value, ct_default_dtype()), __VA_ARGS__)
#define ct_exponential(rate, ...) CT_SIZES_(ct_exponential, (rate, ), (, ct_default_dtype(), NULL), __VA_ARGS__)
#define ct_randint(low, high, ...) CT_SIZES_(ct_randint, (low, high, ), (, NULL), __VA_ARGS__)
#define ct_empty_as(dtype, ...) CT_SIZES_((ct_empty), (), (, dtype), __VA_ARGS__)
#define ct_zeros_as(dtype, ...) CT_SIZES_((ct_zeros), (), (, dtype), __VA_ARGS__)
#define ct_ones_as(dtype, ...) CT_SIZES_((ct_ones), (), (, dtype), __VA_ARGS__)
#define ct_rand_as(dtype, ...) CT_SIZES_((ct_rand), (), (, dtype, NULL), __VA_ARGS__)
#define ct_randn_as(dtype, ...) CT_SIZES_((ct_randn), (), (, dtype, NULL), __VA_ARGS__)
#define ct_full_as(dtype, value, ...) CT_SIZES_((ct_full), (), (, value, dtype), __VA_ARGS__)
#define ct_vector(...) CT_LIST_(ct_vector, (), double, (, ct_default_dtype()), __VA_ARGS__)
#define ct_vector_int(...) CT_VECTOR_INT_(CT_NAME_(ct_list_), __VA_ARGS__)
#define CT_VECTOR_INT_(list, ...)                                                                                        \
    __extension__({                                                                                                      \
        int64_t const list[] = {__VA_ARGS__};                                                                            \
        (ct_from_array)(list, CT_INT64, (const int64_t[]){sizeof list / sizeof *list}, 1);                               \
    })
#define ct_reshape(...) CT_SIZES_(ct_reshape, (CT_HEAD_(__VA_ARGS__), ), (), CT_TAIL_(__VA_ARGS__))
#define ct_expand(...) CT_SIZES_(ct_expand, (CT_HEAD_(__VA_ARGS__), ), (), CT_TAIL_(__VA_ARGS__))
#define ct_sum_to(...) CT_SIZES_(ct_sum_to, (CT_HEAD_(__VA_ARGS__), ), (), CT_TAIL_(__VA_ARGS__))
#define ct_permute(...) CT_LIST_(ct_permute, (CT_HEAD_(__VA_ARGS__), ), int, (), CT_TAIL_(__VA_ARGS__))
#define ct_squeeze(...) CT_LIST_(ct_squeeze, (CT_HEAD_(__VA_ARGS__), ), int, (), CT_TAIL_(__VA_ARGS__))
#define ct_broadcast_to(...) CT_SIZES_(ct_broadcast_to, (CT_HEAD_(__VA_ARGS__), ), (), CT_TAIL_(__VA_ARGS__))
#define ct_tile(...) CT_SIZES_(ct_tile, (CT_HEAD_(__VA_ARGS__), ), (), CT_TAIL_(__VA_ARGS__))
#define ct_flip(...) CT_LIST_(ct_flip, (CT_HEAD_(__VA_ARGS__), ), int, (), CT_TAIL_(__VA_ARGS__))
#define ct_pad_by(x, mode, ...) CT_LISTB_(ct_pad_by, (x, mode, ), int64_t, (), CT_NAME_(ct_list_), __VA_ARGS__)
#define ct_pad(x, value, ...) CT_LISTB_(ct_pad, (x, ), int64_t, (, value), CT_NAME_(ct_list_), __VA_ARGS__)

#define CT_DTYPE_OF_(p)                                                                                                  \
    _Generic((p), float *: CT_FLOAT32, const float *: CT_FLOAT32, double *: CT_FLOAT64, const double *: CT_FLOAT64,      \
        int64_t *: CT_INT64, const int64_t *: CT_INT64, _Bool *: CT_BOOL, const _Bool *: CT_BOOL)
#define ct_from_array(p, ...) CT_SIZES_(ct_from_array, (p, CT_DTYPE_OF_(p), ), (), __VA_ARGS__)
#define ct_borrow_array(p, ...) CT_SIZES_(ct_borrow_array, (p, CT_DTYPE_OF_(p), ), (, NULL, NULL), __VA_ARGS__)

/* ---- Named options: the defaults, then the caller's own, which override them, an explicit zero too -----------------------
 * Both compilers warn of such overriding; here it is the point, so the warning is off for this declaration alone. Every
 * options struct ends in a char of which users know nothing: a value given without a name is one too many, and the compiler's
 * note on it shows the variable that is named for the occasion. */
#define CT_OPTIONS_(type, name, before, ...)                                                                             \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Woverride-init\"")                                 \
    const type name = {CT_UNWRAP_ before __VA_ARGS__};                                                                   \
    _Pragma("GCC diagnostic pop")
#define CT_WITH_(f, required, type, defaults, ...) CT_WITHB_(f, required, type, defaults, CT_NAME_(write_options_by_name_), __VA_ARGS__)
#define CT_WITHB_(f, required, type, defaults, name, ...)                                                                \
    __extension__({                                                                                                      \
        CT_OPTIONS_(type, name, (CT_UNWRAP_ defaults .end_ = 0, ), __VA_ARGS__)                                          \
        f(CT_UNWRAP_ required &name);                                                                                    \
    })
#define CT_WITH1_(f, type, defaults, ...) CT_WITH_(f, (CT_HEAD_(__VA_ARGS__), ), type, defaults, CT_TAIL_(__VA_ARGS__))
/* Two or three tensors before the options, evaluated in order. */
#define CT_WITH2_(f, type, x, ...) CT_WITH2B_(f, type, x, CT_HEAD_(__VA_ARGS__), CT_NAME_(ct_a_), CT_NAME_(ct_b_), CT_TAIL_(__VA_ARGS__))
#define CT_WITH2B_(f, type, x, y, a, b, ...)                                                                             \
    __extension__({                                                                                                      \
        ct_tensor *const a = (x);                                                                                        \
        ct_tensor *const b = (y);                                                                                        \
        CT_WITH_(f, (a, b, ), type, (), __VA_ARGS__);                                                                    \
    })
#define ct_backward(...) CT_WITH1_(ct_backward, ct_backward_options, (), __VA_ARGS__)
#define ct_grad(y, ...) CT_WITH2_(ct_grad, ct_grad_options, y, __VA_ARGS__)
#define ct_multinomial(weights, ...) CT_WITH_(ct_multinomial, (weights, CT_HEAD_(__VA_ARGS__), ), ct_multinomial_options, (), CT_TAIL_(__VA_ARGS__))
#define ct_nan_to_num(...) CT_WITH1_(ct_nan_to_num, ct_nan_to_num_options, (CT_NAN_TO_NUM_DEFAULTS), __VA_ARGS__)
#define ct_dropout(...) CT_WITH1_(ct_dropout, ct_dropout_options, (CT_DROPOUT_DEFAULTS), __VA_ARGS__)
/* The same with defaults, and for three tensors. */
#define CT_WITH2D_(f, type, defaults, x, ...)                                                                            \
    CT_WITH2DB_(f, type, defaults, x, CT_HEAD_(__VA_ARGS__), CT_NAME_(ct_a_), CT_NAME_(ct_b_), CT_TAIL_(__VA_ARGS__))
#define CT_WITH2DB_(f, type, defaults, x, y, a, b, ...)                                                                  \
    __extension__({                                                                                                      \
        ct_tensor *const a = (x);                                                                                        \
        ct_tensor *const b = (y);                                                                                        \
        CT_WITH_(f, (a, b, ), type, defaults, __VA_ARGS__);                                                              \
    })
#define CT_WITH3_(f, type, defaults, x, y, ...)                                                                          \
    CT_WITH3B_(f, type, defaults, x, y, CT_HEAD_(__VA_ARGS__), CT_NAME_(ct_a_), CT_NAME_(ct_b_), CT_NAME_(ct_c_), CT_TAIL_(__VA_ARGS__))
#define CT_WITH3B_(f, type, defaults, x, y, z, a, b, c, ...)                                                             \
    __extension__({                                                                                                      \
        ct_tensor *const a = (x);                                                                                        \
        ct_tensor *const b = (y);                                                                                        \
        ct_tensor *const c = (z);                                                                                        \
        CT_WITH_(f, (a, b, c, ), type, defaults, __VA_ARGS__);                                                           \
    })
#define CT_WITH4_(f, type, x, y, z, ...)                                                                                 \
    CT_WITH4B_(f, type, x, y, z, CT_HEAD_(__VA_ARGS__), CT_NAME_(ct_a_), CT_NAME_(ct_b_), CT_NAME_(ct_c_), CT_NAME_(ct_d_), CT_TAIL_(__VA_ARGS__))
#define CT_WITH4B_(f, type, x, y, z, w, a, b, c, d, ...)                                                                 \
    __extension__({                                                                                                      \
        ct_tensor *const a = (x);                                                                                        \
        ct_tensor *const b = (y);                                                                                        \
        ct_tensor *const c = (z);                                                                                        \
        ct_tensor *const d = (w);                                                                                        \
        CT_WITH_(f, (a, b, c, d, ), type, (), __VA_ARGS__);                                                              \
    })
#define ct_ctc(log_p, target, input_lengths, ...) CT_WITH4_(ct_ctc, ct_ctc_options, log_p, target, input_lengths, __VA_ARGS__)
#define ct_linear(x, w, ...) CT_WITH3_(ct_linear, ct_linear_options, (), x, w, __VA_ARGS__)
#define ct_addmm(c, a, ...) CT_WITH3_(ct_addmm, ct_addmm_options, (CT_ADDMM_DEFAULTS), c, a, __VA_ARGS__)
#define ct_baddbmm(c, a, ...) CT_WITH3_(ct_baddbmm, ct_addmm_options, (CT_ADDMM_DEFAULTS), c, a, __VA_ARGS__)
#define ct_cross_entropy(x, ...) CT_WITH2D_(ct_cross_entropy, ct_cross_entropy_options, (CT_CROSS_ENTROPY_DEFAULTS), x, __VA_ARGS__)
#define ct_nll(x, ...) CT_WITH2D_(ct_nll, ct_nll_options, (CT_NLL_DEFAULTS), x, __VA_ARGS__)
#define ct_multi_margin(x, ...) CT_WITH2D_(ct_multi_margin, ct_multi_margin_options, (CT_MULTI_MARGIN_DEFAULTS), x, __VA_ARGS__)
#define ct_mse(x, ...) CT_WITH2_(ct_mse, ct_loss_options, x, __VA_ARGS__)
#define ct_l1(x, ...) CT_WITH2_(ct_l1, ct_loss_options, x, __VA_ARGS__)
#define ct_smooth_l1(x, ...) CT_WITH2D_(ct_smooth_l1, ct_smooth_l1_options, (CT_SMOOTH_L1_DEFAULTS), x, __VA_ARGS__)
#define ct_huber(x, ...) CT_WITH2D_(ct_huber, ct_huber_options, (CT_HUBER_DEFAULTS), x, __VA_ARGS__)
#define ct_gaussian_nll(x, y, ...) CT_WITH3_(ct_gaussian_nll, ct_gaussian_nll_options, (CT_GAUSSIAN_NLL_DEFAULTS), x, y, __VA_ARGS__)
#define ct_poisson_nll(x, ...) CT_WITH2D_(ct_poisson_nll, ct_poisson_nll_options, (CT_POISSON_NLL_DEFAULTS), x, __VA_ARGS__)
#define ct_kl_div(x, ...) CT_WITH2_(ct_kl_div, ct_kl_div_options, x, __VA_ARGS__)
#define ct_binary_cross_entropy(x, ...) CT_WITH2_(ct_binary_cross_entropy, ct_binary_cross_entropy_options, x, __VA_ARGS__)
#define ct_binary_cross_entropy_with_logits(x, ...) \
    CT_WITH2_(ct_binary_cross_entropy_with_logits, ct_binary_cross_entropy_with_logits_options, x, __VA_ARGS__)
#define ct_hinge(x, ...) CT_WITH2_(ct_hinge, ct_loss_options, x, __VA_ARGS__)
#define ct_margin_ranking(a, b, ...) CT_WITH3_(ct_margin_ranking, ct_margin_options, (), a, b, __VA_ARGS__)
#define ct_cosine_embedding(a, b, ...) CT_WITH3_(ct_cosine_embedding, ct_margin_options, (), a, b, __VA_ARGS__)
#define ct_hinge_embedding(x, ...) CT_WITH2D_(ct_hinge_embedding, ct_hinge_embedding_options, (CT_HINGE_EMBEDDING_DEFAULTS), x, __VA_ARGS__)
#define ct_triplet_margin(a, p, ...) CT_WITH3_(ct_triplet_margin, ct_triplet_margin_options, (CT_TRIPLET_MARGIN_DEFAULTS), a, p, __VA_ARGS__)
#define ct_pairwise_distance(a, ...) CT_WITH2D_(ct_pairwise_distance, ct_pairwise_distance_options, (CT_PAIRWISE_DISTANCE_DEFAULTS), a, __VA_ARGS__)
#define ct_cosine_similarity(a, ...) CT_WITH2D_(ct_cosine_similarity, ct_cosine_similarity_options, (CT_COSINE_SIMILARITY_DEFAULTS), a, __VA_ARGS__)
#define ct_normalize(...) CT_WITH1_(ct_normalize, ct_normalize_options, (CT_NORMALIZE_DEFAULTS), __VA_ARGS__)
/* A tensor and an axis before the options: ct_sort(x, -1, .descending = true). */
#define ct_cummax(x, ...) CT_WITH_AXIS_(ct_cummax, ct_indices_options, x, __VA_ARGS__)
#define ct_cummin(x, ...) CT_WITH_AXIS_(ct_cummin, ct_indices_options, x, __VA_ARGS__)
#define ct_sort(x, ...) CT_WITH_AXIS_(ct_sort, ct_sort_options, x, __VA_ARGS__)
#define ct_argsort(x, ...) CT_WITH_AXIS_(ct_argsort, ct_argsort_options, x, __VA_ARGS__)
#define CT_WITH_AXIS_(f, type, x, ...) CT_WITH_AXISB_(f, type, x, CT_HEAD_(__VA_ARGS__), CT_NAME_(ct_x_), CT_NAME_(ct_axis_), CT_TAIL_(__VA_ARGS__))
#define CT_WITH_AXISB_(f, type, x, axis, x_, axis_, ...)                                                                 \
    __extension__({                                                                                                      \
        ct_tensor *const x_ = (x);                                                                                       \
        const int axis_ = (axis);                                                                                        \
        CT_WITH_(f, (x_, axis_, ), type, (), __VA_ARGS__);                                                               \
    })
#define ct_topk(x, k, ...) CT_TOPK_(x, k, CT_HEAD_(__VA_ARGS__), CT_NAME_(ct_x_), CT_NAME_(ct_k_), CT_NAME_(ct_axis_), CT_TAIL_(__VA_ARGS__))
#define CT_TOPK_(x, k, axis, x_, k_, axis_, ...)                                                                         \
    __extension__({                                                                                                      \
        ct_tensor *const x_ = (x);                                                                                       \
        const int64_t k_ = (k);                                                                                          \
        const int axis_ = (axis);                                                                                        \
        CT_WITH_(ct_topk, (x_, k_, axis_, ), ct_topk_options, (), __VA_ARGS__);                                          \
    })
#define ct_unique(...) CT_WITH1_(ct_unique, ct_unique_options, (), __VA_ARGS__)
#define ct_searchsorted(x, ...) CT_WITH2_(ct_searchsorted, ct_searchsorted_options, x, __VA_ARGS__)
#define ct_bincount(...) CT_WITH1_(ct_bincount, ct_bincount_options, (), __VA_ARGS__)
/* Lists and options: ct_grads(CT_TENSORS(loss), CT_TENSORS(w, b), gradients, .create_graph = true). */
#define ct_grads(...) CT_GRADS_(__VA_ARGS__, )
#define CT_GRADS_(outputs, m, inputs, n, gradients, ...) CT_WITH_(ct_grads, (outputs, m, inputs, n, gradients, ), ct_grad_options, (), __VA_ARGS__)
#define ct_record(...) CT_RECORD_(__VA_ARGS__, )
#define CT_RECORD_(name, vjp, outputs, m, inputs, n, ...) CT_WITH_(ct_record, (name, vjp, outputs, m, inputs, n, ), ct_record_options, (), __VA_ARGS__)
#define ct_gradcheck(...) CT_GRADCHECK_(ct_gradcheck, __VA_ARGS__, )
#define ct_checkpoint(...) CT_CHECKPOINT_(__VA_ARGS__, )
#define CT_CHECKPOINT_(function, inputs, n, ...) CT_WITH_(ct_checkpoint, (function, inputs, n, ), ct_checkpoint_options, (), __VA_ARGS__)
#define ct_gradgradcheck(...) CT_GRADCHECK_(ct_gradgradcheck, __VA_ARGS__, )
#define CT_GRADCHECK_(f, function, inputs, n, ...) CT_WITH_(f, (function, inputs, n, ), ct_gradcheck_options, (CT_GRADCHECK_DEFAULTS), __VA_ARGS__)

/* ---- Reductions: one plain integer is that axis; CT_AXES packs up to eight into one, seven bits each ---------------------- */
#define CT_ALL_AXES_ ((int64_t)1 << 62)
#define CT_AXES(...) ct_pack_axes_((const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))
typedef struct { int axis[16]; size_t count; } ct_axis_list_;
static inline int64_t ct_pack_axes_(const int *axes, size_t count)
{
    int64_t packed = CT_ALL_AXES_ | (int64_t)(count < 15 ? count : 15) << 56;
    for (size_t i = 0; i < count && i < 8; i++)      /* 63 stands for every axis that no tensor can have */
        packed |= (int64_t)((axes[i] < -63 || axes[i] > 62 ? 63 : axes[i]) + 64) << 7 * i;
    return packed;
}
static inline ct_axis_list_ ct_unpack_axes_(int64_t packed)
{
    ct_axis_list_ list = {{packed > 1000 || packed < -1000 ? 1000 : (int)packed}, 1};
    if (packed >> 62 == 1) {
        list.count = (size_t)(packed >> 56 & 15);
        for (size_t i = 0; i < list.count; i++)
            list.axis[i] = i < 8 ? (int)(packed >> 7 * i & 127) - 64 : 63;
    }
    return list;
}
/* begin_ makes the first nameless argument the axes; named_ stands where a second one would land, and no integer fits it. */
#define CT_REDUCE_OPTIONS_ char begin_; int64_t axes; struct ct_name_this_option *named_; bool keepdims
typedef struct { CT_REDUCE_OPTIONS_; char end_; } ct_reduce_options_;
typedef struct { CT_REDUCE_OPTIONS_; double correction; char end_; } ct_var_options_;
typedef struct { CT_REDUCE_OPTIONS_; double p; char end_; } ct_norm_options_;
typedef struct { CT_REDUCE_OPTIONS_; ct_tensor **indices; char end_; } ct_extreme_options_;
#define CT_REDUCE_(f, type, defaults, extra, ...)                                                                        \
    CT_REDUCEB_(f, type, defaults, extra, CT_NAME_(ct_x_), CT_HEAD_(__VA_ARGS__), CT_TAIL_(__VA_ARGS__))
#define CT_REDUCEB_(f, type, defaults, extra, x_, x, ...)                                                                \
    __extension__({                                                                                                      \
        ct_tensor *const x_ = (x);                                                                                       \
        CT_OPTIONS_(type, ct_o_, (.axes = CT_ALL_AXES_, .end_ = 0, CT_UNWRAP_ defaults .begin_ = 0, ), __VA_ARGS__)      \
        const ct_axis_list_ ct_axes_ = ct_unpack_axes_(ct_o_.axes);                                                      \
        f(x_, ct_axes_.axis, ct_axes_.count, ct_o_.keepdims CT_UNWRAP_ extra);                                           \
    })
#define ct_sum(...) CT_REDUCE_(ct_sum, ct_reduce_options_, (), (), __VA_ARGS__)
#define ct_mean(...) CT_REDUCE_(ct_mean, ct_reduce_options_, (), (), __VA_ARGS__)
#define ct_var(...) CT_REDUCE_(ct_var, ct_var_options_, (.correction = 1, ), (, ct_o_.correction), __VA_ARGS__)
#define ct_std(...) CT_REDUCE_(ct_std, ct_var_options_, (.correction = 1, ), (, ct_o_.correction), __VA_ARGS__)
#define ct_norm(...) CT_REDUCE_(ct_norm, ct_norm_options_, (.p = 2, ), (, ct_o_.p), __VA_ARGS__)
#define ct_prod(...) CT_REDUCE_(ct_prod, ct_reduce_options_, (), (), __VA_ARGS__)
#define ct_nansum(...) CT_REDUCE_(ct_nansum, ct_reduce_options_, (), (), __VA_ARGS__)
#define ct_nanmean(...) CT_REDUCE_(ct_nanmean, ct_reduce_options_, (), (), __VA_ARGS__)
#define ct_all(...) CT_REDUCE_(ct_all, ct_reduce_options_, (), (), __VA_ARGS__)
#define ct_any(...) CT_REDUCE_(ct_any, ct_reduce_options_, (), (), __VA_ARGS__)
#define ct_count_nonzero(...) CT_REDUCE_(ct_count_nonzero, ct_reduce_options_, (), (), __VA_ARGS__)
#define ct_max(...) CT_REDUCE_(ct_max, ct_extreme_options_, (), (, ct_o_.indices), __VA_ARGS__)
#define ct_min(...) CT_REDUCE_(ct_min, ct_extreme_options_, (), (, ct_o_.indices), __VA_ARGS__)
#define ct_amax(...) CT_REDUCE_(ct_amax, ct_reduce_options_, (), (), __VA_ARGS__)
#define ct_amin(...) CT_REDUCE_(ct_amin, ct_reduce_options_, (), (), __VA_ARGS__)
#define ct_median(...) CT_REDUCE_(ct_median, ct_extreme_options_, (), (, ct_o_.indices), __VA_ARGS__)
#define ct_argmax(...) CT_REDUCE_(ct_argmax, ct_reduce_options_, (), (), __VA_ARGS__)
#define ct_argmin(...) CT_REDUCE_(ct_argmin, ct_reduce_options_, (), (), __VA_ARGS__)
#define ct_logsumexp(...) CT_REDUCE_(ct_logsumexp, ct_reduce_options_, (), (), __VA_ARGS__)

/* ---- Indexing: subscripts are values; CT_AT takes an integer, an index tensor or a mask ------------------------------------- */
static inline ct_subscript ct_at_index_(int64_t i)
{
    return (ct_subscript){.kind = CT_SUBSCRIPT_INDEX, .start = i, .stop = CT_OPEN, .step = 1};
}
static inline ct_subscript ct_at_tensor_(const void *t)
{
    return (ct_subscript){.kind = CT_SUBSCRIPT_TENSOR, .start = CT_OPEN, .stop = CT_OPEN, .step = 1, .tensor = ct_same_(t)};
}
static inline ct_subscript ct_at_range_(int64_t start, int64_t stop, int64_t step)
{
    return (ct_subscript){.kind = CT_SUBSCRIPT_SLICE, .start = start, .stop = stop, .step = step};
}
#define CT_AT(i) CT_ATB_(i, CT_NAME_(ct_i_))
#define CT_ATB_(i, i_)                                                                                                   \
    __extension__({                                                                                                      \
        __auto_type i_ = (i);                                                                                            \
        _Generic(i_, ct_tensor *: ct_at_tensor_, const ct_tensor *: ct_at_tensor_, void *: ct_at_tensor_, char: ct_at_index_, \
            signed char: ct_at_index_, unsigned char: ct_at_index_, short: ct_at_index_, unsigned short: ct_at_index_,   \
            int: ct_at_index_, unsigned: ct_at_index_, long: ct_at_index_, unsigned long: ct_at_index_,                  \
            long long: ct_at_index_, unsigned long long: ct_at_index_)(i_);                                              \
    })
#define CT_RANGE(...) ct_at_range_(CT_ARG1_(__VA_ARGS__), CT_ARG2_(__VA_ARGS__, ), CT_ARG3_(__VA_ARGS__, 1, )) /* start, stop, step */
#define CT_ALL ct_at_range_(CT_OPEN, CT_OPEN, 1)
#define CT_NEW_AXIS ((ct_subscript){.kind = CT_SUBSCRIPT_NEW_AXIS, .start = CT_OPEN, .stop = CT_OPEN, .step = 1})
#define CT_ELLIPSIS ((ct_subscript){.kind = CT_SUBSCRIPT_ELLIPSIS, .start = CT_OPEN, .stop = CT_OPEN, .step = 1})
/* A list of subscripts where a function takes pointer and count. It lives to the end of the block. */
#define CT_SUBSCRIPTS(...) ((const ct_subscript[]){__VA_ARGS__}), (sizeof((const ct_subscript[]){__VA_ARGS__}) / sizeof(ct_subscript))
#define ct_index(...) CT_LIST_(ct_index, (CT_HEAD_(__VA_ARGS__), ), ct_subscript, (), CT_TAIL_(__VA_ARGS__))
#define ct_index_put(...) CT_INDEX_PUT_(__VA_ARGS__, )
#define CT_INDEX_PUT_(x, list, n, value, ...) CT_INDEX_PUTB_(x, list, n, value, CT_NAME_(ct_x_), CT_NAME_(ct_list_), CT_NAME_(ct_v_), __VA_ARGS__)
#define CT_INDEX_PUTB_(x, list, n, value, x_, list_, v_, ...)                                                            \
    __extension__({                                                                                                      \
        ct_tensor *const x_ = (x);                                                                                       \
        const ct_subscript *const list_ = (list);                                                                        \
        __auto_type v_ = (value);                                                                                        \
        CT_WITH_(ct_index_put, (x_, list_, n, CT_OPERAND_(v_), ), ct_index_put_options, (), __VA_ARGS__);                \
    })
#define ct_scatter(x, axis, index, source)                                                                               \
    CT_SCATTER_(x, axis, index, source, CT_NAME_(ct_x_), CT_NAME_(ct_axis_), CT_NAME_(ct_i_), CT_NAME_(ct_s_))
#define CT_SCATTER_(x, axis, index, source, x_, axis_, index_, source_)                                                  \
    __extension__({                                                                                                      \
        ct_tensor *const x_ = (x);                                                                                       \
        const int axis_ = (axis);                                                                                        \
        ct_tensor *const index_ = (index);                                                                               \
        __auto_type source_ = (source);                                                                                  \
        ct_scatter(x_, axis_, index_, CT_OPERAND_(source_));                                                             \
    })
#define ct_embedding(weight, ...) CT_EMBEDDING_(weight, CT_HEAD_(__VA_ARGS__), CT_NAME_(ct_w_), CT_NAME_(ct_i_), CT_TAIL_(__VA_ARGS__))
#define CT_EMBEDDING_(weight, index, w_, i_, ...)                                                                        \
    __extension__({                                                                                                      \
        ct_tensor *const w_ = (weight);                                                                                  \
        ct_tensor *const i_ = (index);                                                                                   \
        CT_WITH_(ct_embedding, (w_, i_, ), ct_embedding_options, (CT_EMBEDDING_DEFAULTS), __VA_ARGS__);                  \
    })
#define CT_INDEXED_(f, type, defaults, required, x, axis, index, source, x_, axis_, i_, s_, ...)                         \
    __extension__({                                                                                                      \
        ct_tensor *const x_ = (x);                                                                                       \
        const int axis_ = (axis);                                                                                        \
        ct_tensor *const i_ = (index);                                                                                   \
        ct_tensor *const s_ = (source);                                                                                  \
        CT_WITH_(f, (x_, axis_, i_, s_, CT_UNWRAP_ required), type, defaults, __VA_ARGS__);                              \
    })
#define ct_scatter_reduce(x, axis, index, source, ...)                                                                   \
    CT_INDEXED_(ct_scatter_reduce, ct_scatter_reduce_options, (CT_SCATTER_REDUCE_DEFAULTS), (CT_HEAD_(__VA_ARGS__), ), x, axis, index, source, \
                CT_NAME_(ct_x_), CT_NAME_(ct_axis_), CT_NAME_(ct_i_), CT_NAME_(ct_s_), CT_TAIL_(__VA_ARGS__))
#define ct_index_add(x, axis, index, ...)                                                                                \
    CT_INDEXED_(ct_index_add, ct_index_add_options, (CT_INDEX_ADD_DEFAULTS), (), x, axis, index, CT_HEAD_(__VA_ARGS__),  \
                CT_NAME_(ct_x_), CT_NAME_(ct_axis_), CT_NAME_(ct_i_), CT_NAME_(ct_s_), CT_TAIL_(__VA_ARGS__))
#define ct_take_along_axis(x, ...)                                                                                       \
    CT_TAKE_(x, CT_HEAD_(__VA_ARGS__), CT_NAME_(ct_x_), CT_NAME_(ct_i_), CT_NAME_(ct_list_), CT_TAIL_(__VA_ARGS__))
#define CT_TAKE_(x, index, x_, i_, list, ...)                                                                            \
    __extension__({                                                                                                      \
        ct_tensor *const x_ = (x);                                                                                       \
        ct_tensor *const i_ = (index);                                                                                   \
        CT_LISTB_(ct_take_along_axis, (x_, i_, ), int, (), list, __VA_ARGS__);                                           \
    })
#define ct_repeat_interleave(x, ...)                                                                                     \
    CT_REPEAT_(x, CT_HEAD_(__VA_ARGS__), CT_NAME_(ct_x_), CT_NAME_(ct_n_), CT_NAME_(ct_list_), CT_TAIL_(__VA_ARGS__))
#define CT_REPEAT_(x, repeats, x_, n_, list, ...)                                                                        \
    __extension__({                                                                                                      \
        ct_tensor *const x_ = (x);                                                                                       \
        __auto_type n_ = (repeats);                                                                                      \
        CT_LISTB_(ct_repeat_interleave, (x_, CT_OPERAND_(n_), ), int, (), list, __VA_ARGS__);                            \
    })

/* ---- Trailing arguments that may be left out ------------------------------------------------------------------------------ */
#define CT_ARG1_(...) CT_ARG1B_(__VA_ARGS__, )
#define CT_ARG1B_(a, ...) a
#define CT_ARG2_(...) CT_ARG2B_(__VA_ARGS__, )
#define CT_ARG2B_(a, b, ...) b
#define CT_ARG3_(...) CT_ARG3B_(__VA_ARGS__, )
#define CT_ARG3B_(a, b, c, ...) c
#define ct_leaky_relu(...) ct_leaky_relu(CT_ARG1_(__VA_ARGS__), CT_ARG2_(__VA_ARGS__, 0.01, ))
#define ct_elu(...) ct_elu(CT_ARG1_(__VA_ARGS__), CT_ARG2_(__VA_ARGS__, 1.0, ))
#define ct_celu(...) ct_celu(CT_ARG1_(__VA_ARGS__), CT_ARG2_(__VA_ARGS__, 1.0, ))
#define ct_hardtanh(...) ct_hardtanh(CT_ARG1_(__VA_ARGS__), CT_ARG2_(__VA_ARGS__, -1.0, ), CT_ARG3_(__VA_ARGS__, 1.0, 1.0, ))
#define ct_softplus(...) ct_softplus(CT_ARG1_(__VA_ARGS__), CT_ARG2_(__VA_ARGS__, 1.0, ), CT_ARG3_(__VA_ARGS__, 20.0, 20.0, ))
#define ct_flatten(...) ct_flatten(CT_ARG1_(__VA_ARGS__), CT_ARG2_(__VA_ARGS__, 0, ), CT_ARG3_(__VA_ARGS__, -1, -1, ))
#define CT_ARG4_(...) CT_ARG4B_(__VA_ARGS__, )
#define CT_ARG4B_(a, b, c, d, ...) d
#define ct_diag(...) ct_diag(CT_ARG1_(__VA_ARGS__), CT_ARG2_(__VA_ARGS__, 0, ))
#define ct_tril(...) ct_tril(CT_ARG1_(__VA_ARGS__), CT_ARG2_(__VA_ARGS__, 0, ))
#define ct_triu(...) ct_triu(CT_ARG1_(__VA_ARGS__), CT_ARG2_(__VA_ARGS__, 0, ))
#define ct_diagonal(...) \
    ct_diagonal(CT_ARG1_(__VA_ARGS__), CT_ARG2_(__VA_ARGS__, 0, ), CT_ARG3_(__VA_ARGS__, 0, 0, ), CT_ARG4_(__VA_ARGS__, 1, 1, 1, ))
#define ct_diag_embed(...) \
    ct_diag_embed(CT_ARG1_(__VA_ARGS__), CT_ARG2_(__VA_ARGS__, 0, ), CT_ARG3_(__VA_ARGS__, -2, -2, ), CT_ARG4_(__VA_ARGS__, -1, -1, -1, ))
#define ct_roll(...) CT_ROLL_(__VA_ARGS__, CT_ROLL_AXES_, CT_ROLL_AXIS_, CT_ROLL_FLAT_, )(__VA_ARGS__)
#define CT_ROLL_(x, shift, a, b, f, ...) f
#define CT_SHIFTS(...) ((const int64_t[]){__VA_ARGS__}), (sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
#define CT_ROLL_AXES_(x, shifts, n, axes) CT_ROLL_AXESB_(x, shifts, n, axes, CT_NAME_(ct_x_), CT_NAME_(ct_shifts_), CT_NAME_(ct_n_), CT_NAME_(ct_list_))
#define CT_ROLL_AXESB_(x, shifts, n, axes, x_, shifts_, n_, list)                                                        \
    __extension__({                                                                                                      \
        ct_tensor *const x_ = (x);                                                                                       \
        const int64_t *const shifts_ = (shifts);                                                                         \
        const size_t n_ = (n);                                                                                           \
        const ct_axis_list_ list = ct_unpack_axes_(axes);                                                                \
        (ct_roll)(x_, n_ == list.count ? shifts_ : NULL, list.axis, n_);                                                 \
    })
#define CT_ROLL_FLAT_(x, shift) (ct_roll)(x, (const int64_t[]){shift}, NULL, 1)
#define CT_ROLL_AXIS_(x, shift, axis) (ct_roll)(x, (const int64_t[]){shift}, (const int[]){axis}, 1)
#define ct_movedim(x, from, to) CT_MOVEDIM_(x, from, to, CT_NAME_(ct_x_), CT_NAME_(ct_from_), CT_NAME_(ct_to_))
#define CT_MOVEDIM_(x, from, to, x_, from_, to_)                                                                         \
    __extension__({                                                                                                      \
        ct_tensor *const x_ = (x);                                                                                       \
        const ct_axis_list_ from_ = ct_unpack_axes_(from), to_ = ct_unpack_axes_(to);                                    \
        (ct_movedim)(x_, from_.axis, from_.count, to_.axis, to_.count);                                                  \
    })
#define ct_tensordot(a, ...) CT_TENSORDOT_(__VA_ARGS__, CT_TENSORDOT_PAIRS_, CT_TENSORDOT_LAST_, )(a, __VA_ARGS__)
#define CT_TENSORDOT_(b, m, n, f, ...) f
#define CT_TENSORDOT_LAST_(a, b, count) CT_TENSORDOT_LASTB_(a, b, count, CT_NAME_(ct_a_), CT_NAME_(ct_b_), CT_NAME_(ct_n_))
#define CT_TENSORDOT_LASTB_(a, b, count, a_, b_, n_)                                                                     \
    __extension__({                                                                                                      \
        ct_tensor *const a_ = (a);                                                                                       \
        ct_tensor *const b_ = (b);                                                                                       \
        const size_t n_ = (size_t)(count);                                                                               \
        (ct_tensordot)(a_, b_, NULL, n_, NULL, n_);                                                                      \
    })
#define CT_TENSORDOT_PAIRS_(a, b, m, n) CT_TENSORDOT_PAIRSB_(a, b, m, n, CT_NAME_(ct_a_), CT_NAME_(ct_b_), CT_NAME_(ct_m_), CT_NAME_(ct_n_))
#define CT_TENSORDOT_PAIRSB_(a, b, m, n, a_, b_, m_, n_)                                                                 \
    __extension__({                                                                                                      \
        ct_tensor *const a_ = (a);                                                                                       \
        ct_tensor *const b_ = (b);                                                                                       \
        const ct_axis_list_ m_ = ct_unpack_axes_(m), n_ = ct_unpack_axes_(n);                                            \
        (ct_tensordot)(a_, b_, m_.axis, m_.count, n_.axis, n_.count);                                                    \
    })
#define CT_NUMBER_DTYPE_(n) _Generic((n), float: ct_default_dtype(), double: ct_default_dtype(), default: CT_INT64)
#define ct_arange(...) CT_ARANGE_(__VA_ARGS__, CT_ARANGE3_, CT_ARANGE2_, CT_ARANGE1_, )(__VA_ARGS__)
#define CT_ARANGE_(a, b, c, f, ...) f
#define CT_ARANGE1_(end) (ct_arange)(0, (double)(end), 1, CT_NUMBER_DTYPE_(end))
#define CT_ARANGE2_(start, end) (ct_arange)((double)(start), (double)(end), 1, CT_NUMBER_DTYPE_((start) + (end)))
#define CT_ARANGE3_(start, end, step) (ct_arange)((double)(start), (double)(end), (double)(step), CT_NUMBER_DTYPE_((start) + (end) + (step)))
#define ct_require_grad(...) ct_require_grad(CT_ARG1_(__VA_ARGS__), CT_ARG2_(__VA_ARGS__, true, ))
/* ct_allclose(x, y) has PyTorch's tolerances; else all five arguments. */
#define ct_allclose(...) CT_ALLCLOSE_(__VA_ARGS__, CT_ALLCLOSE5_, CT_ALLCLOSE4_, CT_ALLCLOSE3_, CT_ALLCLOSE2_, )(__VA_ARGS__)
#define CT_ALLCLOSE_(a, b, c, d, e, f, ...) f
#define CT_ALLCLOSE2_(x, y) (ct_allclose)(x, y, 1e-5, 1e-8, false)
#define CT_ALLCLOSE3_(x, y, rtol) (ct_allclose)(x, y, rtol, 1e-8, false)
#define CT_ALLCLOSE4_(x, y, rtol, atol) (ct_allclose)(x, y, rtol, atol, false)
#define CT_ALLCLOSE5_(x, y, rtol, atol, equal_nan) (ct_allclose)(x, y, rtol, atol, equal_nan)
#define ct_linspace(start, end, count) (ct_linspace)(start, end, count, ct_default_dtype())
#define ct_eye(...) CT_EYE_(CT_NAME_(ct_rows_), __VA_ARGS__)
#define CT_EYE_(rows, ...)                                                                                               \
    __extension__({                                                                                                      \
        const int64_t rows = CT_ARG1_(__VA_ARGS__);                                                                      \
        (ct_eye)(rows, CT_ARG2_(__VA_ARGS__, rows, ), ct_default_dtype());                                               \
    })
/* ---- Images -------------------------------------------------------------------------------------------------------------------- */
#define ct_conv2d(x, w, ...) CT_WITH3_(ct_conv2d, ct_conv_options, (CT_CONV_DEFAULTS), x, w, __VA_ARGS__)
#define ct_conv1d(x, w, ...) CT_WITH3_(ct_conv1d, ct_conv_options, (CT_CONV_DEFAULTS), x, w, __VA_ARGS__)
#define ct_conv_transpose2d(x, w, ...) CT_WITH3_(ct_conv_transpose2d, ct_conv_transpose_options, (CT_CONV_TRANSPOSE_DEFAULTS), x, w, __VA_ARGS__)
#define ct_conv2d_weight(x, g, ...) CT_CONV2D_WEIGHT_(x, g, CT_HEAD_(__VA_ARGS__), CT_NAME_(ct_x_), CT_NAME_(ct_g_), CT_TAIL_(__VA_ARGS__))
#define CT_CONV2D_WEIGHT_(x, g, kernel, x_, g_, ...)                                                                     \
    __extension__({                                                                                                      \
        ct_tensor *const x_ = (x), *const g_ = (g);                                                                      \
        CT_WITH_(ct_conv2d_weight, (x_, g_, kernel, ), ct_conv_options, (CT_CONV_DEFAULTS), __VA_ARGS__);                \
    })
#define CT_WINDOW_(f, type, defaults, x, ...) CT_WITH_(f, (x, CT_HEAD_(__VA_ARGS__), ), type, defaults, CT_TAIL_(__VA_ARGS__))
#define ct_max_pool2d(x, ...) CT_WINDOW_(ct_max_pool2d, ct_max_pool_options, (CT_MAX_POOL_DEFAULTS), x, __VA_ARGS__)
#define ct_max_pool1d(x, ...) CT_WINDOW_(ct_max_pool1d, ct_max_pool_options, (CT_MAX_POOL_DEFAULTS), x, __VA_ARGS__)
#define ct_avg_pool2d(x, ...) CT_WINDOW_(ct_avg_pool2d, ct_avg_pool_options, (), x, __VA_ARGS__)
#define ct_avg_pool1d(x, ...) CT_WINDOW_(ct_avg_pool1d, ct_avg_pool_options, (), x, __VA_ARGS__)
#define ct_adaptive_max_pool2d(x, ...) CT_WINDOW_(ct_adaptive_max_pool2d, ct_indices_options, (), x, __VA_ARGS__)
#define ct_interpolate(x, ...) CT_WINDOW_(ct_interpolate, ct_interpolate_options, (), x, __VA_ARGS__)
#define ct_im2col(x, ...) CT_WINDOW_(ct_im2col, ct_im2col_options, (CT_IM2COL_DEFAULTS), x, __VA_ARGS__)
#define ct_col2im(x, size, ...) CT_WITH_(ct_col2im, (x, size, CT_HEAD_(__VA_ARGS__), ), ct_im2col_options, (CT_IM2COL_DEFAULTS), CT_TAIL_(__VA_ARGS__))
#define ct_batch_norm(x, mean, var, w, ...) \
    CT_BATCH_NORM_(x, mean, var, w, CT_HEAD_(__VA_ARGS__), CT_NAME_(ct_x_), CT_NAME_(ct_m_), CT_NAME_(ct_v_), CT_NAME_(ct_w_), CT_NAME_(ct_b_), CT_TAIL_(__VA_ARGS__))
#define CT_BATCH_NORM_(x, mean, var, w, b, x_, mean_, var_, w_, b_, ...)                                                 \
    __extension__({                                                                                                      \
        ct_tensor *const x_ = (x), *const mean_ = (mean), *const var_ = (var), *const w_ = (w), *const b_ = (b);         \
        CT_WITH_(ct_batch_norm, (x_, mean_, var_, w_, b_, ), ct_batch_norm_options, (CT_BATCH_NORM_DEFAULTS), __VA_ARGS__); \
    })
#define ct_group_norm(x, groups, w, ...) CT_GROUP_NORM_(x, groups, w, CT_HEAD_(__VA_ARGS__), CT_NAME_(ct_x_), CT_NAME_(ct_w_), CT_NAME_(ct_b_), CT_TAIL_(__VA_ARGS__))
#define CT_GROUP_NORM_(x, groups, w, b, x_, w_, b_, ...)                                                                 \
    __extension__({                                                                                                      \
        ct_tensor *const x_ = (x), *const w_ = (w), *const b_ = (b);                                                     \
        CT_WITH_(ct_group_norm, (x_, groups, w_, b_, ), ct_norm_layer_options, (CT_NORM_LAYER_DEFAULTS), __VA_ARGS__);   \
    })
#define ct_instance_norm(x, w, ...) CT_WITH3_(ct_instance_norm, ct_norm_layer_options, (CT_NORM_LAYER_DEFAULTS), x, w, __VA_ARGS__)
#define ct_dropout2d(...) CT_WITH1_(ct_dropout2d, ct_dropout_options, (CT_DROPOUT_DEFAULTS), __VA_ARGS__)
/* ---- Sequences ------------------------------------------------------------------------------------------------------------------ */
#define ct_layer_norm(x, axes, w, ...) CT_LAYER_NORM_(x, axes, w, CT_HEAD_(__VA_ARGS__), CT_NAME_(ct_x_), CT_NAME_(ct_w_), CT_NAME_(ct_b_), CT_TAIL_(__VA_ARGS__))
#define CT_LAYER_NORM_(x, axes, w, b, x_, w_, b_, ...)                                                                   \
    __extension__({                                                                                                      \
        ct_tensor *const x_ = (x), *const w_ = (w), *const b_ = (b);                                                     \
        CT_WITH_(ct_layer_norm, (x_, axes, w_, b_, ), ct_norm_layer_options, (CT_NORM_LAYER_DEFAULTS), __VA_ARGS__);     \
    })
#define ct_rms_norm(x, axes, ...) CT_RMS_NORM_(x, axes, CT_HEAD_(__VA_ARGS__), CT_NAME_(ct_x_), CT_NAME_(ct_w_), CT_TAIL_(__VA_ARGS__))
#define CT_RMS_NORM_(x, axes, w, x_, w_, ...)                                                                            \
    __extension__({                                                                                                      \
        ct_tensor *const x_ = (x), *const w_ = (w);                                                                      \
        CT_WITH_(ct_rms_norm, (x_, axes, w_, ), ct_rms_norm_options, (CT_RMS_NORM_DEFAULTS), __VA_ARGS__);               \
    })
#define ct_scaled_dot_product_attention(q, k, ...) CT_WITH3_(ct_scaled_dot_product_attention, ct_attention_options, (), q, k, __VA_ARGS__)
#define ct_rotary_embedding(x, ...) CT_WITH2D_(ct_rotary_embedding, ct_rotary_embedding_options, (CT_ROTARY_EMBEDDING_DEFAULTS), x, __VA_ARGS__)
#define ct_sinusoidal_positions(length, width) (ct_sinusoidal_positions)(length, width, ct_default_dtype())

#endif
