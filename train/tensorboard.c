/* Events as protocol buffers. Numbers of fields: github.com/tensorflow/tensorflow, core/util/event.proto, core/framework/summary.proto, tensor.proto. What
 * plugins want of a tensor: github.com/tensorflow/tensorboard, docs of each plugin's summary_v2. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "autograd/memory.h"
#include "autograd/object.h"
#include "data/utf8.h"
#include "io/png.h"
#include "io/protobuf.h"
#include "train/events.h"

enum { BUCKETS = 30 };
enum { DT_FLOAT = 1, DT_DOUBLE = 2, DT_STRING = 7 };
enum { CLASS_SCALAR = 1, CLASS_TENSOR = 2, CLASS_BLOBS = 3 };
enum { EVENT_TIME = 1, EVENT_STEP = 2, EVENT_VERSION = 3, EVENT_SUMMARY = 5, EVENT_SESSION = 7 };
enum { VALUE_TAG = 1, VALUE_TENSOR = 8, VALUE_METADATA = 9 };
enum { TENSOR_DTYPE = 1, TENSOR_SHAPE = 2, TENSOR_FLOATS = 5, TENSOR_DOUBLES = 6, TENSOR_STRINGS = 8 };

struct ct_tensorboard {
    struct object object;
    struct events events;
    struct protobuf event;                      /* the one being written */
};

static void destroy(void *object)
{
    ct_tensorboard *self = object;
    events_close(&self->events);                /* a disk that is full stays a failure, pending */
    protobuf_free(&self->event);
}

static void begin_event(ct_tensorboard *self, int64_t step)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    protobuf_clear(&self->event);
    protobuf_double(&self->event, EVENT_TIME, (double)t.tv_sec + 1e-9 * (double)t.tv_nsec);
    protobuf_integer(&self->event, EVENT_STEP, step);
}

static bool end_event(ct_tensorboard *self)
{
    return protobuf_good(&self->event, self->events.path) && events_append(&self->events, self->event.bytes, self->event.count);
}

ct_tensorboard *tensorboard_open(const char *folder, enum events_others others)
{
    ct_tensorboard *self = object_new(sizeof *self, destroy);
    if (!self)
        return NULL;
    if (!events_open(&self->events, folder, others)) {
        object_drop(self);
        return NULL;
    }
    begin_event(self, 0);
    protobuf_text(&self->event, EVENT_VERSION, "brain.Event:2");
    if (end_event(self))
        return self;
    object_drop(self);
    return NULL;
}

ct_tensorboard *ct_tensorboard_open(const char *folder)
{
    if (!folder || !*folder)
        return ct_ok() ? ct_fail("tensorboard_open: folder is %s", folder ? "empty" : "NULL") : NULL;
    return tensorboard_open(folder, EVENTS_ANY);
}

bool tensorboard_start(ct_tensorboard *self, int64_t step)
{
    begin_event(self, step);
    const size_t session = protobuf_open(&self->event, EVENT_SESSION);
    protobuf_integer(&self->event, 1, 1);       /* status: START */
    protobuf_close(&self->event, session);
    return end_event(self);
}

bool ct_tensorboard_flush(ct_tensorboard *self)
{
    if (!self)
        return ct_ok() ? ct_fail("tensorboard_flush: board is NULL") != NULL : false;
    return events_flush(&self->events);
}

bool tensorboard_close(ct_tensorboard *self)
{
    return events_close(&self->events);
}

/* ---- A value: tag, what kind it is, a tensor ------------------------------------------------------------------------------------------- */
struct value {
    size_t summary, value, tensor;
};

/* What is not UTF-8 would have readers refuse the whole file: such bytes become question marks. */
static void put_text(struct protobuf *p, uint32_t field, const char *text)
{
    char *copy = heap_copy_text(text);
    if (!copy) {
        p->failed = true;
        return;
    }
    for (size_t fault; (fault = utf8_fault(copy)) != SIZE_MAX;)
        copy[fault] = '?';
    protobuf_text(p, field, copy);
    heap_free(copy);
}

static void put_shape(struct protobuf *p, const int64_t *sizes, int rank)
{
    const size_t shape = protobuf_open(p, TENSOR_SHAPE);
    for (int i = 0; i < rank; i++) {
        const size_t dimension = protobuf_open(p, 2);
        protobuf_integer(p, 1, sizes[i]);
        protobuf_close(p, dimension);
    }
    protobuf_close(p, shape);
}

static struct value begin_value(ct_tensorboard *self, const char *tag, int64_t step, const char *plugin, int class, int dtype, const int64_t *sizes, int rank)
{
    struct protobuf *p = &self->event;
    struct value v;
    begin_event(self, step);
    v.summary = protobuf_open(p, EVENT_SUMMARY);
    v.value = protobuf_open(p, 1);
    put_text(p, VALUE_TAG, tag);
    const size_t metadata = protobuf_open(p, VALUE_METADATA), data = protobuf_open(p, 1);
    protobuf_text(p, 1, plugin);
    protobuf_close(p, data);
    protobuf_integer(p, 4, class);
    protobuf_close(p, metadata);
    v.tensor = protobuf_open(p, VALUE_TENSOR);
    protobuf_integer(p, TENSOR_DTYPE, dtype);
    put_shape(p, sizes, rank);
    return v;
}

