/* The graph behind a tensor, as Graphviz draws it. */
#include <stdlib.h>

#include "inspect.h"
#include "internal.h"
#include "place.h"

const ct_graph_dot_options ct_graph_dot_defaults = {CT_GRAPH_DOT_DEFAULTS .end_ = 0};

struct item {                                   /* a node, or a leaf or constant that one reads */
    ct_node *node;
    const ct_tensor *tensor;                    /* of the node's first output that was met */
    const char *path;
};
struct drawing {
    struct item *items;
    size_t count, room;
    uint32_t *slots;                            /* where an item is, plus 1, by its address */
    size_t slot_count;
    FILE *file;
    const ct_graph_dot_options *options;
};

/* ---- Gathering: breadth first, so that what is near the root is drawn if not all can be --------------------------------------------- */
static const void *address(const struct item *item)
{
    return item->node ? (const void *)item->node : item->tensor;
}

static size_t slot_of(const struct drawing *d, const void *what)
{
    size_t at = (size_t)(((uint64_t)(uintptr_t)what * UINT64_C(0x9E3779B97F4A7C15)) >> 20) & (d->slot_count - 1);
    while (d->slots[at] && address(&d->items[d->slots[at] - 1]) != what)
        at = (at + 1) & (d->slot_count - 1);
    return at;
}

static bool grow(struct drawing *d)
{
    const size_t room = d->room ? 2 * d->room : 256;
    struct item *items = heap_resize(d->items, room * sizeof *items);
    if (!items)
        return ct_fail("graph_dot: out of memory") != NULL;
    d->items = items, d->room = room;
    heap_free(d->slots);
    d->slot_count = 0;
    if (!(d->slots = heap_zeroed(2 * room, sizeof *d->slots)))
        return ct_fail("graph_dot: out of memory") != NULL;
    d->slot_count = 2 * room;
    for (size_t i = 0; i < d->count; i++)
        d->slots[slot_of(d, address(&d->items[i]))] = (uint32_t)i + 1;
    return true;
}

static bool meet(struct drawing *d, const ct_tensor *t, const char *reader)
{
    if (d->count == d->room && !grow(d))
        return false;
    struct item item = {.node = t->node, .tensor = t, .path = t->node ? place_path(t->node->place) : t->flags & WANTS_GRAD ? reader : ""};
    const size_t at = slot_of(d, address(&item));
    if (!d->slots[at]) {
        d->items[d->count++] = item;
        d->slots[at] = (uint32_t)d->count;
    }
    return true;
}

static bool gather(struct drawing *d, ct_tensor *root)
{
    bool ok = meet(d, root, "");
    for (size_t i = 0; i < d->count && ok; i++) {
        const ct_node *node = d->items[i].node;
        const char *path = d->items[i].path;
        for (size_t k = 0; node && k < node->input_count && ok; k++)
            ok = !node->edges[k].tensor || meet(d, node->edges[k].tensor, path);
    }
    return ok;
}

/* ---- Drawing ----------------------------------------------------------------------------------------------------------------------------- */
static void put(FILE *f, const char *text, size_t length) /* inside quotes */
{
    for (size_t i = 0; i < length; i++)
        if (text[i] == '"' || text[i] == '\\')
            fprintf(f, "\\%c", text[i]);
        else
            fputc((unsigned char)text[i] < 0x20 ? ' ' : text[i], f);
}

static void put_item(const struct drawing *d, size_t i)
{
    const struct item *item = &d->items[i];
    const ct_tensor *t = item->tensor;
    const bool wanted = t->flags & WANTS_GRAD;
    const char *name = item->node ? item->node->op->name : "";
    if (!item->node && d->options->name && !(name = d->options->name(t, d->options->context)))
        name = "";
    fprintf(d->file, "n%zu [label=\"", i);
    put(d->file, name, strlen(name));
    fprintf(d->file, "%s%s %s%s\"", *name ? "\\n" : "", SHAPE(t), ct_dtype_name((ct_dtype)t->dtype), item->node && item->node->freed ? "\\nfreed" : "");
    fputs(item->node ? "];\n" : wanted ? ", shape=box, style=filled, fillcolor=lightblue];\n" : ", shape=plaintext];\n", d->file);
}

