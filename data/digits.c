/* digits.c - a stand-in for MNIST that needs no files: strokes, bent as hands bend them, drawn and soiled. */
#include "digits_strokes.h"
#include "synthetic.h"

#include <math.h>
#include <string.h>

const ct_data_digits_options ct_data_digits_defaults = {CT_DATA_DIGITS_DEFAULTS.end_ = 0};

enum { SPLINE_STEPS = 5, SIDE = 28, PIXELS = SIDE * SIDE };

/* ---- From a style to bent points in pixels ----------------------------------------------------------------------- */
struct hand {
    float xx, xy, yx, yy, x, y;                 /* affine map from the box, centred, to pixels */
    struct wave { float fx, fy, phase, dx, dy; } waves[2];
};

/* The widths of these ranges are the set's difficulty: wide shifts put a linear classifier out of its depth (0.89 of
 * the test samples after training on 10,000) but not one with hidden layers (0.98). */
static struct hand draw_hand(struct stream *s)
{
    struct hand h;
    const float turn = uniform(s, -.17f, .17f), shear = uniform(s, -0.15f, 0.15f);
    const float width = uniform(s, 13, 16), height = uniform(s, 17, 19), c = cosf(turn), d = sinf(turn);
    h.xx = c * width;
    h.xy = (c * shear - d) * height;
    h.yx = d * width;
    h.yy = (d * shear + c) * height;
    h.x = (SIDE - 1) / 2.0f + uniform(s, -3.2f, 3.2f);
    h.y = (SIDE - 1) / 2.0f + uniform(s, -3.2f, 3.2f);
    for (int i = 0; i < 2; i++)
        h.waves[i] = (struct wave){uniform(s, -0.25f, 0.25f), uniform(s, -0.25f, 0.25f), uniform(s, 0, 6.2832f),
                                   uniform(s, -0.4f, 0.4f), uniform(s, -0.4f, 0.4f)};
    return h;
}

struct point {
    float x, y;
};

static struct point place(const struct hand *h, struct point p)
{
    const float u = p.x - 0.5f, v = p.y - 0.5f;
    struct point q = {h->x + h->xx * u + h->xy * v, h->y + h->yx * u + h->yy * v};
    float dx = 0, dy = 0;
    for (int i = 0; i < 2; i++) {
        const struct wave *w = &h->waves[i];
        const float bend = sinf(w->fx * q.x + w->fy * q.y + w->phase);
        dx += w->dx * bend;
        dy += w->dy * bend;
    }
    return (struct point){q.x + dx, q.y + dy};
}

/* Catmull-Rom: through b at t = 0 and c at t = 1. */
static struct point spline(const struct point p[4], float t)
{
    const float a = t * (t * (2 - t) - 1) / 2, b = (t * t * (3 * t - 5) + 2) / 2, c = t * (t * (4 - 3 * t) + 1) / 2;
    const float d = t * t * (t - 1) / 2;
    return (struct point){a * p[0].x + b * p[1].x + c * p[2].x + d * p[3].x,
                          a * p[0].y + b * p[1].y + c * p[2].y + d * p[3].y};
}

/* ---- Drawing: each pixel's squared distance to the nearest stroke ------------------------------------------------ */
static const float far_away = 1e6f;

static int clip(float place)
{
    return place < 0 ? 0 : place > SIDE - 1 ? SIDE - 1 : (int)place;
}

static void draw_segment(float *field, struct point a, struct point b, float reach)
{
    const int left = clip(floorf(fminf(a.x, b.x) - reach)), right = clip(ceilf(fmaxf(a.x, b.x) + reach));
    const int top = clip(floorf(fminf(a.y, b.y) - reach)), bottom = clip(ceilf(fmaxf(a.y, b.y) + reach));
    const float dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy, inverse = length > 0 ? 1 / length : 0;
    for (int y = top; y <= bottom; y++)
        for (int x = left; x <= right; x++) {
            const float px = (float)x - a.x, py = (float)y - a.y;
            float along = (px * dx + py * dy) * inverse;
            along = along < 0 ? 0 : along > 1 ? 1 : along;
            const float ex = px - along * dx, ey = py - along * dy, distance = ex * ex + ey * ey;
            float *pixel = &field[y * SIDE + x];
            *pixel = distance < *pixel ? distance : *pixel;
        }
}