static bool end_value(ct_tensorboard *self, struct value v)
{
    protobuf_close(&self->event, v.tensor);
    protobuf_close(&self->event, v.value);
    protobuf_close(&self->event, v.summary);
    return end_event(self);
}

static bool given(const char *call, const ct_tensorboard *self, const char *tag, const void *what)
{
    if (self && tag && *tag && what)
        return true;
    if (ct_ok())
        ct_fail("tensorboard_%s: %s is %s", call, !self ? "board" : !tag || !*tag ? "tag" : "what is to be written", tag && !*tag ? "empty" : "NULL");
    return false;
}

bool ct_tensorboard_scalar(ct_tensorboard *self, const char *tag, int64_t step, double value)
{
    if (!given("scalar", self, tag, &value))
        return false;
    const struct value v = begin_value(self, tag, step, "scalars", CLASS_SCALAR, DT_FLOAT, NULL, 0);
    protobuf_float(&self->event, TENSOR_FLOATS, (float)value);
    return end_value(self, v);
}

bool ct_tensorboard_text(ct_tensorboard *self, const char *tag, int64_t step, const char *text)
{
    if (!given("text", self, tag, text))
        return false;
    const struct value v = begin_value(self, tag, step, "text", CLASS_TENSOR, DT_STRING, NULL, 0);
    put_text(&self->event, TENSOR_STRINGS, text);
    return end_value(self, v);
}

/* ---- Histograms: rows of left edge, right edge, count ------------------------------------------------------------------------------------ */
struct histogram {
    int buckets;
    double low, high, width;
    int64_t counts[BUCKETS];
};

static struct histogram count_values(const double *x, int64_t count)
{
    struct histogram h = {.buckets = BUCKETS, .low = INFINITY, .high = -INFINITY};
    for (int64_t i = 0; i < count; i++)
        if (isfinite(x[i]))
            h.low = fmin(h.low, x[i]), h.high = fmax(h.high, x[i]);
    if (!(h.low <= h.high))
        return (struct histogram){.buckets = BUCKETS};
    h.width = h.high / BUCKETS - h.low / BUCKETS;
    if (!(h.width > 0))
        h.buckets = 1, h.low -= 0.5, h.high += 0.5, h.width = 1;
    for (int64_t i = 0; i < count; i++)
        if (isfinite(x[i])) {                   /* halves: the whole range may be more than the largest number */
            const double place = (x[i] / 2 - h.low / 2) / (h.width / 2);
            h.counts[place < h.buckets ? (int)place : h.buckets - 1]++;
        }
    return h;
}

static double edge(const struct histogram *h, int i)
{
    const double part = (double)i / h->buckets;
    return h->low * (1 - part) + h->high * part;
}

bool ct_tensorboard_histogram(ct_tensorboard *self, const char *tag, int64_t step, ct_tensor *values)
{
    if (!given("histogram", self, tag, values))
        return false;
    CT_SCOPE;
    CT_NO_GRAD;
    ct_tensor *wide = ct_contiguous(ct_cast(ct_detach(values), CT_FLOAT64));
    if (!wide)
        return false;
    const struct histogram h = count_values(ct_data(wide), ct_numel(wide));
    const struct value v = begin_value(self, tag, step, "histograms", CLASS_TENSOR, DT_DOUBLE, (int64_t[]){h.buckets, 3}, 2);
    const size_t list = protobuf_open(&self->event, TENSOR_DOUBLES);
    for (int i = 0; i < h.buckets; i++) {
        protobuf_packed_double(&self->event, edge(&h, i));
        protobuf_packed_double(&self->event, edge(&h, i + 1));
        protobuf_packed_double(&self->event, (double)h.counts[i]);
    }
    protobuf_close(&self->event, list);
    return end_value(self, v);
}

/* ---- Images: width, height, then a PNG each ------------------------------------------------------------------------------------------------ */
static bool put_image(ct_tensorboard *self, ct_tensor *image)
{
    size_t count;
    unsigned char *bytes = image ? png_encode(self->events.path, image, &count) : NULL;
    if (bytes)
        protobuf_bytes(&self->event, TENSOR_STRINGS, bytes, count);
    heap_free(bytes);
    return bytes;
}

bool ct_tensorboard_image(ct_tensorboard *self, const char *tag, int64_t step, ct_tensor *images)
{
    if (!given("image", self, tag, images))
        return false;
    CT_SCOPE;
    CT_NO_GRAD;
    const bool several = ct_rank(images) == 4;
    const int64_t count = several ? ct_size(images, 0) : 1;
    if (ct_rank(images) < 2 || ct_rank(images) > 4 || count < 1)
        return ct_fail("tensorboard_image: %s: want (H, W), (C, H, W) or (N, C, H, W)", count < 1 ? "no images" : "not as many axes") != NULL;
    char size[24];
    const struct value v = begin_value(self, tag, step, "images", CLASS_BLOBS, DT_STRING, (int64_t[]){count + 2}, 1);
    for (int axis = -1; axis >= -2; axis--) {
        snprintf(size, sizeof size, "%lld", (long long)ct_size(images, axis));
        protobuf_text(&self->event, TENSOR_STRINGS, size);
    }
    for (int64_t i = 0; i < count; i++)
        if (!put_image(self, several ? ct_squeeze(ct_narrow(images, 0, i, 1), 0) : images))
            return false;
    return end_value(self, v);
}
