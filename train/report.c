/* A run as a page: one file that needs no other. */
#define _GNU_SOURCE
#include "train/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "autograd/memory.h"
#include "train/look.h"
#include "train/number.h"
#include "train/plot.h"
#include "train/run.h"

enum { MOST_POINTS = 1000, CURVES = 2 };

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1a1c20;--paper:#fff;--line:#d5d8de;--soft:#f4f5f7;--dim:#626873;--best:#e3f3e6;--bad:#c62020;--good:#1e8a2e}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e4e6ea;--paper:#16181c;--line:#3a3f47;--soft:#1f2228;--dim:#9aa1ac;--best:#1d3a25;--bad:#ff7b72;--good:#5fd070}}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.45 system-ui,sans-serif}\n"
    "main{max-width:1280px;margin:0 auto;padding:1.5rem}\n"
    "h1{margin:0 0 .3rem;font-size:1.7rem;overflow-wrap:anywhere}h2{margin:2.2rem 0 .7rem;font-size:1.2rem;border-bottom:1px solid var(--line)}\n"
    "h3{margin:1.2rem 0 .5rem;font-size:1rem}.dim,caption{color:var(--dim)}.failed{color:var(--bad);font-weight:600}\n"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}th,td{padding:.25rem .7rem;text-align:right;border-bottom:1px solid var(--line)}\n"
    "thead th{background:var(--soft)}th:first-child{text-align:left;font-weight:600}.words td{text-align:left;overflow-wrap:anywhere}\n"
    "tr.best>*{background:var(--best)}.wide{overflow-x:auto}.tall{max-height:32rem;overflow:auto}.tall thead th{position:sticky;top:0}\n"
    ".curves{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(30rem,100%),1fr));gap:1rem}svg{width:100%;height:auto;max-width:620px}\n"
    "pre{padding:.8rem;background:var(--soft);overflow-x:auto;font-size:13px}\n"
    ".samples{display:flex;flex-wrap:wrap;gap:.8rem}.samples figure{margin:0;padding:.5rem;width:9rem;background:var(--soft);font-size:13px;overflow-wrap:anywhere}\n"
    ".samples img{width:100%;image-rendering:pixelated;display:block;margin-bottom:.3rem}.wrong{color:var(--bad)}.right{color:var(--good)}\n"
    ".confusion td,.confusion th{padding:.15rem .3rem;min-width:1.6rem;text-align:center;border:1px solid var(--line)}\n"
    ".confusion .names th{writing-mode:vertical-rl;text-align:left;padding:.4rem .15rem}.confusion tbody th{text-align:right;white-space:nowrap}\n"
    ".many{font-size:10px}.zero{color:var(--dim);opacity:.5}\n";

/* ---- Head ------------------------------------------------------------------------------------------------------------------------------- */
static void put_clock(struct page *page, double seconds)
{
    const long long whole = (long long)(seconds + 0.5);
    if (seconds < 60)
        page_put(page, "%.3g s", seconds);
    else if (whole < 3600)
        page_put(page, "%lld min %lld s", whole / 60, whole % 60);
    else
        page_put(page, "%lld h %lld min", whole / 3600, whole / 60 % 60);
}

static double sum_of(const ct_history *history, const char *name)
{
    size_t count;
    double sum = 0;
    const double *values = ct_history_column(history, name, &count);
    for (size_t i = 0; i < count; i++)
        sum += isfinite(values[i]) ? values[i] : 0;
    return sum;
}

static void put_head(struct page *page, const struct report *r)
{
    const int64_t epochs = ct_history_epochs(r->run->history), wanted = ct_run_epochs(r->run);
    const char *reason = ct_run_stop_reason(r->run);
    char host[65] = "", when[64] = "";
    struct tm local;
    gethostname(host, sizeof host - 1);
    if (localtime_r(&r->began, &local))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S %z", &local);
    page_put(page, "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width'>\n<title>");
    page_text(page, r->title);
    page_put(page, "</title>\n<style>\n");
    for (const char *rest = style; *rest; rest += strnlen(rest, 1000))
        page_put(page, "%.1000s", rest);
    page_put(page, "</style></head>\n<body><main>\n<h1>");
    page_text(page, r->title);
    page_put(page, "</h1>\n<p class='dim'>Began %s on ", when);
    page_text(page, host);
    page_put(page, "; %lld of %lld epochs in ", (long long)epochs, (long long)wanted);
    put_clock(page, sum_of(r->run->history, "seconds"));
    page_put(page, r->is_over ? ".</p>\n" : "; the run goes on.</p>\n");
    if (!r->failure && !*reason)
        return;
    page_put(page, "<p id='ended' class='%s'>", r->failure ? "failed" : "stopped");
    page_text(page, r->failure ? r->failure : reason);
    page_put(page, "</p>\n");
}

static void put_results(struct page *page, const struct report *r)
{
    const ct_history *history = r->run->history;
    const char *name;
    page_put(page, "<h2>Results</h2>\n<table id='results'><thead><tr><th></th><th>last</th><th>best</th><th>in epoch</th></tr></thead><tbody>\n");
    for (size_t i = 0; (name = ct_history_name(history, i)); i++) {
        if (!history_is_measure(name))
            continue;
        int64_t epoch = 0;
        const double best = ct_history_best(history, name, run_higher_is_better(r->run, name), &epoch);
        page_put(page, "<tr%s><th>", strcmp(name, r->run->monitor) ? "" : " class='best'");
        page_text(page, name);
        page_put(page, "</th>");
        page_cell(page, ct_history_value(history, name, -1));
        page_cell(page, best);
        page_put(page, "<td>%lld</td></tr>\n", (long long)epoch);
    }
    page_put(page, "</tbody></table>\n");
}

