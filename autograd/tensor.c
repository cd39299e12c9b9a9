/* Tensors: sizes and strides over a counted storage. */
#include "inspecting.h"
#include "kernels/kernels.h"
#include "raw.h"

/* ---- Shapes ------------------------------------------------------------------------------------------------------------------ */
const char *shape_text(char text[SHAPE_TEXT], const int64_t *sizes, size_t rank)
{
    size_t used = (size_t)snprintf(text, SHAPE_TEXT, "(");
    for (size_t i = 0; i < rank && i < CT_MAX_RANK && used < SHAPE_TEXT; i++)
        used += (size_t)snprintf(text + used, SHAPE_TEXT - used, i ? ", %lld" : "%lld", (long long)sizes[i]);
    if (used < SHAPE_TEXT)
        snprintf(text + used, SHAPE_TEXT - used, rank > CT_MAX_RANK ? ", ...)" : ")");
    return text;
}

bool sizes_product(const char *op, const int64_t *sizes, size_t rank, size_t item, int64_t *count)
{
    if (rank > CT_MAX_RANK)
        return ct_fail("%s: %zu axes, want at most %d", op, rank, CT_MAX_RANK) != NULL;
    if (rank && !sizes)
        return ct_fail("%s: the sizes are NULL", op) != NULL;
    bool empty = false, overflow = false;
    int64_t n = 1, bytes;
    for (size_t i = 0; i < rank; i++) {
        if (sizes[i] < 0)
            return ct_fail("%s: size %lld of axis %zu is negative in %s", op, (long long)sizes[i], i,
                           shape_text((char[SHAPE_TEXT]){0}, sizes, rank)) != NULL;
        empty |= sizes[i] == 0;
    }
    for (size_t i = 0; i < rank; i++)           /* sizes beside a 0 too: strides are made of them */
        overflow |= sizes[i] && __builtin_mul_overflow(n, sizes[i], &n);
    if (overflow || __builtin_mul_overflow(n, (int64_t)item, &bytes))
        return ct_fail("%s: Storage size calculation overflowed with sizes %s", op, shape_text((char[SHAPE_TEXT]){0}, sizes, rank)) != NULL;
    *count = empty ? 0 : n;
    return true;
}

void row_major(const int64_t *sizes, size_t rank, int64_t *strides)
{
    int64_t stride = 1;
    for (size_t i = rank; i-- > 0; stride *= sizes[i] ? sizes[i] : 1)
        strides[i] = stride;
}

int64_t tensor_numel(const ct_tensor *t)
{
    int64_t n = 1;
    for (int i = 0; i < t->rank; i++)
        n *= t->sizes[i];
    return n;
}

bool same_layout(const ct_tensor *a, const ct_tensor *b)
{
    if (!same_sizes(a, b))
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->sizes[i] != 1 && a->strides[i] != b->strides[i])
            return false;
    return true;
}

