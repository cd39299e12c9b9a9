/* A picture of curves: gnuplot's where it is installed, else a plain SVG of our own. */
#include <string.h>

#include "train/number.h"
#include "train/plot.h"

const ct_plot_options ct_plot_defaults = {.end_ = 0};

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), tail = strlen(end);
    return length >= tail && !strcmp(text + length - tail, end);
}

static bool draw(const char *path, const ct_curve *curves, size_t count, const ct_plot_options *o)
{
    struct atomic_file file;
    const bool png = ends_with(path, ".png");
    if (!atomic_file_open(&file, path))
        return false;
    if (plot_gnuplot(&file, png, curves, count, o))
        return atomic_file_commit(&file);
    atomic_file_abandon(&file);                 /* gnuplot may have begun */
    if (png)
        return ct_fail("%s: a plot as PNG wants gnuplot, which is not installed or failed; SVG needs nothing", path) != NULL;
    if (!atomic_file_open(&file, path) || !plot_svg(&file, curves, count, o, false))
        return false;
    return atomic_file_commit(&file);
}

bool(ct_train_plot)(const char *path, const ct_curve *curves, size_t count, const ct_plot_options *options)
{
    const ct_plot_options *o = options ? options : &ct_plot_defaults;
    if (!path || !curves || !count)
        return ct_fail("plot: %s", !path ? "path is NULL" : "no curves") != NULL;
    for (size_t i = 0; i < count; i++)
        if (!curves[i].y && curves[i].count)
            return ct_fail("plot: curve %zu has no values", i) != NULL;
    const struct number_point point = number_point_begin();
    const bool good = draw(path, curves, count, o);
    number_point_end(point);
    return good;
}
