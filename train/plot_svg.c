/* Curves as an SVG picture where there is no gnuplot: axes, ticks at round numbers, a legend. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "train/plot.h"

enum { LEFT = 80, TOP = 46, BOTTOM = 60 };
static const char *const colors[] = {"#1f77b4", "#d62728", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b", "#e377c2", "#17becf", "#bcbd22", "#7f7f7f"};
enum { COLORS = sizeof colors / sizeof *colors };

struct axis {
    double low, high;
    bool log, whole;                            /* whole: all values are, so that ticks are too */
};

struct picture {
    struct atomic_file *file;
    bool good;
    int width, height, right;
};

static void put(struct picture *p, const char *format, ...) CT_FORMAT(2, 3);
static void put(struct picture *p, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    p->good = p->good && atomic_file_write(p->file, text, (size_t)(length < (int)sizeof text ? length : (int)sizeof text - 1));
}

static void put_text(struct picture *p, const char *text)
{
    for (; text && *text; text++)
        switch (*text) {
        case '<': put(p, "&lt;"); break;
        case '&': put(p, "&amp;"); break;
        default: put(p, "%c", *text);
        }
}

static double place(const struct axis *axis, double x)
{
    return axis->log ? log10(x) : x;
}

static struct axis range(const ct_curve *curves, size_t count, bool of_x, bool log)
{
    struct axis axis = {INFINITY, -INFINITY, log, of_x};
    const struct axis all = axis;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < curves[i].count; k++) {
            const double v = of_x ? curves[i].x ? curves[i].x[k] : (double)k : curves[i].y[k];
            if (!plot_shows(v, log))
                continue;
            axis.low = fmin(axis.low, place(&all, v)), axis.high = fmax(axis.high, place(&all, v));
            axis.whole = axis.whole && v == floor(v);
        }
    if (!(axis.low <= axis.high))
        axis.low = 0, axis.high = 1;
    const double size = fmax(fabs(axis.low), fabs(axis.high));
    if (axis.high - axis.low <= 1e-12 * size) { /* about a rate of 1e-3, half a unit would show 0 */
        const double apart = size > 0 && size < 1 && !log ? size / 2 : 0.5;
        axis.low -= apart, axis.high += apart;
    }
    if (!of_x) {
        const double margin = 0.04 * (axis.high - axis.low);
        axis.low -= margin, axis.high += margin;
    }
    return axis;
}

static double to_x(const struct picture *p, const struct axis *a, double at)
{
    return LEFT + (at - a->low) / (a->high - a->low) * (p->width - LEFT - p->right);
}

static double to_y(const struct picture *p, const struct axis *a, double at)
{
    return p->height - BOTTOM - (at - a->low) / (a->high - a->low) * (p->height - TOP - BOTTOM);
}

static void draw_ticks(struct picture *p, const struct axis *a, bool of_x)
{
    const double raw = (a->high - a->low) / 6, power = pow(10, floor(log10(raw))), part = raw / power;
    double step = power * (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10);
    if (a->log && step < 1)
        step = a->high - a->low < 2 ? step : 1;
    if (a->whole && !a->log)
        step = fmax(step, 1);
    const double largest = fmax(fabs(a->low), fabs(a->high)), apart = ceil(log10(largest / step));
    const int digits = a->whole ? 9 : a->log || apart < 3 ? 4 : apart < 8 ? (int)apart + 1 : 9; /* so that neighbours differ */
    for (double at = ceil(a->low / step) * step; at <= a->high + 1e-9 * step; at += step) {
        const double value = a->log ? pow(10, at) : fabs(at) < 1e-9 * step ? 0 : at;
        if (of_x)
            put(p, "<line x1='%.1f' y1='%d' x2='%.1f' y2='%d' stroke='currentColor' stroke-opacity='.15'/><text x='%.1f' y='%d' text-anchor='middle'>%.*g</text>\n",
                to_x(p, a, at), TOP, to_x(p, a, at), p->height - BOTTOM, to_x(p, a, at), p->height - BOTTOM + 18, digits, value);
        else
            put(p, "<line x1='%d' y1='%.1f' x2='%d' y2='%.1f' stroke='currentColor' stroke-opacity='.15'/><text x='%d' y='%.1f' text-anchor='end'>%.*g</text>\n",
                LEFT, to_y(p, a, at), p->width - p->right, to_y(p, a, at), LEFT - 6, to_y(p, a, at) + 4, digits, value);
    }
}

static void draw_curve(struct picture *p, const ct_curve *curve, size_t index, const struct axis *x, const struct axis *y)
{
    const char *color = colors[index % COLORS], *dash = index >= COLORS ? " stroke-dasharray='6 3'" : "";
    bool pen_down = false;
    put(p, "<path fill='none' stroke='%s' stroke-width='1.8' stroke-linecap='round'%s d='", color, dash);
    for (size_t k = 0; k < curve->count; k++) {
        const double at = curve->x ? curve->x[k] : (double)k, value = curve->y[k];
        if (!plot_shows(at, x->log) || !plot_shows(value, y->log)) {
            pen_down = false;
            continue;
        }
        put(p, pen_down ? "L%.1f %.1f" : "M%.1f %.1fh0", to_x(p, x, place(x, at)), to_y(p, y, place(y, value)));
        pen_down = true;
    }
    const int row = TOP + 14 + 18 * (int)index;
    put(p, "'/>\n<line x1='%d' y1='%d' x2='%d' y2='%d' stroke='%s' stroke-width='2'%s/><text x='%d' y='%d'>", p->width - p->right + 12, row - 4,
        p->width - p->right + 34, row - 4, color, dash, p->width - p->right + 40, row);
    put_text(p, curve->name);
    put(p, "</text>\n");
}

bool plot_svg(struct atomic_file *file, const ct_curve *curves, size_t count, const ct_plot_options *o, bool in_page)
{
    struct picture picture = {file, true, 900, 560, 190}, *p = &picture;
    if (in_page)
        p->width = 620, p->height = 340, p->right = 140;
    const struct axis x = range(curves, count, true, o->log_x), y = range(curves, count, false, o->log_y);
    const int middle = (LEFT + p->width - p->right) / 2;
    put(p, "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' viewBox='0 0 %d %d' font-family='sans-serif' font-size='12' fill='currentColor'>\n",
        p->width, p->height, p->width, p->height);
    if (!in_page)
        put(p, "<rect width='100%%' height='100%%' fill='white'/>\n");
    put(p, "<text x='%d' y='26' font-size='16' text-anchor='middle'>", middle);
    put_text(p, o->title);
    put(p, "</text>\n");
    draw_ticks(p, &x, true);
    draw_ticks(p, &y, false);
    put(p, "<rect x='%d' y='%d' width='%d' height='%d' fill='none' stroke='currentColor'/>\n<text x='%d' y='%d' text-anchor='middle'>", LEFT, TOP,
        p->width - LEFT - p->right, p->height - TOP - BOTTOM, middle, p->height - 16);
    put_text(p, o->x_label);
    put(p, "</text>\n<text transform='translate(20 %d) rotate(-90)' text-anchor='middle'>", (TOP + p->height - BOTTOM) / 2);
    put_text(p, o->y_label);
    put(p, "</text>\n");
    for (size_t i = 0; i < count; i++)
        draw_curve(p, &curves[i], i, &x, &y);
    put(p, "</svg>\n");
    return p->good;
}