/* ---- Curves ----------------------------------------------------------------------------------------------------------------------------- */
static void draw(struct page *page, const ct_curve *curves, size_t count, const char *title, const char *label)
{
    page->good = page->good && plot_svg(&page->file, curves, count, &(ct_plot_options){.title = title, .x_label = label}, true);
}

/* What was measured over both sets stands in one picture. */
static void draw_epochs(struct page *page, const ct_history *history)
{
    size_t count;
    const char *name;
    ct_history_column(history, "loss", &count);
    double *epochs = history_numbers(count);
    page->good = page->good && (epochs || ct_fail("out of memory"));
    for (size_t i = 0; page->good && (name = ct_history_name(history, i)); i++) {
        const bool held_out = !strncmp(name, "val_", 4);
        const char *base = held_out ? name + 4 : name;
        char other[COLUMN_NAME_BYTES + 4];
        snprintf(other, sizeof other, held_out ? "%s" : "val_%s", base);
        if (!history_is_measure(name) || (held_out && ct_history_column(history, other, NULL)))
            continue;
        ct_curve curves[CURVES] = {{name, epochs, ct_history_column(history, name, NULL), count},
                                   {other, epochs, ct_history_column(history, other, NULL), count}};
        draw(page, curves, curves[1].y ? 2 : 1, base, "epoch");
    }
    heap_free(epochs);
}

/* Many steps become means of as many in a row as it takes. */
static void draw_steps(struct page *page, const ct_run *run, const char *name, const char *title)
{
    size_t count;
    const double *values = ct_history_steps(run->history, name, &count);
    const size_t width = count / MOST_POINTS + 1, points = (count + width - 1) / width;
    double *x = heap_zeroed(2 * points + 1, sizeof *x), *y = x + points;
    char label[64];
    page->good = page->good && (x || ct_fail("out of memory"));
    for (size_t i = 0; x && i < points; i++) {
        const size_t first = i * width, last = first + width < count ? first + width : count;
        for (size_t k = first; k < last; k++)
            y[i] += values[k] / (double)(last - first);
        x[i] = (double)(run->step - (int64_t)count + (int64_t)last);
    }
    snprintf(label, sizeof label, width > 1 ? "step, means of %zu" : "step", width);
    if (points)
        draw(page, (ct_curve[]){{name, x, y, points}}, 1, title, label);
    heap_free(x);
}

static void put_curves(struct page *page, const struct report *r)
{
    page_put(page, "<h2>Curves</h2>\n<div class='curves'>\n");
    draw_epochs(page, r->run->history);
    draw_steps(page, r->run, "loss", "loss of each batch");
    draw_steps(page, r->run, "lr", "learning rate");
    if (r->run->o.clip_norm > 0)
        draw_steps(page, r->run, "grad_norm", "norm of the gradient");
    page_put(page, "</div>\n");
}

/* ---- Tables ----------------------------------------------------------------------------------------------------------------------------- */
static bool put_option(void *context, const char *name, const char *value)
{
    struct page *page = context;
    page_put(page, "<tr><th>");
    page_text(page, name);
    page_put(page, "</th><td>");
    page_text(page, value);
    page_put(page, "</td></tr>\n");
    return page->good;
}

static void put_options(struct page *page, const struct report *r)
{
    page_put(page, "<h2>Options</h2>\n<table id='options' class='words'><tbody>\n");
    page->good = page->good && look_options(r->run, put_option, page);
    page_put(page, "</tbody></table>\n");
    if (!r->summary)
        return;
    page_put(page, "<h2>Network</h2>\n<pre id='network'>");
    page_text(page, r->summary);
    page_put(page, "</pre>\n");
}

static void put_history(struct page *page, const struct report *r)
{
    const ct_history *history = r->run->history;
    const char *name;
    int64_t best = 0;
    ct_history_best(history, r->run->monitor, run_higher_is_better(r->run, r->run->monitor), &best);
    page_put(page, "<h2>Epochs</h2>\n<div class='tall'><table id='epochs'><thead><tr><th>epoch</th>");
    for (size_t i = 0; (name = ct_history_name(history, i)); i++) {
        page_put(page, "<th>");
        page_text(page, name);
        page_put(page, "</th>");
    }
    page_put(page, "</tr></thead><tbody>\n");
    for (int64_t epoch = 1; epoch <= ct_history_epochs(history); epoch++) {
        page_put(page, "<tr%s><th>%lld</th>", epoch == best ? " class='best'" : "", (long long)epoch);
        for (size_t i = 0; (name = ct_history_name(history, i)); i++)
            page_cell(page, ct_history_value(history, name, epoch));
        page_put(page, "</tr>\n");
    }
    page_put(page, "</tbody></table></div>\n");
}

bool report_write(const struct report *r)
{
    struct page page = {.good = true};
    if (!atomic_file_open(&page.file, r->path))
        return false;
    const struct number_point point = number_point_begin();
    put_head(&page, r);
    put_results(&page, r);
    put_curves(&page, r);
    report_predictions(&page, r);
    report_confusion(&page, r);
    put_history(&page, r);
    put_options(&page, r);
    page_put(&page, "</main></body></html>\n");
    number_point_end(point);
    if (page.good)
        return atomic_file_commit(&page.file);
    atomic_file_abandon(&page.file);
    return false;
}
