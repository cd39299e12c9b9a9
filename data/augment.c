/* augment.c - images a little different each epoch: turned, shifted, mirrored, with a part missing. */
#include "dataset.h"
#include "stream.h"

#include <autograd/memory.h>

#include <math.h>
#include <string.h>

enum { FIRST_BLOCK = 1 << 30, CROP_MOST = 1 << 16, ERASE_TRIES = 10 }; /* FIRST_BLOCK: where no synthetic image's stream comes */

struct augmented {
    ct_dataset base;
    ct_dataset *plain;
    uint64_t seed;
    int channels, height, width, crop_padding;
    bool flip;
    float turn, erase;                          /* turn: at most, in radians */
};

static void destroy(void *object)
{
    object_drop(((struct augmented *)object)->plain);
}

/* ---- One draw: output (row, column) takes what stands at (row + dy, column + dx), after mirroring and turning ---------- */
struct change {
    int dx, dy;
    bool mirrored;
    float angle;
    int top, left, bottom, right;               /* of the part that is erased; empty: none */
};

/* Zhong et al., "Random erasing data augmentation", arXiv:1708.04896: a rectangle of 2 to 33 % of the area, of aspect 0.3 to 3.3. */
static void draw_erasure(struct change *change, struct stream *s, int height, int width)
{
    for (int try = 0; try < ERASE_TRIES; try++) {
        const float area = (float)height * (float)width * uniform(s, 0.02f, 0.33f);
        const float aspect = expf(uniform(s, logf(0.3f), logf(1 / 0.3f)));
        const float rows = roundf(sqrtf(area * aspect)), columns = roundf(sqrtf(area / aspect));
        if (rows >= (float)height || columns >= (float)width)
            continue;
        change->top = (int)(next_word(s) % (uint32_t)(height - (int)rows + 1));
        change->left = (int)(next_word(s) % (uint32_t)(width - (int)columns + 1));
        change->bottom = change->top + (int)rows;
        change->right = change->left + (int)columns;
        return;
    }
}

static struct change draw_change(const struct augmented *set, int64_t index, uint64_t draw)
{
    struct change change = {0};
    struct stream s = stream_of(set->seed, index, (uint32_t)draw, FIRST_BLOCK);
    const uint32_t offsets = 2 * (uint32_t)set->crop_padding + 1, down = next_word(&s), right = next_word(&s), side = next_word(&s);
    change.dy = (int)(down % offsets) - set->crop_padding;
    change.dx = (int)(right % offsets) - set->crop_padding;
    change.mirrored = set->flip && side >> 31;
    change.angle = uniform(&s, -set->turn, set->turn);
    if (uniform(&s, 0, 1) < set->erase)
        draw_erasure(&change, &s, set->height, set->width);
    return change;
}

static float black_of(const struct augmented *set, int channel)
{
    return channel < IMAGE_CHANNELS ? set->base.black[channel] : 0;
}

/* ---- Planes of one channel ---------------------------------------------------------------------------------------------- */
static void fill_with(float *values, int count, float value)
{
    for (int i = 0; i < count; i++)
        values[i] = value;
}

/* The shifted plane, black where it shows what was outside, then mirrored. */
static void shift(float *to, const float *from, int height, int width, const struct change *change, float black)
{
    const int dx = change->dx, first = dx < 0 ? (-dx < width ? -dx : width) : 0, last = dx > 0 ? (dx < width ? width - dx : 0) : width;
    for (int row = 0; row < height; row++, to += width) {
        const int source = row + change->dy;
        if (source < 0 || source >= height || first >= last) {
            fill_with(to, width, black);
            continue;
        }
        const float *line = from + (ptrdiff_t)source * width;
        fill_with(to, first, black);
        if (change->mirrored) {
            fill_with(to, width - last, black);
            fill_with(to + width - first, first, black);
            for (int column = first; column < last; column++)
                to[width - 1 - column] = line[column + dx];
        } else {
            memcpy(to + first, line + first + dx, (size_t)(last - first) * sizeof *to);
            fill_with(to + last, width - last, black);
        }
    }
}

static float at(const float *plane, int height, int width, int row, int column, float black)
{
    return row < 0 || row >= height || column < 0 || column >= width ? black : plane[(ptrdiff_t)row * width + column];
}

static float between(float a, float b, float share)
{
    return a + share * (b - a);
}