/* Paths in an order where a module's parts follow it: the dot comes before all else. */
static int by_path(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    const int x = *a == '.' ? 1 : (unsigned char)*a + (*a != 0), y = *b == '.' ? 1 : (unsigned char)*b + (*b != 0);
    return x - y;
}

struct place {
    const char *path;
    size_t item;
};

static int by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    const int order = by_path(x->path, y->path);
    return order ? order : (x->item > y->item) - (x->item < y->item);
}

/* How much of the two paths is the same modules: 0, or up to behind a dot or the end. */
static size_t shared(const char *a, const char *b)
{
    size_t same = 0;
    for (size_t i = 0; *a; i++) {
        if ((!a[i] || a[i] == '.') && (!b[i] || b[i] == '.'))
            same = i;
        if (!a[i] || a[i] != b[i])
            break;
    }
    return same;
}

static size_t depth(const char *path, size_t length)
{
    size_t dots = length > 0;
    for (size_t i = 0; i < length; i++)
        dots += path[i] == '.';
    return dots;
}

/* Closes and opens boxes of modules between two paths. */
static void move(const struct drawing *d, const char *from, const char *to, size_t *boxes)
{
    const size_t same = shared(from, to), length = strlen(to);
    for (size_t open = depth(from, strlen(from)); open > depth(to, same); open--)
        fputs("}\n", d->file);
    for (size_t at = same; at < length;) {
        at += to[at] == '.';
        const size_t part = strcspn(to + at, ".");
        fprintf(d->file, "subgraph cluster_%zu {\nlabel=\"", (*boxes)++);
        put(d->file, to + at, part);
        fputs("\";\n", d->file);
        at += part;
    }
}

static bool draw(const struct drawing *d, size_t drawn)
{
    struct place *order = heap_alloc((drawn ? drawn : 1) * sizeof *order);
    if (!order)
        return ct_fail("graph_dot: out of memory") != NULL;
    for (size_t i = 0; i < drawn; i++)
        order[i] = (struct place){d->items[i].path, i};
    qsort(order, drawn, sizeof *order, by_place);
    fputs("digraph graph_of_tensors {\nnode [fontname=sans, fontsize=10, shape=ellipse];\ngraph [fontname=sans, fontsize=10, color=gray];\n", d->file);
    const char *path = "";
    size_t boxes = 0;
    for (size_t i = 0; i < drawn; i++) {
        move(d, path, order[i].path, &boxes);
        path = order[i].path;
        put_item(d, order[i].item);
    }
    move(d, path, "", &boxes);
    heap_free(order);
    for (size_t i = 0; i < drawn; i++) {
        const ct_node *node = d->items[i].node;
        for (size_t k = 0; node && k < node->input_count; k++) {
            const ct_tensor *x = node->edges[k].tensor;
            const size_t from = x ? d->slots[slot_of(d, x->node ? (const void *)x->node : x)] : 0;
            if (from && from <= drawn)
                fprintf(d->file, "n%zu -> n%zu;\n", from - 1, i);
        }
    }
    if (drawn < d->count)
        fprintf(d->file, "more [shape=plaintext, label=\"... and %zu more\"];\n", d->count - drawn);
    fputs("}\n", d->file);
    return !ferror(d->file) || ct_fail("graph_dot: the file cannot be written");
}

bool(ct_graph_dot)(ct_tensor *root, FILE *file, const ct_graph_dot_options *options)
{
    struct drawing d = {.file = file, .options = options ? options : &ct_graph_dot_defaults};
    if (!given_shape("graph_dot", "the root", root))
        return false;
    if (!file || d.options->limit < 1)
        return ct_fail("graph_dot: %s", file ? "a limit below 1" : "the file is NULL") != NULL;
    bool ok = gather(&d, root);
    ok = ok && draw(&d, d.count < (uint64_t)d.options->limit ? d.count : (size_t)d.options->limit);
    heap_free(d.items), heap_free(d.slots);
    return ok;
}
