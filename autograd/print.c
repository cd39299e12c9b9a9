/* Printing as NumPy does: one width for all elements, rows in brackets, the middle of large tensors left out. */
#include <math.h>
#include <stdarg.h>

#include "internal.h"

enum { SUMMARISED_FROM = 1000, EDGE = 3, LINE = 75 };

struct text {                                   /* grows past its end without writing there */
    char *to;
    size_t room, length, column;
};

static void put(struct text *t, const char *format, ...) CT_FORMAT(2, 3);
static void put(struct text *t, const char *format, ...)
{
    char piece[96];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(piece, sizeof piece, format, arguments);
    va_end(arguments);
    for (int i = 0; i < n && i < (int)sizeof piece - 1; i++) {
        if (t->length + 1 < t->room)
            t->to[t->length] = piece[i];
        t->length++;
        t->column = piece[i] == '\n' ? 0 : t->column + 1;
    }
}

struct style {
    bool summarise, exponent, started, finite;
    int width, precision;
    double largest, smallest;
};

static double value_of(const ct_tensor *t, const char *at)
{
    return t->dtype == CT_FLOAT32 ? (double)*(const float *)at : t->dtype == CT_FLOAT64 ? *(const double *)at : 0;
}

/* The fewest digits after the point, up to 8 (4 for float32's noise), that give the shown value back. */
static int digits_needed(double v, bool exponent)
{
    char text[64];
    for (int p = 0; p < 8; p++) {
        snprintf(text, sizeof text, exponent ? "%.*e" : "%.*f", p, v);
        double back;
        sscanf(text, "%lf", &back);
        if (fabs(back - v) <= fabs(v) * 1e-7)
            return p;
    }
    return 8;
}

static int format_value(char *text, size_t room, const ct_tensor *t, const char *at, const struct style *s)
{
    if (t->dtype == CT_BOOL)
        return snprintf(text, room, "%s", *(const uint8_t *)at ? "True" : "False");
    if (t->dtype == CT_INT64)
        return snprintf(text, room, "%lld", (long long)*(const int64_t *)at);
    double v = value_of(t, at);
    if (isnan(v))
        return snprintf(text, room, "nan");
    if (isinf(v))
        return snprintf(text, room, v < 0 ? "-inf" : "inf");
    if (s->exponent)
        return snprintf(text, room, "%.*e", s->precision, v);
    return snprintf(text, room, s->precision ? "%.*f" : "%.*f.", s->precision, v);
}

/* Visits the elements that will be shown. */
static void each_shown(const ct_tensor *t, int axis, const char *at, struct style *s, void (*visit)(const ct_tensor *, const char *, struct style *))
{
    if (axis == t->rank) {
        visit(t, at, s);
        return;
    }
    const int64_t size = t->sizes[axis];
    for (int64_t i = 0; i < size; i++) {
        if (s->summarise && size > 2 * EDGE && i == EDGE)
            i = size - EDGE;
        each_shown(t, axis + 1, at + i * t->strides[axis] * (int64_t)ct_dtype_size((ct_dtype)t->dtype), s, visit);
    }
}

static void measure_range(const ct_tensor *t, const char *at, struct style *s)
{
    double v = fabs(value_of(t, at));
    if (!isfinite(v))
        return;
    s->finite = true;
    s->largest = v > s->largest ? v : s->largest;
    s->smallest = v > 0 && v < s->smallest ? v : s->smallest;
}

static void measure_digits(const ct_tensor *t, const char *at, struct style *s)
{
    double v = value_of(t, at);
    int p = isfinite(v) ? digits_needed(v, s->exponent) : 0;
    s->precision = p > s->precision ? p : s->precision;
}

static void measure_width(const ct_tensor *t, const char *at, struct style *s)
{
    char text[400];
    int w = format_value(text, sizeof text, t, at, s);
    s->width = w > s->width ? w : s->width;
}

static void put_value(struct text *out, const ct_tensor *t, const char *at, const struct style *s)
{
    char text[400];
    format_value(text, sizeof text, t, at, s);
    text[90] = 0;
    put(out, "%*s", s->width < 90 ? s->width : 0, text);
}

static void put_axis(struct text *out, const ct_tensor *t, int axis, const char *at, const struct style *s, int indent)
{
    if (axis == t->rank) {
        put_value(out, t, at, s);
        return;
    }
    const int64_t size = t->sizes[axis], step = t->strides[axis] * (int64_t)ct_dtype_size((ct_dtype)t->dtype);
    const bool rows = axis + 1 < t->rank;
    put(out, "[");
    for (int64_t i = 0; i < size; i++) {
        bool gap = s->summarise && size > 2 * EDGE && i == EDGE;
        if (i && rows) {
            put(out, ",\n");
            for (int blank = axis + 2; blank < t->rank; blank++)
                put(out, "\n");
            put(out, "%*s", indent + axis + 1, "");
        } else if (i) {
            put(out, ",");
            put(out, (int)out->column + 1 + (gap ? 3 : s->width) > LINE ? "\n%*s" : " ", indent + axis + 1, "");
        }
        if (gap) {
            put(out, "...");
            i = size - EDGE - 1;
        } else
            put_axis(out, t, axis + 1, at + i * step, s, indent);
    }
    put(out, "]");
}

size_t ct_format(const ct_tensor *x, char *text, size_t bytes)
{
    struct text out = {.to = text, .room = text ? bytes : 0};
    if (!given("format", "the operand", x))
        return 0;
    struct style s = {.summarise = tensor_numel(x) > SUMMARISED_FROM, .smallest = INFINITY};
    bool empty = tensor_numel(x) == 0;
    if (is_floating(x) && !empty) {
        each_shown(x, 0, x->data, &s, measure_range);
        s.exponent = s.finite && (s.largest >= 1e8 || (s.smallest < 1e-4 && s.largest > 0) ||
                                  (isfinite(s.smallest) && s.largest / s.smallest > 1000));
        each_shown(x, 0, x->data, &s, measure_digits);
    }
    if (!empty)
        each_shown(x, 0, x->data, &s, measure_width);
    put(&out, "tensor(");
    if (empty)
        put(&out, "[]");
    else
        put_axis(&out, x, 0, x->data, &s, 7);
    if (empty && x->rank != 1)
        put(&out, ", shape=%s", SHAPE(x));
    if (x->dtype != ct_default_dtype() && (x->dtype <= CT_FLOAT64 || empty))
        put(&out, ", dtype=%s", ct_dtype_name((ct_dtype)x->dtype));
    if (x->flags & WANTS_GRAD)
        put(&out, x->node ? ", made by %s" : ", requires_grad%.0s", x->node ? x->node->op->name : "");
    put(&out, ")");
    if (out.room)
        out.to[out.length < out.room ? out.length : out.room - 1] = 0;
    return out.length;
}

bool ct_fprint(FILE *file, const ct_tensor *x)
{
    if (!file)
        return ct_fail("print: the file is NULL") != NULL;
    if (!given("print", "the operand", x))
        return false;
    size_t bytes = ct_format(x, NULL, 0) + 1;
    char *text = heap_alloc(bytes);
    if (!text)
        return ct_fail("print: out of memory") != NULL;
    ct_format(x, text, bytes);
    bool ok = fprintf(file, "%s\n", text) >= 0;
    heap_free(text);
    return ok || ct_fail("print: the file cannot be written");
}

bool ct_print(const ct_tensor *x)
{
    return ct_fprint(stdout, x);
}
