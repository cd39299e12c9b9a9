/* einsum: axes that share a letter are multiplied, and those that the result does not name are summed. Operands are joined
 * two by two from the left, each pair as one matmul over (shared and kept; one's own; shared and summed) axes. */
#include <ctype.h>

#include "ops.h"

enum { LETTERS = 52, LABELS = LETTERS + CT_MAX_RANK }; /* the axes of "..." take the last labels, from the right */
#define BIT(label) ((uint64_t)1 << (label))

struct axes { int count; int8_t label[CT_MAX_RANK]; };
struct factor { ct_tensor *x; struct axes axes; };

static uint64_t set_of(const struct axes *a)
{
    uint64_t set = 0;
    for (int i = 0; i < a->count; i++)
        set |= BIT(a->label[i]);
    return set;
}

static int place_of(const struct axes *a, int label)
{
    for (int i = 0; i < a->count; i++)
        if (a->label[i] == label)
            return i;
    return -1;
}

/* ---- The text -------------------------------------------------------------------------------------------------------------------------- */
/* One operand's letters, up to a comma, an arrow or the end. dots: where "..." stands among them, or -1. */
struct word { int count, dots; int8_t letter[CT_MAX_RANK]; };

static bool parse_word(const char *text, const char **at, struct word *w)
{
    *w = (struct word){.dots = -1};
    const char *p = *at;
    for (; *p && *p != ',' && *p != '-'; p++)
        if (isalpha((unsigned char)*p)) {
            if (w->count == CT_MAX_RANK)
                return ct_fail("einsum: \"%s\": more than %d letters for one tensor", text, CT_MAX_RANK) != NULL;
            w->letter[w->count++] = (int8_t)(isupper((unsigned char)*p) ? *p - 'A' : *p - 'a' + 26);
        } else if (p[0] == '.' && p[1] == '.' && p[2] == '.' && w->dots < 0) {
            w->dots = w->count;
            p += 2;
        } else if (*p != ' ')
            return ct_fail("einsum: \"%s\" is malformed at character %d", text, (int)(p - text)) != NULL;
    *at = p;
    return true;
}

static struct axes labelled(const struct word *w, int dots)
{
    struct axes a = {0};
    for (int i = 0; i <= w->count; i++) {
        for (int k = 0; i == w->dots && k < dots; k++)
            a.label[a.count++] = (int8_t)(LABELS - dots + k);
        if (i < w->count)
            a.label[a.count++] = w->letter[i];
    }
    return a;
}

/* Letters that appear once, in the order of the alphabet, capitals first, behind the axes of "...". */
static void implicit_result(const int *uses, int widest, struct axes *result)
{
    for (int k = LABELS - widest; k < LABELS; k++)
        result->label[result->count++] = (int8_t)k;
    for (int k = 0; k < LETTERS && result->count < CT_MAX_RANK; k++)
        if (uses[k] == 1)
            result->label[result->count++] = (int8_t)k;
}

static bool parse(const char *text, ct_tensor *const *tensors, size_t count, struct factor *factors, struct axes *result)
{
    const char *p = text;
    int widest = 0, uses[LABELS] = {0}, once = 0;
    int64_t sizes[LABELS];
    for (int k = 0; k < LABELS; k++)
        sizes[k] = 1;
    for (size_t i = 0; i < count; i++) {
        struct word w;
        const ct_tensor *x = tensors[i];
        if (!parse_word(text, &p, &w))
            return false;
        const bool last = i + 1 == count;
        if (last ? *p == ',' : *p != ',')
            return ct_fail("einsum: \"%s\" does not name %zu tensors", text, count) != NULL;
        const int dots = x->rank - w.count;
        if (dots < 0 || (dots && w.dots < 0))
            return ct_fail("einsum: \"%s\": operand %zu is %s, %d letters", text, i, SHAPE(x), w.count) != NULL;
        widest = w.dots >= 0 && dots > widest ? dots : widest;
        factors[i].axes = labelled(&w, dots);
        for (int a = 0; a < x->rank; a++) {
            const int label = factors[i].axes.label[a];
            if (sizes[label] != 1 && x->sizes[a] != 1 && sizes[label] != x->sizes[a])
                return ct_fail("einsum: \"%s\": operand %zu is %s: size %lld where another axis of that name has %lld", text, i, SHAPE(x),
                               (long long)x->sizes[a], (long long)sizes[label]) != NULL;
            sizes[label] = x->sizes[a] != 1 ? x->sizes[a] : sizes[label];
            uses[label]++;
        }
        p += !last;
    }
    *result = (struct axes){0};
    for (int k = 0; k < LETTERS; k++)
        once += uses[k] == 1;
    if (!*p) {
        if (widest + once > CT_MAX_RANK)
            return ct_fail("einsum: \"%s\" would have more than %d axes", text, CT_MAX_RANK) != NULL;
        implicit_result(uses, widest, result);
        return true;
    }
    struct word w;
    if (*p != '-' || p[1] != '>')
        return ct_fail("einsum: \"%s\" is malformed at character %d", text, (int)(p - text)) != NULL;
    p += 2;
    if (!parse_word(text, &p, &w))
        return false;
    if (*p)
        return ct_fail("einsum: \"%s\" is malformed at character %d", text, (int)(p - text)) != NULL;
    if (w.count + (w.dots >= 0 ? widest : 0) > CT_MAX_RANK)
        return ct_fail("einsum: \"%s\" would have more than %d axes", text, CT_MAX_RANK) != NULL;
    *result = labelled(&w, widest);
    for (int i = 0; i < w.count; i++) {
        if (!uses[w.letter[i]])
            return ct_fail("einsum: \"%s\": the result names a letter that no operand has", text) != NULL;
        for (int j = 0; j < i; j++)
            if (w.letter[i] == w.letter[j])
                return ct_fail("einsum: \"%s\": the result names a letter twice", text) != NULL;
    }
    return true;
}

