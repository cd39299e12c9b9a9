/* Calls that no correct program makes: each is an error that says what was wrong, leaves no memory behind and is not in the way of
 * what follows. The rows of the ops' groups have more of the kind (op_cases_*.c); here are calls that take no tensor, odd options,
 * and what is easily mistaken. */
#include "engine.h"

static int tried;

static void begin(size_t *live)
{
    assert_fine();
    *live = ct_memory().live;
}

static void end(size_t live, bool worked, const char *reason, const char *call, int line)
{
    char text[512];
    snprintf(text, sizeof text, "%s", ct_error());
    ct_error_clear();
    if (worked || !strstr(text, reason) || !strstr(text, ": ")) {
        print_error("%s: %s: \"%s\", want \"%s\"\n", call, worked ? "no failure" : "another error", text, reason);
        _fail(__FILE__, line);
    }
    if (ct_memory().live != live) {
        print_error("%s: %zu bytes before, %zu after\n", call, live, ct_memory().live);
        _fail(__FILE__, line);
    }
    ct_scope scope = ct_scope_open();
    assert_near(ct_item(ct_sum(ct_mul(ct_ones(2, 2), 0.5))), 2, 0);
    ct_scope_close(scope);
    assert_fine();
    tried++;
}

#define BAD(reason, call)                                                                                                \
    do {                                                                                                                 \
        size_t live_;                                                                                                    \
        begin(&live_);                                                                                                   \
        bool worked_;                                                                                                    \
        {                                                                                                                \
            CT_SCOPE;                                                                                                    \
            worked_ = (call) != 0;                                                                                       \
        }                                                                                                                \
        end(live_, worked_, reason, #call, __LINE__);                                                                    \
    } while (0)

#define NO_DTYPE ((ct_dtype)9)
#define PARTS ((ct_tensor *[8]){0})

static void test_making_tensors(void **state)
{
    (void)state;
    const int64_t nine[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    double one[1] = {1};
    BAD("dtype", ct_zeros_as(NO_DTYPE, 2));
    BAD("dtype", ct_zeros_as((ct_dtype)-1, 2));
    BAD("axes", (ct_zeros)(nine, 9, CT_FLOAT32));
    BAD("-2", ct_empty(3, -2));
    BAD("overflow", ct_ones(INT64_MAX, 2));
    BAD("NULL", (ct_from_array)(NULL, CT_FLOAT64, nine, 1));
    BAD("NULL", (ct_borrow_array)(NULL, CT_FLOAT64, nine, 1, NULL, NULL));
    BAD("dtype", (ct_from_array)(one, NO_DTYPE, nine, 1));
    BAD("step", ct_arange(0, 5, 0));
    BAD("step", ct_arange(0, 5, -1));
    BAD("arange", ct_arange(0, NAN, 1));
    BAD("arange", ct_arange(0, INFINITY, 1));
    BAD("arange", ct_arange(0, 1e300, 1));
    BAD("linspace", ct_linspace(0, 1, -1));
    BAD("eye", (ct_eye)(-1, 2, CT_FLOAT32));
    BAD("default", ct_set_default_dtype(CT_INT64));
    BAD("default", ct_set_default_dtype(NO_DTYPE));
    BAD("cast", ct_cast(ct_zeros(2), NO_DTYPE));
    BAD("cast", ct_cast(NULL, CT_INT64));
    BAD("zeros_like", ct_zeros_like(NULL));
}

static void test_random_numbers(void **state)
{
    (void)state;
    BAD("randint: ", ct_randint(3, 3, 2));
    BAD("randint: ", ct_randint(5, 1, 2));
    BAD("randperm: ", ct_randperm(-1, NULL));
    BAD("rand", ct_rand_as(CT_INT64, 2));
    BAD("randn", ct_randn_as(CT_BOOL, 2));
    BAD("exponential: ", ct_exponential(0, 2));
    BAD("exponential: ", ct_exponential(-1, 2));
    BAD("exponential: ", ct_exponential(NAN, 2));
    BAD("bernoulli: ", (ct_bernoulli)(ct_vector(0.5, 2), NULL));
    BAD("bernoulli: ", (ct_bernoulli)(ct_vector(NAN), NULL));
    BAD("normal: ", ct_normal(0.0, ct_vector(1, -1)));
    BAD("multinomial: ", ct_multinomial(ct_vector(1, -1), 1));
    BAD("multinomial: ", ct_multinomial(ct_vector(0, 0), 1));
    BAD("multinomial: ", ct_multinomial(ct_vector(1, NAN), 1));
    BAD("multinomial: ", ct_multinomial(ct_vector(1, 1), 3));
    BAD("multinomial: ", ct_multinomial(ct_vector(1, 1), -1));
    BAD("dropout: ", ct_dropout(ct_zeros(2), .p = NAN));
    BAD("dropout: ", ct_dropout(ct_vector_int(1, 2)));
    BAD("rand_like: ", ct_rand_like(ct_vector_int(1)));
    BAD("randn_like: ", ct_randn_like(ct_vector_int(1)));
}

static void test_shapes(void **state)
{
    (void)state;
    ct_tensor *x = ct_zeros(2, 3);
    BAD("reshape: ", ct_reshape(x, 4, 2));
    BAD("reshape: ", ct_reshape(x, -1, -1));
    BAD("reshape: ", ct_reshape(x, -2, 3));
    BAD("reshape: ", ct_reshape(x, -1, 4));
    BAD("reshape: ", ct_reshape(x, 1, 1, 1, 1, 1, 1, 1, 2, 3));
    BAD("permute: ", ct_permute(x, 0));
    BAD("permute: ", ct_permute(x, 0, 0));
    BAD("permute: ", ct_permute(x, 0, 2));
    BAD("transpose: ", ct_transpose(x, 0, 2));
    BAD("swapaxes: ", ct_swapaxes(x, -3, 0));
    BAD("movedim: ", ct_movedim(x, 0, 5));
    BAD("squeeze: ", ct_squeeze(x, 7));
    BAD("unsqueeze: ", ct_unsqueeze(x, 4));
    BAD("expand: ", ct_expand(x, 5, 3));
    BAD("expand: ", ct_expand(x, 3));
    BAD("expand: ", ct_expand(x, -1, 2, 3));
    BAD("broadcast_to: ", ct_broadcast_to(x, 3, 3));
    BAD("slice: ", ct_slice(x, "0, 0, 0"));
    BAD("slice: ", ct_slice(x, "::0"));
    BAD("slice: ", ct_slice(x, "banana"));
    BAD("slice: ", ct_slice(x, "1:2:3:4"));
    BAD("slice: ", ct_slice(x, "..., ..."));
    BAD("slice: ", ct_slice(x, "99999999999999999999"));
    BAD("slice: ", ct_slice(x, NULL));
    BAD("narrow: ", ct_narrow(x, 1, 2, 2));
    BAD("narrow: ", ct_narrow(x, 1, 0, -1));
    BAD("narrow: ", ct_narrow(x, 2, 0, 1));
    BAD("cat: ", ct_cat(NULL, 0, 0));
    BAD("cat: ", ct_cat(CT_TENSORS(x, ct_zeros(3, 2)), 0));
    BAD("cat: ", ct_cat(CT_TENSORS(x, x), 2));
    BAD("cat: ", ct_cat(CT_TENSORS(x, NULL), 0));
    BAD("stack: ", ct_stack(CT_TENSORS(x, ct_zeros(2)), 0));
    BAD("stack: ", ct_stack(CT_TENSORS(x, x), 4));
    BAD("split: ", ct_split(x, 0, 0, PARTS, 2));
    BAD("split: ", ct_split(x, 1, 0, PARTS, 5));
    BAD("split: ", ct_split(x, 1, 3, PARTS, 2));
    BAD("chunk: ", ct_chunk(x, 0, 0, PARTS));
    BAD("unbind: ", ct_unbind(x, 0, PARTS, 3));
    BAD("pad: ", ct_pad(x, 0.0, 1));
    BAD("pad: ", ct_pad(x, 0.0, -2, -2));
    BAD("pad: ", ct_pad(x, 0.0, 1, 1, 1, 1, 1, 1));
    BAD("pad_by: ", ct_pad_by(x, CT_REFLECT, 3, 0));
    BAD("pad_by: ", ct_pad_by(x, CT_CIRCULAR, 4, 0));
    BAD("pad_by: ", ct_pad_by(x, (ct_pad_mode)9, 1, 1));
    BAD("tile: ", ct_tile(x, -1));
    BAD("repeat_interleave: ", ct_repeat_interleave(x, -1, 0));
    BAD("unfold: ", ct_unfold(x, 1, 4, 1));
    BAD("unfold: ", ct_unfold(x, 1, 2, 0));
    BAD("unfold: ", ct_unfold(x, 1, -1, 1));
    BAD("overlap_add: ", ct_overlap_add(x, 0, 5, 0));
    BAD("diagonal: ", ct_diagonal(x, 0, 1, 1));
    BAD("diagonal: ", ct_diagonal(x, 0, 0, 2));
    BAD("diag: ", ct_diag(ct_zeros(2, 2, 2)));
    BAD("trace: ", ct_trace(ct_zeros(2)));
    BAD("tril: ", ct_tril(ct_zeros(2)));
}

static void test_reductions_and_products(void **state)
{
    (void)state;
    ct_tensor *x = ct_zeros(2, 3), *i = ct_vector_int(1, 2);
    BAD("sum: ", ct_sum(x, 2));
    BAD("sum: ", ct_sum(x, CT_AXES(0, 0)));
    BAD("sum: ", ct_sum(x, CT_AXES(0, -2)));
    BAD("sum: ", ct_sum(x, 1000000));
    BAD("mean: ", ct_mean(i));
    BAD("var: ", ct_var(i));
    BAD("norm: ", ct_norm(i));
    BAD("norm: ", ct_norm(x, .p = NAN));
    BAD("prod: ", ct_prod(x, -3));
    BAD("all: ", ct_all(x, 2));
    BAD("any: ", ct_any(x, CT_AXES(1, 1)));
    BAD("count_nonzero: ", ct_count_nonzero(x, 4));
    BAD("nansum: ", ct_nansum(x, 2));
    BAD("argmax: ", ct_argmax(x, CT_AXES(0, 1)));
    BAD("softmax: ", ct_softmax(x, 2));
    BAD("softmax: ", ct_softmax(i, 0));
    BAD("log_softmax: ", ct_log_softmax(x, -3));
    BAD("logsumexp: ", ct_logsumexp(i));
    BAD("cumsum: ", ct_cumsum(x, 2));
    BAD("cumprod: ", ct_cumprod(x, -3));
    BAD("sort: ", ct_sort(x, 2));
    BAD("argsort: ", ct_argsort(x, 2));
    BAD("topk: ", ct_topk(x, 4, 1));
    BAD("topk: ", ct_topk(x, -1, 1));
    BAD("searchsorted: ", ct_searchsorted(ct_zeros(2, 3), ct_zeros(3, 3)));
    BAD("bincount: ", ct_bincount(ct_vector_int(1, -1)));
    BAD("bincount: ", ct_bincount(x));
    BAD("matmul: ", ct_matmul(x, x));
    BAD("matmul: ", ct_matmul(x, 2.0));
    BAD("mm: ", ct_mm(x, ct_zeros(3)));
    BAD("bmm: ", ct_bmm(x, x));
    BAD("mv: ", ct_mv(x, ct_zeros(2)));
    BAD("dot: ", ct_dot(ct_zeros(2), ct_zeros(3)));
    BAD("outer: ", ct_outer(x, ct_zeros(2)));
    BAD("addmm: ", ct_addmm(ct_zeros(4), x, ct_zeros(3, 2)));
    BAD("einsum: ", ct_einsum("ij,jk->ik", CT_TENSORS(x, x)));
    BAD("einsum: ", ct_einsum("ij->", CT_TENSORS(x, x)));
    BAD("einsum: ", ct_einsum("i1->i", CT_TENSORS(x)));
    BAD("einsum: ", ct_einsum("ij->k", CT_TENSORS(x)));
    BAD("einsum: ", ct_einsum("ij->ii", CT_TENSORS(x)));
    BAD("einsum: ", ct_einsum("ijk", CT_TENSORS(x)));
    BAD("einsum: ", ct_einsum(NULL, CT_TENSORS(x)));
    BAD("linear: ", ct_linear(x, ct_zeros(4, 2), NULL));
}

static void test_indices(void **state)
{
    (void)state;
    ct_tensor *x = ct_zeros(2, 3), *i = ct_vector_int(0, 1), *far = ct_vector_int(0, 5);
    BAD("gather: ", ct_gather(x, 0, i));
    BAD("gather: ", ct_gather(x, 0, ct_zeros(1, 1)));
    BAD("gather: ", ct_gather(x, 2, ct_reshape(i, 1, 2)));
    BAD("index_select: ", ct_index_select(x, 0, far));
    BAD("index_select: ", ct_index_select(x, 3, i));
    BAD("index_select: ", ct_index_select(x, 0, ct_zeros(2)));
    BAD("index: ", ct_index(x, CT_AT(2)));
    BAD("index: ", ct_index(x, CT_AT(far)));
    BAD("index: ", ct_index(x, CT_AT(ct_zeros(2))));
    BAD("index: ", ct_index(x, CT_AT(0), CT_AT(0), CT_AT(0)));
    BAD("index: ", ct_index(x, CT_RANGE(0, 1, 0)));
    BAD("index: ", ct_index(x, CT_ELLIPSIS, CT_ELLIPSIS));
    BAD("index: ", ct_index(x, CT_AT(i), CT_AT(ct_vector_int(0, 1, 2))));
    BAD("index: ", ct_index(x, CT_AT(ct_gt(ct_zeros(3), 0.0))));
    BAD("index_put: ", ct_index_put(x, CT_SUBSCRIPTS(CT_AT(far)), 1.0));
    BAD("index_put: ", ct_index_put(x, CT_SUBSCRIPTS(CT_AT(i)), ct_zeros(5)));
    BAD("scatter: ", ct_scatter(x, 0, ct_reshape(far, 1, 2), 1.0));
    BAD("scatter_add: ", ct_scatter_add(x, 0, ct_reshape(i, 1, 2), ct_zeros(1, 1)));
    BAD("scatter_reduce: ", ct_scatter_reduce(x, 0, ct_reshape(i, 1, 2), ct_zeros(1, 2), (ct_scatter_reduction)9));
    BAD("index_add: ", ct_index_add(x, 0, i, ct_zeros(2, 2)));
    BAD("masked_select: ", ct_masked_select(x, x));
    BAD("masked_fill: ", ct_masked_fill(x, x, 1.0));
    BAD("masked_scatter: ", ct_masked_scatter(x, ct_eq(x, 0.0), ct_zeros(2)));
    BAD("where: ", ct_where(x, 1.0, 2.0));
    BAD("embedding: ", ct_embedding(x, x));
    BAD("embedding: ", ct_embedding(x, i, .padding_idx = 2));
    BAD("one_hot: ", ct_one_hot(far, 5));
    BAD("one_hot: ", ct_one_hot(x, 5));
}

static void test_losses(void **state)
{
    (void)state;
    ct_tensor *x = ct_zeros(2, 3), *t = ct_vector_int(0, 2);
    BAD("cross_entropy: ", ct_cross_entropy(x, t, .label_smoothing = 2));
    BAD("cross_entropy: ", ct_cross_entropy(x, t, .label_smoothing = NAN));
    BAD("cross_entropy: ", ct_cross_entropy(x, t, .weight = ct_ones(2)));
    BAD("cross_entropy: ", ct_cross_entropy(x, ct_zeros(2)));
    BAD("nll: ", ct_nll(x, t, .weight = ct_vector_int(1, 1, 1)));
    BAD("mse: ", ct_mse(x, ct_zeros(3)));
    BAD("mse: ", ct_mse(x, x, .reduction = CT_BATCH_MEAN));
    BAD("l1: ", ct_l1(t, t));
    BAD("kl_div: ", ct_kl_div(x, x, .reduction = (ct_reduction)-1));
    BAD("huber: ", ct_huber(x, x, .delta = NAN));
    BAD("gaussian_nll: ", ct_gaussian_nll(x, x, ct_full(-1, 2, 3)));
    BAD("gaussian_nll: ", ct_gaussian_nll(x, x, ct_ones(2, 2)));
    BAD("binary_cross_entropy: ", ct_binary_cross_entropy(ct_full(2, 3), ct_zeros(3)));
    BAD("binary_cross_entropy_with_logits: ", ct_binary_cross_entropy_with_logits(x, x, .pos_weight = ct_ones(2)));
    BAD("hinge: ", ct_hinge(x, ct_zeros(2)));
    BAD("multi_margin: ", ct_multi_margin(x, t, .p = 0));
    BAD("margin_ranking: ", ct_margin_ranking(x, ct_zeros(2), x));
    BAD("triplet_margin: ", ct_triplet_margin(x, ct_zeros(2, 4), x));
    BAD("cosine_similarity: ", ct_cosine_similarity(x, x, .axis = 2));
    BAD("normalize: ", ct_normalize(x, .axis = -3));
    BAD("prelu: ", ct_prelu(x, ct_zeros(2)));
}

static void test_looking_and_gradients(void **state)
{
    (void)state;
    float one[1];
    ct_tensor *x = ct_zeros(2, 3), *leaf = ct_require_grad(ct_ones(2)), *g[1];
    BAD("item: ", !isnan(ct_item(x)));
    BAD("item_int: ", ct_item_int(x));
    BAD("size: ", ct_size(x, 2) != -1);
    BAD("data: ", ct_data(ct_transpose(x, 0, 1)));
    BAD("data: ", ct_mutable_data(ct_slice(x, "::-1")));
    BAD("to_array: ", ct_to_array(x, one, sizeof one));
    BAD("to_array: ", ct_to_array(NULL, one, sizeof one));
    BAD("require_grad: ", ct_require_grad(ct_vector_int(1)));
    BAD("require_grad: ", ct_require_grad(ct_exp(leaf)));
    BAD("backward: ", ct_backward(x));
    BAD("backward: ", ct_backward(ct_exp(leaf)));
    BAD("backward: ", ct_backward(ct_exp(leaf), .cotangent = ct_ones(3)));
    BAD("backward: ", ct_backward(NULL));
    BAD("grad: ", ct_grad(ct_sum(leaf), x));
    BAD("grad: ", ct_grad(ct_sum(leaf), ct_ones_like(leaf)));
    BAD("grad: ", ct_grads(CT_TENSORS(ct_sum(leaf)), CT_TENSORS(NULL), g));
    BAD("add_: ", ct_add_(leaf, 1.0));
    BAD("add_: ", ct_add_(x, ct_zeros(4)));
    BAD("copy_: ", ct_copy_(x, ct_zeros(3, 2)));
    BAD("mul_: ", ct_mul_(ct_expand(ct_zeros(1), 3), 2.0));
    BAD("threads", ct_set_num_threads(0));
    BAD("threads", ct_set_num_threads(257));
}

static void test_misuse_was_tried(void **state)
{
    (void)state;
    print_message("# %d misuses refused\n", tried);
    assert_true(tried >= 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_making_tensors), TEST(test_random_numbers), TEST(test_shapes), TEST(test_reductions_and_products),
        TEST(test_indices), TEST(test_losses), TEST(test_looking_and_gradients), TEST(test_misuse_was_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
