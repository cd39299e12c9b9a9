/* shapes.c - a stand-in for CIFAR-10 that needs no files: ten shapes, told by their outline alone. Colour, texture, place, size and
 * slant are drawn without regard to the class. */
#include "synthetic.h"

#include <math.h>

const ct_data_shapes_options ct_data_shapes_defaults = {CT_DATA_SHAPES_DEFAULTS.end_ = 0};

enum { SIDE = 32, PIXELS = SIDE * SIDE, CHANNELS = 3, BLOTS_MOST = 4 };

static const float PI = 3.14159265f;

/* ---- Outlines: distance of (u, v) from the edge, negative inside, of shapes that fill about the unit circle -------------------- */
static float larger(float a, float b)
{
    return a > b ? a : b;
}

static float smaller(float a, float b)
{
    return a < b ? a : b;
}

static float length(float u, float v)
{
    return sqrtf(u * u + v * v);
}

static float box(float u, float v, float half_width, float half_height)
{
    return larger(fabsf(u) - half_width, fabsf(v) - half_height);
}

static float disc(float u, float v)
{
    return length(u, v) - 0.85f;
}

static float ring(float u, float v)
{
    return fabsf(length(u, v) - 0.72f) - 0.2f;
}

static float square(float u, float v)
{
    return box(u, v, 0.75f, 0.75f);
}

static float triangle(float u, float v)
{
    return larger(0.866f * fabsf(u) + 0.5f * v, -v) - 0.5f;
}

/* One of ten equal sectors, between a point and a notch, stands for all. */
static float star(float u, float v)
{
    const float sector = PI / 5, notch = 0.42f;
    const float turned = atan2f(u, v) / (2 * sector), angle = fabsf(turned - roundf(turned)) * 2 * sector, radius = length(u, v);
    const float x = radius * sinf(angle), y = radius * cosf(angle);
    const float edge_x = notch * sinf(sector), edge_y = notch * cosf(sector) - 1;
    return (x * -edge_y + (y - 1) * edge_x) / length(edge_x, edge_y);
}

static float cross(float u, float v)
{
    return smaller(box(u, v, 0.95f, 0.28f), box(u, v, 0.28f, 0.95f));
}

static float crescent(float u, float v)
{
    return larger(length(u, v) - 0.95f, 0.75f - length(u - 0.5f, v));
}

static float bar(float u, float v)
{
    return box(u, v, 1, 0.28f);
}

/* A square on its corner with a disc on each upper side. */
static float heart(float u, float v)
{
    const float half = 0.5f, a = 0.707f * (v + 0.15f + u), b = 0.707f * (v + 0.15f - u);
    return smaller(box(a, b, half, half), smaller(length(a - half, b), length(a, b - half)) - half);
}

static float two_discs(float u, float v)
{
    return length(fabsf(u) - 0.55f, v) - 0.42f;
}

static float (*const outlines[IMAGE_CLASSES])(float u, float v) = {disc,  ring,     square, triangle, star,
                                                                  cross, crescent, bar,    heart,    two_discs};

/* ---- Colours ------------------------------------------------------------------------------------------------------------------- */
struct colour {
    float c[CHANNELS];
};

static struct colour any_colour(struct stream *s)
{
    struct colour colour;
    for (int i = 0; i < CHANNELS; i++)
        colour.c[i] = uniform(s, 0, 1);
    return colour;
}

static struct colour mix(struct colour a, struct colour b, float share)
{
    for (int i = 0; i < CHANNELS; i++)
        a.c[i] += share * (b.c[i] - a.c[i]);
    return a;
}

static float contrast(struct colour a, struct colour b)
{
    return fabsf(a.c[0] - b.c[0]) + fabsf(a.c[1] - b.c[1]) + fabsf(a.c[2] - b.c[2]);
}

/* Far enough from both, or at least the best of some draws. */
static struct colour colour_against(struct stream *s, struct colour a, struct colour b)
{
    struct colour best = any_colour(s);
    float best_contrast = smaller(contrast(best, a), contrast(best, b));
    for (int try = 0; try < 16 && best_contrast < 1.1f; try++) {
        const struct colour other = any_colour(s);
        const float other_contrast = smaller(contrast(other, a), contrast(other, b));
        if (other_contrast > best_contrast) {
            best = other;
            best_contrast = other_contrast;
        }
    }
    return best;
}

