/* loader.c - samples in an order become batches. Each batch is a new tensor: what a graph holds is never written again,
 * and the memory of a batch that nobody holds comes back from the allocator's cache for the next. With workers, the tensors
 * of the batches to come are made ahead, here; the workers see their memory alone, until the batch is handed out. */
#include "autograd/profile.h"
#include "dataset.h"
#include "loader.h"
#include "prefetch.h"
#include "sampler.h"

#include <autograd/memory.h>

#include <string.h>

const ct_loader_options ct_loader_defaults = {CT_LOADER_DEFAULTS.end_ = 0};

enum { WORKERS_MOST = 256, PREFETCH_MOST = 1 << 16, CHUNK_BYTES = 1 << 17 };

struct ct_loader {
    struct object object;
    ct_dataset *dataset;
    ct_sampler *sampler;                        /* NULL: all samples, shuffled or as they come */
    int64_t size;                               /* samples of an epoch */
    int64_t batch_size, position;               /* position: samples of this epoch handed out */
    bool drop_last, channels_last;
    bool is_ordered;                            /* the order is this epoch's */
    uint64_t seed, epoch;
    int64_t *order;                             /* NULL: as they come */
    ct_batch latest;                            /* kept */
    int workers;
    int64_t prefetch, scheduled;                /* scheduled: samples of this epoch handed out or under way */
    struct prefetch *crew;                      /* NULL: not started, or ended by an error */
    ct_batch *ahead;                            /* kept; that of the batch with sample i lies at i / batch_size % prefetch */
};

static void forget(ct_batch *batch)
{
    ct_release(batch->x);
    ct_release(batch->y);
    *batch = (ct_batch){NULL, NULL};
}

/* Ends the workers; what they had under way will be made anew. */
static void stop(ct_loader *loader)
{
    prefetch_end(loader->crew);
    loader->crew = NULL;
    for (int64_t i = 0; loader->ahead && i < loader->prefetch; i++)
        forget(&loader->ahead[i]);
    loader->scheduled = loader->position;
}

static void destroy(void *object)
{
    ct_loader *loader = object;
    stop(loader);
    forget(&loader->latest);
    heap_free(loader->ahead);
    heap_free(loader->order);
    object_drop(loader->dataset);
    object_drop(loader->sampler);
}

static bool check_sampler(const ct_dataset *dataset, const ct_loader_options *o)
{
    const ct_sampler *sampler = o->sampler;
    if (o->shuffle)
        return ct_fail("loader_new: shuffle and a sampler, want one of them");
    if (sampler->samples >= 0 && sampler->samples != dataset->size)
        return ct_fail("loader_new: the sampler is for %lld samples, the data set has %lld", (long long)sampler->samples, (long long)dataset->size);
    if (sampler->least > dataset->size)
        return ct_fail("loader_new: the sampler has sample %lld, which is not in [0, %lld)", (long long)sampler->least - 1, (long long)dataset->size);
    return true;
}

static bool check(const ct_dataset *dataset, const ct_loader_options *o)
{
    if (!dataset || (!o->sampler && !ct_ok())) /* a sampler may have been meant, and failed */
        return ct_fail("loader_new: data set is NULL");
    if (o->sampler && !check_sampler(dataset, o))
        return false;
    if (o->batch_size < 1)
        return ct_fail("loader_new: batch_size %lld, want at least 1", (long long)o->batch_size);
    if (o->workers < 0 || o->workers > WORKERS_MOST)
        return ct_fail("loader_new: workers %lld is not in [0, %d]", (long long)o->workers, WORKERS_MOST);
    if (o->prefetch < 0 || o->prefetch > PREFETCH_MOST)
        return ct_fail("loader_new: prefetch %lld is not in [0, %d]", (long long)o->prefetch, PREFETCH_MOST);
    if (o->prefetch && !o->workers)
        return ct_fail("loader_new: prefetch %lld without workers", (long long)o->prefetch);
    if (o->channels_last && (dataset->x.rank != 3 || dataset->x.dtype != CT_FLOAT32))
        return ct_fail("loader_new: channels_last, but samples are %s with %d axes, want float32 (C, H, W)",
                       ct_dtype_name(dataset->x.dtype), dataset->x.rank);
    return true;
}