/* The planes turned about their middle, values between pixels bilinear. */
static void turn(float *to, const float *from, const struct augmented *set, float angle)
{
    const int height = set->height, width = set->width;
    const ptrdiff_t plane = (ptrdiff_t)height * width;
    const float c = cosf(angle), s = sinf(angle), middle_x = (float)(width - 1) / 2, middle_y = (float)(height - 1) / 2;
    for (int row = 0; row < height; row++)
        for (int column = 0; column < width; column++, to++) {
            const float u = (float)column - middle_x, v = (float)row - middle_y;
            const float x = middle_x + c * u - s * v, y = middle_y + s * u + c * v;
            const int j = (int)x - (x < 0), i = (int)y - (y < 0); /* floor, but for whole negative numbers: black either way */
            const float right = x - (float)j, low = y - (float)i;
            if (i >= 0 && i < height - 1 && j >= 0 && j < width - 1)
                for (int channel = 0; channel < set->channels; channel++) {
                    const float *p = from + channel * plane + (ptrdiff_t)i * width + j;
                    to[channel * plane] = between(between(p[0], p[1], right), between(p[width], p[width + 1], right), low);
                }
            else
                for (int channel = 0; channel < set->channels; channel++) {
                    const float *p = from + channel * plane, black = black_of(set, channel);
                    const float above = between(at(p, height, width, i, j, black), at(p, height, width, i, j + 1, black), right);
                    const float below = between(at(p, height, width, i + 1, j, black), at(p, height, width, i + 1, j + 1, black), right);
                    to[channel * plane] = between(above, below, low);
                }
        }
}

static void erase(float *plane, int width, const struct change *change)
{
    for (int row = change->top; row < change->bottom; row++)
        fill_with(plane + (ptrdiff_t)row * width + change->left, change->right - change->left, 0);
}

static bool fill(const ct_dataset *dataset, int64_t index, uint64_t draw, void *x, void *y)
{
    const struct augmented *set = (const struct augmented *)dataset;
    const struct change change = draw_change(set, index, draw);
    const int height = set->height, width = set->width;
    const bool turns = set->turn > 0;
    float *plain = memory_get(dataset->x.bytes);
    if (!plain)
        return ct_fail("augment: out of memory for a sample of %zu bytes", dataset->x.bytes);
    const bool good = set->plain->fill(set->plain, index, draw, turns ? x : plain, y);
    if (good && turns)
        turn(plain, x, set, change.angle);
    for (int channel = 0; good && channel < set->channels; channel++) {
        const ptrdiff_t start = (ptrdiff_t)channel * height * width;
        float *to = (float *)x + start;
        shift(to, plain + start, height, width, &change, black_of(set, channel));
        erase(to, width, &change);
    }
    memory_put(plain, dataset->x.bytes);
    return good;
}

static bool check(const ct_dataset *dataset, const ct_data_augment_options *o)
{
    if (!dataset)
        return ct_fail("augment: data set is NULL");
    if (dataset->x.rank != 3 || dataset->x.dtype != CT_FLOAT32)
        return ct_fail("augment: samples are %s with %d axes, want float32 (C, H, W)", ct_dtype_name(dataset->x.dtype),
                       dataset->x.rank);
    if (dataset->x.bytes > INT32_MAX)
        return ct_fail("augment: samples of %zu bytes are too large", dataset->x.bytes);
    if (o->crop_padding < 0 || o->crop_padding > CROP_MOST)
        return ct_fail("augment: crop_padding %lld is not in [0, %d]", (long long)o->crop_padding, CROP_MOST);
    if (!(o->rotation >= 0 && o->rotation <= 180))
        return ct_fail("augment: rotation %g is not in [0, 180] degrees", o->rotation);
    if (!(o->erase >= 0 && o->erase <= 1))
        return ct_fail("augment: erase %g is not in [0, 1]", o->erase);
    return true;
}

ct_dataset *(ct_data_augment)(ct_dataset *dataset, const ct_data_augment_options *options)
{
    const ct_data_augment_options o = options ? *options : (ct_data_augment_options){0};
    struct augmented *set = check(dataset, &o) ? object_new(sizeof *set, destroy) : NULL;
    if (!set)
        return NULL;
    dataset_like(&set->base, dataset);
    set->base.fill = fill;
    set->plain = object_hold(dataset);
    set->seed = o.seed;
    set->channels = (int)dataset->x.sizes[0];
    set->height = (int)dataset->x.sizes[1];
    set->width = (int)dataset->x.sizes[2];
    set->crop_padding = (int)o.crop_padding;
    set->flip = o.flip;
    set->turn = (float)(o.rotation * 3.14159265358979323846 / 180);
    set->erase = (float)o.erase;
    return &set->base;
}