/* ---- The picture: a texture behind, a few blots, a texture in front -------------------------------------------------------------- */
struct texture {
    struct colour one, other;
    enum { GRADIENT, STRIPES, CHECKS, TEXTURES } kind;
    float x, y, phase;                          /* direction, in waves or shares a pixel */
};

static struct texture draw_texture(struct stream *s, struct colour one, struct colour other)
{
    struct texture t = {.one = one, .other = other, .kind = next_word(s) % TEXTURES};
    const float angle = uniform(s, 0, 2 * PI), step = t.kind == GRADIENT ? 1.0f / SIDE : uniform(s, 0.12f, 0.3f);
    t.x = step * cosf(angle);
    t.y = step * sinf(angle);
    t.phase = uniform(s, 0, 1);
    return t;
}

static struct colour texture_at(const struct texture *t, float x, float y)
{
    const float u = t->x * x + t->y * y + t->phase, v = t->x * y - t->y * x + t->phase;
    const bool odd_u = u - floorf(u) < 0.5f, odd_v = v - floorf(v) < 0.5f;
    const float share = t->kind == GRADIENT ? smaller(larger(u - t->phase + 0.5f, 0), 1) : t->kind == STRIPES ? odd_u : odd_u != odd_v;
    return mix(t->one, t->other, share);
}

struct blot {
    struct colour colour;
    float x, y, radius;
};

/* How much of a pixel lies inside an edge at this signed distance, in pixels. */
static float cover(float distance)
{
    return smaller(larger(0.5f - distance, 0), 1);
}

static void draw(uint8_t *pixels, uint64_t seed, int64_t index, int class)
{
    struct stream s = synthetic_stream(seed, index);
    const struct colour behind = any_colour(&s);
    const struct texture back = draw_texture(&s, behind, mix(behind, any_colour(&s), 0.25f));
    const struct colour front_colour = colour_against(&s, back.one, back.other);
    const struct texture front = draw_texture(&s, front_colour, mix(front_colour, any_colour(&s), 0.2f));
    const float radius = uniform(&s, 9, 13), reach = SIDE / 2 - radius, angle = uniform(&s, -0.4f, 0.4f);
    const float x = (SIDE - 1) / 2.0f + uniform(&s, -reach, reach), y = (SIDE - 1) / 2.0f + uniform(&s, -reach, reach);
    const float c = cosf(angle) / radius, d = sinf(angle) / radius, grain = uniform(&s, 0, 0.05f);
    struct blot blots[BLOTS_MOST];
    const int blot_count = (int)(next_word(&s) % (BLOTS_MOST + 1));
    for (int i = 0; i < blot_count; i++)
        blots[i] = (struct blot){any_colour(&s), uniform(&s, 0, SIDE), uniform(&s, 0, SIDE), uniform(&s, 0.5f, 2)};
    for (int pixel = 0; pixel < PIXELS; pixel++) {
        const float px = (float)(pixel % SIDE), py = (float)(pixel / SIDE), right = px - x, down = py - y;
        struct colour colour = texture_at(&back, px, py);
        for (int i = 0; i < blot_count; i++)
            colour = mix(colour, blots[i].colour, cover(length(px - blots[i].x, py - blots[i].y) - blots[i].radius));
        const float edge = outlines[class](c * right + d * down, c * down - d * right) * radius;
        colour = mix(colour, texture_at(&front, right, down), cover(edge));
        for (int i = 0; i < CHANNELS; i++) {
            const float value = colour.c[i] + grain * normal(&s);
            pixels[i * PIXELS + pixel] = (uint8_t)(255 * smaller(larger(value, 0), 1) + 0.5f);
        }
    }
}

ct_dataset *(ct_data_shapes)(const ct_data_shapes_options *options)
{
    const ct_data_shapes_options o = options ? *options : ct_data_shapes_defaults;
    const struct image_block format = {.count = o.count, .channels = CHANNELS, .side = SIDE, .one_hot = o.one_hot, .normalize = o.normalize,
                                       .mean = {0.5f, 0.5f, 0.5f}, .deviation = {0.265f, 0.265f, 0.265f}};
    return synthetic_images("shapes", format, o.seed, draw);
}