/* ---- The products ------------------------------------------------------------------------------------------------------------------------ */
/* A letter that stands twice: the diagonal of its axes. */
static bool take_diagonals(const char *text, struct factor *f)
{
    for (int i = 0; i < f->axes.count; i++)
        for (int j = i + 1; j < f->axes.count; j++)
            if (f->axes.label[i] == f->axes.label[j]) {
                if (f->x->sizes[i] != f->x->sizes[j])
                    return ct_fail("einsum: \"%s\": sizes %lld and %lld of a letter that stands twice for %s", text, (long long)f->x->sizes[i],
                                   (long long)f->x->sizes[j], SHAPE(f->x)) != NULL;
                if (!(f->x = (ct_diagonal)(f->x, 0, i, j)))
                    return false;
                struct axes left = {0};
                for (int k = 0; k < f->axes.count; k++)
                    if (k != i && k != j)
                        left.label[left.count++] = f->axes.label[k];
                left.label[left.count++] = f->axes.label[i];
                f->axes = left;
                i = -1;
                break;
            }
    return true;
}

/* Sums the axes outside the set. */
static bool keep_only(struct factor *f, uint64_t set)
{
    int gone[CT_MAX_RANK];
    size_t count = 0;
    struct axes left = {0};
    for (int i = 0; i < f->axes.count; i++)
        if (set & BIT(f->axes.label[i]))
            left.label[left.count++] = f->axes.label[i];
        else
            gone[count++] = i;
    if (count)
        f->x = (ct_sum)(f->x, gone, count, false);
    f->axes = left;
    return f->x != NULL;
}

/* Sizes of 1 grow to the other's. */
static bool grow(struct factor *f, const struct factor *other)
{
    int64_t sizes[CT_MAX_RANK];
    bool grows = false;
    for (int i = 0; i < f->axes.count; i++) {
        const int there = place_of(&other->axes, f->axes.label[i]);
        sizes[i] = f->x->sizes[i] == 1 && there >= 0 ? other->x->sizes[there] : f->x->sizes[i];
        grows |= sizes[i] != f->x->sizes[i];
    }
    if (grows)
        f->x = (ct_expand)(f->x, sizes, (size_t)f->axes.count);
    return f->x != NULL;
}

static ct_tensor *ordered(const struct factor *f, const struct axes *order)
{
    int places[CT_MAX_RANK];
    bool moves = false;
    for (int i = 0; i < order->count; i++) {
        places[i] = place_of(&f->axes, order->label[i]);
        moves |= places[i] != i;
    }
    return moves ? (ct_permute)(f->x, places, (size_t)order->count) : f->x;
}

static struct axes chosen(const struct axes *from, uint64_t set)
{
    struct axes a = {0};
    for (int i = 0; i < from->count; i++)
        if (set & BIT(from->label[i]))
            a.label[a.count++] = from->label[i];
    return a;
}

static struct axes joined(const struct axes *a, const struct axes *b)
{
    struct axes all = *a;
    for (int i = 0; i < b->count; i++)
        all.label[all.count++] = b->label[i];
    return all;
}

