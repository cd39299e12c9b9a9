/* Curves as a picture, into an open file. */
#ifndef COTANGENT_TRAIN_PLOT_H
#define COTANGENT_TRAIN_PLOT_H
#include <math.h>

#include "io/atomic_file.h"
#include "train/train.h"

static inline bool plot_shows(double x, bool log)
{
    return isfinite(x) && (!log || x > 0);
}
/* Within number_point_begin. in_page: smaller, in the colours of the page around it. False: the file failed, and said so. */
bool plot_svg(struct atomic_file *file, const ct_curve *curves, size_t count, const ct_plot_options *options, bool in_page);
bool plot_gnuplot(struct atomic_file *file, bool png, const ct_curve *curves, size_t count, const ct_plot_options *options); /* false, without a word: no
                                                            gnuplot, or it failed; something may have been written */
#endif