ct_loader *(ct_loader_new)(ct_dataset *dataset, const ct_loader_options *options)
{
    const ct_loader_options o = options ? *options : ct_loader_defaults;
    if (o.sampler && o.sampler->object.is_part)
        return ct_fail("loader_new: the sampler is another loader's");
    ct_loader *loader = check(dataset, &o) ? object_new(sizeof *loader, destroy) : NULL;
    if (!loader) {
        object_drop(o.sampler);
        return NULL;
    }
    if ((loader->sampler = o.sampler))
        o.sampler->object.is_part = true;
    loader->dataset = object_hold(dataset);
    loader->size = o.sampler && o.sampler->count >= 0 ? o.sampler->count : dataset->size;
    loader->batch_size = o.batch_size;
    loader->drop_last = o.drop_last;
    loader->channels_last = o.channels_last;
    loader->seed = o.seed;
    loader->workers = (int)o.workers;
    loader->prefetch = o.prefetch ? o.prefetch : 2 * o.workers;
    if (((o.shuffle || (o.sampler && o.sampler->order)) && !(loader->order = heap_zeroed((size_t)loader->size + 1, sizeof *loader->order))) ||
        (o.workers && !(loader->ahead = heap_zeroed((size_t)loader->prefetch, sizeof *loader->ahead)))) {
        const int64_t size = loader->size;
        object_drop(loader);
        return ct_fail("loader_new: out of memory for the order of %lld samples", (long long)size);
    }
    return loader;
}

struct loader_facts loader_facts(const ct_loader *loader)
{
    const char *order = loader->sampler ? "by a sampler" : loader->order ? "shuffled" : "as they come";
    return (struct loader_facts){loader->size, loader->batch_size, order, loader->drop_last, loader->seed};
}

/* ---- Memory of a batch ---------------------------------------------------------------------------------------------------- */
static void interleave(float *restrict to, const float *restrict from, size_t channels, size_t pixels)
{
    for (size_t pixel = 0; pixel < pixels; pixel++)
        for (size_t channel = 0; channel < channels; channel++)
            to[pixel * channels + channel] = from[channel * pixels + pixel];
}

static bool fill_sample(const ct_loader *loader, int64_t index, char *x, char *y, float *planes)
{
    const ct_dataset *dataset = loader->dataset;
    if (!dataset->fill(dataset, index, loader->epoch, planes ? (char *)planes : x, y))
        return false;
    const size_t channels = (size_t)dataset->x.sizes[0], pixels = (size_t)dataset->x.sizes[1] * (size_t)dataset->x.sizes[2];
    if (planes && channels == 3)
        interleave((float *)x, planes, 3, pixels);
    else if (planes)
        interleave((float *)x, planes, channels, pixels);
    return true;
}

/* Any thread may call it: it reads what stays as it is for an epoch. */
static bool fill(const void *of, int64_t first, int64_t count, char *x, char *y, int64_t *failed_at)
{
    const ct_loader *loader = of;
    const struct sample_part *one = &loader->dataset->x;
    float *planes = loader->channels_last ? memory_get(one->bytes) : NULL;
    *failed_at = first;
    if (loader->channels_last && !planes)
        return ct_fail("loader_next: out of memory for a sample of %zu bytes", one->bytes);
    bool good = true;
    for (int64_t i = 0; i < count && good; i++) {
        *failed_at = first + i;
        good = fill_sample(loader, loader->order ? loader->order[first + i] : first + i, x, y, planes);
        x += one->bytes;
        y = y ? y + loader->dataset->y.bytes : NULL;
    }
    memory_put(planes, one->bytes);
    if (good)
        *failed_at = INT64_MAX;
    return good;
}

static ct_tensor *images_tensor(const struct sample_part *part, int64_t batch, void **values)
{
    const struct sample_part last = {{part->sizes[1], part->sizes[2], part->sizes[0]}, 3, part->dtype, part->bytes};
    return (ct_permute)(sample_tensor(&last, batch, values), (const int[]){0, 3, 1, 2}, 4);
}

/* Fresh tensors of the samples from `first` on, kept, and where their values go. */
static bool new_batch(const ct_loader *loader, int64_t first, int64_t count, ct_batch *batch, struct fetch *fetch)
{
    CT_SCOPE;
    const ct_dataset *dataset = loader->dataset;
    void *x_values = NULL, *y_values = NULL;
    ct_tensor *x = (loader->channels_last ? images_tensor : sample_tensor)(&dataset->x, count, &x_values);
    ct_tensor *y = x && dataset->has_y ? sample_tensor(&dataset->y, count, &y_values) : NULL;
    if (!x || (dataset->has_y && !y))
        return false;
    *fetch = (struct fetch){first, count, x_values, y_values, (int64_t)dataset->x.bytes, (int64_t)dataset->y.bytes};
    *batch = (ct_batch){ct_keep(x), ct_keep(y)};
    return true;
}