static int64_t extent(const struct factor *f, const struct axes *a)
{
    int64_t n = 1;
    for (int i = 0; i < a->count; i++)
        n *= f->x->sizes[place_of(&f->axes, a->label[i])];
    return n;
}

/* f with the axes of order, and sizes of 1 where it lacks one. */
static ct_tensor *spread(const struct factor *f, const struct axes *order)
{
    int64_t sizes[CT_MAX_RANK];
    const struct axes own = chosen(order, set_of(&f->axes));
    for (int i = 0; i < order->count; i++) {
        const int at = place_of(&f->axes, order->label[i]);
        sizes[i] = at < 0 ? 1 : f->x->sizes[at];
    }
    return (ct_reshape)(ordered(f, &own), sizes, (size_t)order->count);
}

/* a becomes a times b, summed over what is not needed later. */
static bool join(const char *text, struct factor *a, struct factor *b, uint64_t later)
{
    const uint64_t a_set = set_of(&a->axes), b_set = set_of(&b->axes);
    if (!keep_only(a, later | b_set) || !keep_only(b, later | a_set) || !grow(a, b) || !grow(b, a))
        return false;
    const uint64_t shared = a_set & b_set;
    const struct axes batch = chosen(&a->axes, shared & later), inner = chosen(&a->axes, shared & ~later);
    const struct axes left = chosen(&a->axes, ~shared), right = chosen(&b->axes, ~shared);
    if (batch.count + left.count + right.count > CT_MAX_RANK)
        return ct_fail("einsum: \"%s\": a product on the way would have more than %d axes", text, CT_MAX_RANK) != NULL;
    struct axes kept = joined(&batch, &left);
    kept = joined(&kept, &right);
    struct factor y = {.axes = kept};
    if (!inner.count)
        y.x = ct_mul(spread(a, &kept), spread(b, &kept));
    else if (!left.count && !right.count && batch.count) { /* many short products of two rows */
        y.axes = joined(&batch, &inner);
        y.x = ct_mul(ordered(a, &y.axes), ordered(b, &y.axes));
        if (y.x && !keep_only(&y, later))
            return false;
    } else {
        struct axes first = joined(&batch, &left), second = joined(&batch, &inner);
        first = joined(&first, &inner), second = joined(&second, &right);
        const int64_t batches = extent(a, &batch), m = extent(a, &left), k = extent(a, &inner), n = extent(b, &right);
        const size_t skip = !batch.count;
        int64_t sizes[CT_MAX_RANK];
        ct_tensor *p = (ct_reshape)(ordered(a, &first), (const int64_t[]){batches, m, k} + skip, 3 - skip);
        ct_tensor *q = (ct_reshape)(ordered(b, &second), (const int64_t[]){batches, k, n} + skip, 3 - skip);
        for (int i = 0; i < kept.count; i++) {
            const struct factor *of = place_of(&a->axes, kept.label[i]) >= 0 ? a : b;
            sizes[i] = of->x->sizes[place_of(&of->axes, kept.label[i])];
        }
        y.x = (ct_reshape)(ct_matmul(p, q), sizes, (size_t)kept.count);
    }
    *a = y;
    return y.x != NULL;
}

ct_tensor *ct_einsum(const char *subscripts, ct_tensor *const *tensors, size_t count)
{
    enum { MOST = 32 };
    struct factor factors[MOST];
    struct axes result = {0};
    if (!subscripts || !tensors || !count || count > MOST)
        return ct_fail("einsum: %zu tensors: want subscripts and 1 to %d tensors", count, MOST);
    for (size_t i = 0; i < count; i++)
        if (!given("einsum", "a tensor of the list", tensors[i]))
            return NULL;
    const ct_dtype dtype = promote(tensors, count);
    if (count > 1 && dtype > CT_FLOAT64)
        return ct_fail("einsum: \"%s\" of %s, want float32 or float64", subscripts, ct_dtype_name(dtype));
    if (!parse(subscripts, tensors, count, factors, &result))
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (!(factors[i].x = as_dtype(tensors[i], dtype)) || !take_diagonals(subscripts, &factors[i]))
            return NULL;
    const uint64_t named = set_of(&result);
    for (size_t i = 1; i < count; i++) {
        uint64_t later = named;
        for (size_t j = i + 1; j < count; j++)
            later |= set_of(&factors[j].axes);
        if (!join(subscripts, &factors[0], &factors[i], later))
            return NULL;
    }
    return keep_only(&factors[0], named) ? ordered(&factors[0], &result) : NULL;
}
