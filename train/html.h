/* A page being written. Text is escaped; what is put as it is comes from here alone. */
#ifndef COTANGENT_TRAIN_HTML_H
#define COTANGENT_TRAIN_HTML_H
#include "io/atomic_file.h"
#include "train/fit.h"

struct page {
    struct atomic_file file;
    bool good;                                  /* false: something failed, and said so; nothing more is written */
};

void page_put(struct page *page, const char *format, ...) CT_FORMAT(2, 3); /* as it is, up to 1,000 characters */
void page_text(struct page *page, const char *text); /* for elements and quoted attributes */
void page_number(struct page *page, double value); /* five digits; all of them where the mouse rests */
void page_cell(struct page *page, double value); /* a cell of a table */
void page_image(struct page *page, ct_tensor *image); /* as look_at_image wants it: an <img> that holds its PNG */
#endif
