/* How hands write the digits: each has several styles, each style a few strokes. */
#ifndef COTANGENT_DIGITS_STROKES_H
#define COTANGENT_DIGITS_STROKES_H
#include <stdbool.h>
#include <stdint.h>

enum { STROKE_POINTS = 12, STYLE_STROKES = 3, DIGIT_STYLES = 4 };

struct stroke {
    bool curved;                                /* a spline through the points; else straight from each to the next */
    uint8_t count, points[STROKE_POINTS][2];    /* x to the right, y down, in percent of the digit's box */
};
struct digit_style {
    int count;
    struct stroke strokes[STYLE_STROKES];
};
extern const struct digit_style digit_styles[10][DIGIT_STYLES];
#endif
