/* What the network told, beside what was true: samples, classes, and which is taken for which. */
#include <math.h>
#include <stdio.h>

#include "train/look.h"
#include "train/number.h"
#include "train/report.h"

enum { SHOWN_NUMBERS = 12, MOST_IN_MATRIX = 100, MANY = 20, MOST_CLASSES = 1000 };

static void put_class(struct page *page, const struct report *r, int64_t class)
{
    if (class >= 0 && class < r->class_name_count)
        page_text(page, r->class_names[class]);
    else
        page_put(page, "%lld", (long long)class);
}

/* ---- Samples ---------------------------------------------------------------------------------------------------------------------------- */
static void put_numbers(struct page *page, const double *numbers, int count)
{
    for (int i = 0; i < count; i++) {
        page_put(page, i ? ", " : "");
        page_number(page, numbers[i]);
    }
}

static void put_input(struct page *page, ct_tensor *x)
{
    ct_tensor *batch = ct_unsqueeze(x, 0);
    if (look_is_image(batch)) {
        page_image(page, x);
        return;
    }
    ct_tensor *flat = ct_contiguous(ct_cast(ct_reshape(x, -1), CT_FLOAT64));
    const double *values = ct_data(flat);
    page->good = page->good && values;
    if (!values)
        return;
    const int64_t count = ct_numel(flat);
    put_numbers(page, values, count < SHOWN_NUMBERS ? (int)count : SHOWN_NUMBERS);
    page_put(page, count > SHOWN_NUMBERS ? ", ... (%lld)<br>" : "<br>", (long long)count);
}

static void put_finding(struct page *page, const struct report *r, const struct finding *one)
{
    CT_SCOPE;
    CT_NO_GRAD;
    ct_tensor *x, *y;
    page->good = page->good && ct_dataset_get(r->dataset, one->index, &x, &y);
    if (!page->good)
        return;
    page_put(page, "<figure data-sample='%lld'>", (long long)one->index);
    put_input(page, x);
    page_put(page, "<figcaption>");
    if (r->findings->kind == FOUND_CLASSES) {
        page_put(page, "<span class='%s'>", one->told == one->truth ? "right" : "wrong");
        put_class(page, r, one->told);
        page_put(page, "</span> (%.*f %%)", one->score < 0.9995 ? 1 : 2, 100 * one->score);
    } else {
        page_put(page, "told ");
        put_numbers(page, one->told_numbers, one->numbers);
    }
    page_put(page, "<br><span class='dim'>is</span> ");
    if (r->findings->kind == FOUND_CLASSES)
        put_class(page, r, one->truth);
    else
        put_numbers(page, one->true_numbers, one->numbers);
    page_put(page, "<br><span class='dim'>sample %lld</span></figcaption></figure>\n", (long long)one->index);
}

static void put_list(struct page *page, const struct report *r, const char *id, const char *title, const struct finding *list, int64_t count)
{
    if (!count)
        return;
    page_put(page, "<h3>%s</h3>\n<div class='samples' id='%s'>\n", title, id);
    for (int64_t i = 0; i < count; i++)
        put_finding(page, r, &list[i]);
    page_put(page, "</div>\n");
}

void report_predictions(struct page *page, const struct report *r)
{
    const struct findings *f = r->findings;
    if (!f)
        return;
    page_put(page, "<h2>Predictions</h2>\n<p class='dim'>");
    if (f->kind == FOUND_NOTHING) {
        page_put(page, "There are none: ");
        page_text(page, f->reason);
    } else {
        page_put(page, "Of %lld samples, by the weights at the end of the run.", (long long)f->seen);
    }
    page_put(page, "</p>\n");
    if (f->kind == FOUND_NOTHING)
        return;
    put_list(page, r, "worst", f->kind == FOUND_CLASSES ? "Wrong, the surest first" : "The largest errors", f->worst, f->worst_count);
    put_list(page, r, "first", "The first samples", f->first, f->first_count);
}

/* ---- Classes ------------------------------------------------------------------------------------------------------------------------------ */
/* 0 / 0 is 0, as in the metrics. */
static double share(int64_t part, int64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

static void put_classes(struct page *page, const struct report *r, const int64_t *n, int64_t classes)
{
    page_put(page, "<h3>By class</h3>\n<div class='tall'><table id='classes'><thead><tr><th>class</th><th>samples</th><th>told</th><th>precision</th>"
                   "<th>recall</th><th>F1</th></tr></thead><tbody>\n");
    for (int64_t i = 0; i < classes; i++) {
        int64_t told = 0, truth = 0;
        for (int64_t k = 0; k < classes; k++)
            told += n[k * classes + i], truth += n[i * classes + k];
        page_put(page, "<tr><th>");
        put_class(page, r, i);
        page_put(page, "</th><td>%lld</td><td>%lld</td>", (long long)truth, (long long)told);
        page_cell(page, share(n[i * classes + i], told));
        page_cell(page, share(n[i * classes + i], truth));
        page_cell(page, share(2 * n[i * classes + i], told + truth));
        page_put(page, "</tr>\n");
    }
    page_put(page, "</tbody></table></div>\n");
}

static void put_matrix(struct page *page, const struct report *r, const int64_t *n, int64_t classes)
{
    page_put(page, "<h3>Confusion</h3>\n<div class='wide'><table id='confusion' class='confusion%s'><caption>Rows: what is true; columns: what was told.</caption>"
                   "<thead><tr class='names'><td></td>", classes > MANY ? " many" : "");
    for (int64_t i = 0; i < classes; i++) {
        page_put(page, "<th>");
        put_class(page, r, i);
        page_put(page, "</th>");
    }
    page_put(page, "</tr></thead><tbody>\n");
    for (int64_t i = 0; i < classes; i++) {
        int64_t truth = 0;
        for (int64_t k = 0; k < classes; k++)
            truth += n[i * classes + k];
        page_put(page, "<tr><th>");
        put_class(page, r, i);
        page_put(page, "</th>");
        for (int64_t k = 0; k < classes; k++) {
            const int64_t here = n[i * classes + k];
            if (here)
                page_put(page, "<td style='background:rgba(%s,%.2f)'>%lld</td>", i == k ? "44,160,44" : "214,39,40", 0.1 + 0.6 * share(here, truth), (long long)here);
            else
                page_put(page, "<td class='zero'>0</td>");
        }
        page_put(page, "</tr>\n");
    }
    page_put(page, "</tbody></table></div>\n");
}

void report_confusion(struct page *page, const struct report *r)
{
    if (!r->findings || r->findings->kind != FOUND_CLASSES)
        return;
    const int64_t classes = ct_size(r->findings->confusion, 0), *n = ct_data(r->findings->confusion);
    if (classes > MOST_CLASSES)
        return;
    page_put(page, "<h2>Classes</h2>\n");
    put_classes(page, r, n, classes);
    if (classes <= MOST_IN_MATRIX)
        put_matrix(page, r, n, classes);
}