/* The axes of more than one element, from the widest stride to the narrowest. */
static int axes_by_stride(const ct_tensor *t, int *order)
{
    int count = 0;
    for (int i = 0; i < t->rank; i++) {
        if (t->sizes[i] == 1)
            continue;
        int at = count++;
        for (; at > 0 && t->strides[i] > t->strides[order[at - 1]]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    return count;
}

bool tensor_is_dense(const ct_tensor *t)
{
    int order[CT_MAX_RANK], count = axes_by_stride(t, order);
    int64_t stride = 1;
    for (int i = count; i-- > 0; stride *= t->sizes[order[i]])
        if (t->strides[order[i]] != stride)
            return tensor_numel(t) == 0;
    return true;
}

bool tensor_overlaps_itself(const ct_tensor *t)
{
    int64_t reach = 0;                          /* of the axes seen so far, from the narrowest */
    int order[CT_MAX_RANK], count = 0;
    for (int i = 0; i < t->rank; i++) {
        int64_t stride = t->strides[i] < 0 ? -t->strides[i] : t->strides[i];
        if (t->sizes[i] == 0)
            return false;
        if (t->sizes[i] == 1)
            continue;
        int at = count++;
        for (; at > 0; at--) {
            int64_t other = t->strides[order[at - 1]] < 0 ? -t->strides[order[at - 1]] : t->strides[order[at - 1]];
            if (stride >= other)
                break;
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
    for (int i = 0; i < count; i++) {
        int64_t stride = t->strides[order[i]] < 0 ? -t->strides[order[i]] : t->strides[order[i]];
        if (stride <= reach)
            return true;
        reach += stride * (t->sizes[order[i]] - 1);
    }
    return false;
}

bool ct_is_contiguous(const ct_tensor *x)
{
    int64_t stride = 1;
    if (!given_shape("is_contiguous", "the operand", x))
        return false;
    for (int i = x->rank; i-- > 0; stride *= x->sizes[i])
        if (x->sizes[i] != 1 && x->strides[i] != stride)
            return tensor_numel(x) == 0;
    return true;
}

/* ---- Owners -------------------------------------------------------------------------------------------------------------------- */
static void storage_drop(struct storage *s)
{
    if (!last_owner(&s->refs))
        return;
    if (s->done)
        s->done(s->context);
    memory_put(s, s->bytes);
}

static size_t tensor_bytes(size_t rank)
{
    return rank ? sizeof(ct_tensor) : offsetof(ct_tensor, sizes);
}

void tensor_end(ct_tensor *t)
{
    ct_node *node = t->node;
    if (t->leaf)
        leaf_free(t->leaf);
    memory_put(t, tensor_bytes(t->rank));
    if (node)
        node_drop(node);
}

void tensor_end_value(ct_tensor *t)
{
    atomic_store_explicit(&t->refs, 0, memory_order_relaxed);
    if (t->storage) {
        storage_drop(t->storage);
        t->storage = NULL;
    }
    tensor_unlink(t);
}

/* ---- Making ---------------------------------------------------------------------------------------------------------------------- */
static ct_tensor *tensor_shell(const char *op, ct_dtype dtype, size_t rank, const int64_t *sizes, const int64_t *strides)
{
    if (UNLIKELY(inspected() & PROFILE))
        profile_op_begin(op);
    ct_tensor *t = memory_get(tensor_bytes(rank));
    if (UNLIKELY(!t))
        return ct_fail("%s: out of memory for %s", op, shape_text((char[SHAPE_TEXT]){0}, sizes, rank));
    atomic_init(&t->refs, 1), atomic_init(&t->links, 1);
    t->dtype = (uint8_t)dtype, t->rank = (uint8_t)rank, t->flags = 0, t->output = 0;
    t->storage = NULL, t->data = NULL, t->node = NULL, t->origin = NULL, t->leaf = NULL;
    for (size_t i = 0; i < rank; i++)
        t->sizes[i] = sizes[i];
    if (strides)
        for (size_t i = 0; i < rank; i++)
            t->strides[i] = strides[i];
    else
        row_major(sizes, rank, t->strides);
    if (UNLIKELY(!scope_own(t))) {
        memory_put(t, tensor_bytes(rank));
        return ct_fail("%s: out of memory for %s", op, shape_text((char[SHAPE_TEXT]){0}, sizes, rank));
    }
    return t;
}

void tensor_budget_set(struct tensor_budget *budget)
{
    thread_state.budget = budget;
}

bool tensor_budget_is_set(void)
{
    return thread_state.budget != NULL;
}

/* A small tensor costs more than its elements: a place in some list, and the time to look through that. */
static bool spend(const char *op, const ct_tensor *t, size_t bytes)
{
    enum { LEAST = 4096 };
    struct tensor_budget *budget = thread_state.budget;
    if (bytes < LEAST)
        bytes = LEAST;
    if (bytes > budget->left)
        return ct_fail("%s: %s of %s takes %zu bytes, more than the file that is read accounts for", op, SHAPE(t), ct_dtype_name((ct_dtype)t->dtype), bytes) != NULL;
    budget->left -= bytes;
    return true;
}

static bool fill_storage(const char *op, ct_tensor *t, size_t data_bytes)
{
    if (UNLIKELY(thread_state.budget != NULL) && !spend(op, t, data_bytes))
        return false;
    const bool tiny = data_bytes <= sizeof((struct storage *)0)->tiny;
    const size_t bytes = sizeof(struct storage) + (tiny ? 0 : data_bytes);
    struct storage *s = memory_get(bytes);
    if (UNLIKELY(!s)) {
        ct_memory_info m = ct_memory();
        if (m.limit != SIZE_MAX)
            ct_fail("%s: out of memory: %s of %s takes %zu bytes, %zu are in use and the limit is %zu", op, SHAPE(t),
                    ct_dtype_name(t->dtype), data_bytes, m.live, m.limit);
        else
            ct_fail("%s: out of memory: %s of %s takes %zu bytes, %zu are in use", op, SHAPE(t), ct_dtype_name(t->dtype),
                    data_bytes, m.live);
        return false;
    }
    atomic_init(&s->refs, 1), atomic_init(&s->version, 0), atomic_init(&s->changed_by, NULL);
    s->bytes = bytes, s->borrowed = false, s->done = NULL;
    t->storage = s, t->data = tiny ? s->tiny : (char *)(s + 1);
    return true;
}

/* Data begins on a cache line, but for a scalar's. Without a storage a tensor is nobody's operand; it goes with its scope, which need not look for it now. */
ct_tensor *tensor_new(const char *op, ct_dtype dtype, size_t rank, const int64_t *sizes, const int64_t *strides)
{
    int64_t count = 1;
    if (rank && !sizes_product(op, sizes, rank, ct_dtype_size(dtype), &count))
        return NULL;
    ct_tensor *t = tensor_shell(op, dtype, rank, sizes, strides);
    return t && fill_storage(op, t, (size_t)count * ct_dtype_size(dtype)) ? t : NULL;
}

ct_tensor *tensor_new_like(const char *op, ct_dtype dtype, const ct_tensor *like)
{
    return tensor_new(op, dtype, like->rank, like->sizes, tensor_is_dense(like) ? like->strides : NULL);
}

ct_tensor *tensor_new_ordered(const char *op, const ct_tensor *like, const int64_t *sizes)
{
    int order[CT_MAX_RANK];
    int64_t strides[CT_MAX_RANK], count;
    if (!sizes_product(op, sizes, like->rank, ct_dtype_size((ct_dtype)like->dtype), &count))
        return NULL;
    for (int i = 0; i + 1 < like->rank; i++) {  /* outermost first; an axis that is broadcast stays where it is */
        int at = i;
        for (; at && like->strides[order[at - 1]] && like->strides[order[at - 1]] < like->strides[i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    int64_t stride = like->rank ? sizes[like->rank - 1] : 0;
    if (like->rank)
        strides[like->rank - 1] = 1;
    for (int i = like->rank - 2; i >= 0; i--) {
        strides[order[i]] = stride;
        stride *= sizes[order[i]];
    }
    return tensor_new(op, (ct_dtype)like->dtype, like->rank, sizes, strides);
}

ct_tensor *tensor_view(const char *op, ct_tensor *base, size_t rank, const int64_t *sizes, const int64_t *strides, int64_t offset)
{
    ct_tensor *t = tensor_shell(op, base->dtype, rank, sizes, strides);
    if (!t)
        return NULL;
    atomic_fetch_add_explicit(&base->storage->refs, 1, memory_order_relaxed);
    t->storage = base->storage;
    t->data = base->data + offset * (int64_t)ct_dtype_size(base->dtype);
    return t;
}

ct_tensor *(ct_borrow_array)(void *values, ct_dtype dtype, const int64_t *sizes, size_t rank, void (*done)(void *context), void *context)
{
    int64_t count;
    if (!values)
        return ct_fail("borrow_array: the array is NULL");
    if (!ct_dtype_size(dtype))
        return ct_fail("borrow_array: %d is no dtype", (int)dtype);
    if (!sizes_product("borrow_array", sizes, rank, ct_dtype_size(dtype), &count))
        return NULL;
    ct_tensor *t = tensor_shell("borrow_array", dtype, rank, sizes, NULL);
    if (!t || !fill_storage("borrow_array", t, 0))
        return NULL;
    t->storage->borrowed = true, t->data = values;
    t->storage->done = done, t->storage->context = context;
    return t;
}

ct_tensor *ct_detach(ct_tensor *x)
{
    return given("detach", "the operand", x) ? tensor_view("detach", x, x->rank, x->sizes, x->strides, 0) : NULL;
}

/* ---- Copying and reading ------------------------------------------------------------------------------------------------------------ */
static void run_pair(kernel_loop *run, ct_tensor *to, const ct_tensor *from, bool reads_target)
{
    if (to->rank == 0) {
        run(1, (char *[]){to->data, reads_target ? to->data : from->data, from->data}, (const ptrdiff_t[]){0, 0, 0}, NULL);
        return;
    }
    struct loop l = {.run = run, .operands = reads_target ? 3 : 2, .rank = to->rank, .data = {to->data, reads_target ? to->data : from->data, from->data}};
    const ptrdiff_t wide = (ptrdiff_t)ct_dtype_size((ct_dtype)to->dtype), wide_from = (ptrdiff_t)ct_dtype_size((ct_dtype)from->dtype);
    l.items[0] = (uint8_t)wide, l.items[1] = (uint8_t)(reads_target ? wide : wide_from), l.items[2] = (uint8_t)wide_from;
    for (size_t i = 0; i < to->rank; i++) {
        l.sizes[i] = to->sizes[i];
        l.steps[0][i] = to->strides[i] * wide;
        l.steps[2][i] = from->strides[i] * wide_from;
        l.steps[1][i] = l.steps[reads_target ? 0 : 2][i];
    }
    loop_run(&l);
}

void copy_values(ct_tensor *to, const ct_tensor *from)
{
    run_pair(kernels()->cast[from->dtype][to->dtype], to, from, false);
}

void add_values(ct_tensor *to, const ct_tensor *from)
{
    run_pair(kernels()->binary[BINARY_add][to->dtype], to, from, true);
}

int ct_rank(const ct_tensor *x)
{
    return given_shape("rank", "the operand", x) ? x->rank : -1;
}

int64_t ct_size(const ct_tensor *x, int axis)
{
    int i;
    if (!given_shape("size", "the operand", x) || !check_axis("size", x, axis, &i))
        return -1;
    if (x->rank)
        return x->sizes[i];
    ct_fail("size: axis %d of a tensor without axes", axis);
    return -1;
}

int64_t ct_stride(const ct_tensor *x, int axis)
{
    int i;
    if (!given_shape("stride", "the operand", x) || !check_axis("stride", x, axis, &i))
        return -1;
    return x->rank ? x->strides[i] : 0;
}

int64_t ct_numel(const ct_tensor *x)
{
    return given_shape("numel", "the operand", x) ? tensor_numel(x) : -1;
}

ct_dtype ct_dtype_of(const ct_tensor *x)
{
    return given_shape("dtype_of", "the operand", x) ? (ct_dtype)x->dtype : CT_FLOAT32;
}

static bool one_value(const char *op, const ct_tensor *x)
{
    if (!given(op, "the operand", x))
        return false;
    if (tensor_numel(x) == 1)
        return true;
    ct_fail("%s: %s has %lld elements, want one", op, SHAPE(x), (long long)tensor_numel(x));
    return false;
}

double ct_item(const ct_tensor *x)
{
    if (!one_value("item", x))
        return __builtin_nan("");
    switch (x->dtype) {
    case CT_FLOAT32:
        return *(const float *)x->data;
    case CT_FLOAT64:
        return *(const double *)x->data;
    case CT_INT64:
        return (double)*(const int64_t *)x->data;
    default:
        return *(const uint8_t *)x->data;
    }
}

int64_t ct_item_int(const ct_tensor *x)
{
    if (!one_value("item_int", x))
        return 0;
    int64_t value;
    kernels()->cast[x->dtype][CT_INT64](1, (char *[]){(char *)&value, x->data}, (const ptrdiff_t[]){8, 8}, NULL);
    return value;
}

const void *ct_data(const ct_tensor *x)
{
    if (!given("data", "the operand", x))
        return NULL;
    return ct_is_contiguous(x) ? x->data : ct_fail("data: %s is not contiguous; take ct_contiguous first", SHAPE(x));
}

void *ct_mutable_data(ct_tensor *x)
{
    if (!ct_data(x))
        return NULL;
    storage_changed(x, "a write through ct_mutable_data");
    return x->data;
}

bool ct_to_array(const ct_tensor *x, void *values, size_t bytes)
{
    if (!given("to_array", "the operand", x))
        return false;
    size_t want = (size_t)tensor_numel(x) * ct_dtype_size(x->dtype);
    if (!values && want)
        return ct_fail("to_array: the array is NULL") != NULL;
    if (bytes != want)
        return ct_fail("to_array: %s of %s takes %zu bytes, the array has %zu", SHAPE(x), ct_dtype_name(x->dtype), want, bytes) != NULL;
    ct_tensor to = {.dtype = x->dtype, .rank = x->rank, .data = values};
    memcpy(to.sizes, x->sizes, x->rank * sizeof *x->sizes);
    row_major(to.sizes, to.rank, to.strides);
    copy_values(&to, x);
    return true;
}

/* ---- raw.h ------------------------------------------------------------------------------------------------------------------------------ */
void *tensor_elements(ct_tensor *t)
{
    return t && t->storage && tensor_is_dense(t) ? t->data : NULL;
}

bool tensor_same_order(const ct_tensor *a, const ct_tensor *b)
{
    return a && b && same_layout(a, b) && tensor_is_dense(a);
}

void tensor_changed(ct_tensor *t, const char *op)
{
    storage_changed(t, op);
}