static void draw_stroke(float *field, struct stream *s, const struct hand *hand, const struct stroke *stroke,
                        float reach)
{
    struct point knots[STROKE_POINTS + 2];
    const int count = stroke->count;
    for (int i = 0; i < count; i++)
        knots[i + 1] = (struct point){(float)stroke->points[i][0] / 100 + 0.015f * normal(s),
                                      (float)stroke->points[i][1] / 100 + 0.015f * normal(s)};
    knots[0] = knots[1];
    knots[count + 1] = knots[count];
    struct point last = place(hand, knots[1]);
    for (int i = 0; i < count - 1; i++)
        for (int step = 1; step <= SPLINE_STEPS; step++) { /* straight strokes too: they bend with the paper */
            const float t = (float)step / SPLINE_STEPS;
            const struct point straight = {knots[i + 1].x + t * (knots[i + 2].x - knots[i + 1].x),
                                           knots[i + 1].y + t * (knots[i + 2].y - knots[i + 1].y)};
            const struct point next = place(hand, stroke->curved ? spline(knots + i, t) : straight);
            draw_segment(field, last, next, reach);
            last = next;
        }
}

static void clear(float *field)
{
    for (int i = 0; i < PIXELS; i++)
        field[i] = far_away;
}

/* Share of the pixel that a stroke of this radius covers, by its distance. */
static float cover(float squared, float radius)
{
    const float inside = radius + 0.5f;
    if (squared >= inside * inside)
        return 0;
    const float share = inside - sqrtf(squared);
    return share < 1 ? share : 1;
}

/* A scratch across the picture, of ink or of its absence. */
static void scratch(float *ink, float *field, struct stream *s)
{
    const struct point a = {uniform(s, 0, SIDE - 1), uniform(s, 0, SIDE - 1)};
    const struct point b = {a.x + uniform(s, -12, 12), a.y + uniform(s, -12, 12)};
    const float radius = uniform(s, 0.2f, 0.8f), tone = next_word(s) & 1 ? uniform(s, 0.4f, 0.9f) : 0;
    clear(field);
    draw_segment(field, a, b, radius + 1);
    for (int i = 0; i < PIXELS; i++) {
        const float share = cover(field[i], radius);
        ink[i] += share * (tone - ink[i]);
    }
}

static void draw(uint8_t *pixels, uint64_t seed, int64_t index, int digit)
{
    struct stream s = synthetic_stream(seed, index);
    const struct digit_style *style = &digit_styles[digit][next_word(&s) % DIGIT_STYLES];
    const struct hand hand = draw_hand(&s);
    const float radius = uniform(&s, 1.4f, 2.2f), tone = uniform(&s, 0.65f, 1), grain = uniform(&s, 0, 0.06f);
    float field[PIXELS], ink[PIXELS];
    clear(field);
    for (int i = 0; i < style->count; i++)
        draw_stroke(field, &s, &hand, &style->strokes[i], radius + 1);
    for (int i = 0; i < PIXELS; i++)
        ink[i] = tone * cover(field[i], radius);
    if (uniform(&s, 0, 1) < 0.2f)
        scratch(ink, field, &s);
    for (uint32_t speckles = uniform(&s, 0, 1) < 0.2f ? 1 + next_word(&s) % 5 : 0; speckles; speckles--)
        ink[next_word(&s) % PIXELS] = uniform(&s, 0.3f, 1);
    for (int i = 0; i < PIXELS; i++) {
        const float value = ink[i] + grain * normal(&s);
        pixels[i] = (uint8_t)(255 * (value < 0 ? 0 : value > 1 ? 1 : value) + 0.5f);
    }
}

ct_dataset *(ct_data_digits)(const ct_data_digits_options *options)
{
    const ct_data_digits_options o = options ? *options : ct_data_digits_defaults;
    const struct image_block format = {.count = o.count, .channels = 1, .side = SIDE, .one_hot = o.one_hot, .normalize = o.normalize,
                                       .mean = {0.1307f}, .deviation = {0.3081f}}; /* MNIST's */
    return synthetic_images("digits", format, o.seed, draw);
}