/* ---- Handing batches out: false leaves the epoch where it stood, so that the next call tries again ------------------------ */
static int64_t count_at(const ct_loader *loader, int64_t position)
{
    const int64_t left = loader->size - position;
    return left >= loader->batch_size ? loader->batch_size : loader->drop_last ? 0 : left;
}

static bool make_batch(ct_loader *loader, int64_t count)
{
    struct fetch fetch;
    int64_t failed_at;
    if (!new_batch(loader, loader->position, count, &loader->latest, &fetch))
        return false;
    if (fill(loader, fetch.first, fetch.count, fetch.x, fetch.y, &failed_at))
        return true;
    forget(&loader->latest);
    return false;
}

static ct_batch *place_of(const ct_loader *loader, int64_t position)
{
    return &loader->ahead[position / loader->batch_size % loader->prefetch];
}

static bool schedule(ct_loader *loader)
{
    const int64_t chunk = CHUNK_BYTES / (int64_t)(loader->dataset->x.bytes + 1) + 1;
    if (loader->crew && prefetch_lost(loader->crew))
        stop(loader);
    if (!loader->crew && !(loader->crew = prefetch_start(loader->workers, loader->prefetch, chunk, fill, loader)))
        return false;
    for (int64_t count; (count = count_at(loader, loader->scheduled)) > 0; loader->scheduled += count) {
        ct_batch *place = place_of(loader, loader->scheduled);
        struct fetch fetch;
        if (place->x)
            break;
        if (!new_batch(loader, loader->scheduled, count, place, &fetch))
            return false;
        prefetch_add(loader->crew, &fetch);
    }
    return true;
}

static bool take_batch(ct_loader *loader)
{
    if (!schedule(loader))
        return false;
    if (!prefetch_take(loader->crew)) {
        stop(loader);
        return false;
    }
    ct_batch *place = place_of(loader, loader->position);
    loader->latest = *place;
    *place = (ct_batch){NULL, NULL};
    return true;
}

/* Orders are made between epochs and after a seek, when no worker reads one. */
static bool make_order(ct_loader *loader)
{
    if (loader->order && !loader->is_ordered) {
        if (!loader->sampler)
            dataset_shuffle(loader->order, loader->size, loader->seed, loader->epoch);
        else if (!loader->sampler->order(loader->sampler, loader->batch_size, loader->seed, loader->epoch, loader->order))
            return false;
    }
    return loader->is_ordered = true;
}

bool ct_loader_next(ct_loader *loader, ct_batch *batch)
{
    if (batch)
        *batch = (ct_batch){NULL, NULL};
    if (!loader || !batch)
        return ct_fail("loader_next: %s is NULL", loader ? "batch" : "loader");
    PROFILE_SPAN("next batch");
    forget(&loader->latest);
    const int64_t count = count_at(loader, loader->position);
    if (count == 0) {
        loader->position = loader->scheduled = 0;
        loader->is_ordered = false;
        loader->epoch++;
        return false;
    }
    if (!make_order(loader) || !(loader->workers ? take_batch(loader) : make_batch(loader, count)))
        return false;
    loader->position += count;
    *batch = loader->latest;
    return true;
}

int64_t ct_loader_batches(const ct_loader *loader)
{
    if (!loader)
        return -1;
    const int64_t whole = loader->size / loader->batch_size, rest = loader->size % loader->batch_size;
    return whole + (rest && !loader->drop_last);
}

/* ---- Positions -------------------------------------------------------------------------------------------------------------- */
ct_loader_position ct_loader_tell(const ct_loader *loader)
{
    if (!loader)
        return (ct_loader_position){-1, -1};
    const int64_t whole = loader->position / loader->batch_size, rest = loader->position % loader->batch_size;
    return (ct_loader_position){(int64_t)loader->epoch, whole + (rest != 0)};
}

bool ct_loader_seek(ct_loader *loader, ct_loader_position position)
{
    if (!loader)
        return ct_fail("loader_seek: loader is NULL");
    const int64_t batches = ct_loader_batches(loader), size = loader->size;
    if (position.epoch < 0)
        return ct_fail("loader_seek: epoch %lld, want 0 or more", (long long)position.epoch);
    if (position.batch < 0 || position.batch > batches)
        return ct_fail("loader_seek: batch %lld of epoch %lld, which has %lld", (long long)position.batch, (long long)position.epoch, (long long)batches);
    const int64_t samples = position.batch * loader->batch_size;
    stop(loader);                               /* first: workers read the epoch */
    loader->position = loader->scheduled = samples < size ? samples : size;
    loader->is_ordered = loader->is_ordered && loader->epoch == (uint64_t)position.epoch;
    loader->epoch = (uint64_t)position.epoch;
    return true;
}
