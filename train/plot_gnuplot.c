/* Curves through gnuplot: a script on its standard input, the picture from its standard output. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "train/plot.h"

extern char **environ;

/* In single quotes gnuplot reads all as it stands, but for a quote, which it wants doubled. */
static void put_text(FILE *script, const char *text)
{
    fputc('\'', script);
    for (; text && *text; text++) {
        if (*text == '\'')
            fputc('\'', script);
        fputc(*text == '\n' ? ' ' : *text, script);
    }
    fputc('\'', script);
}

static void put_label(FILE *script, const char *what, const char *text)
{
    fprintf(script, "set %s ", what);
    put_text(script, text);
    fputc('\n', script);
}

static void put_script(FILE *script, bool png, const ct_curve *curves, size_t count, const ct_plot_options *o)
{
    fprintf(script, "set terminal %s size 900,560 noenhanced background '#ffffff'\nset grid\nset key outside right top\n", png ? "pngcairo" : "svg");
    put_label(script, "title", o->title), put_label(script, "xlabel", o->x_label), put_label(script, "ylabel", o->y_label);
    fprintf(script, "%s%s", o->log_x ? "set logscale x\n" : "", o->log_y ? "set logscale y\n" : "");
    for (size_t i = 0; i < count; i++) {
        fprintf(script, "%s '-' with lines linewidth 2 title ", i ? "," : "plot");
        put_text(script, curves[i].name);
    }
    fputc('\n', script);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < curves[i].count; k++) {
            const double x = curves[i].x ? curves[i].x[k] : (double)k, y = curves[i].y[k];
            if (plot_shows(x, o->log_x) && plot_shows(y, o->log_y))
                fprintf(script, "%.17g %.17g\n", x, y);
            else
                fprintf(script, "\n");          /* a line breaks at an empty one */
        }
        fprintf(script, "e\n");
    }
}

static bool run(int input, int output)
{
    posix_spawn_file_actions_t files;
    pid_t child;
    int status;
    if (posix_spawn_file_actions_init(&files))
        return false;
    const bool started = !posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO) &&
                         !posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO) &&
                         !posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0) &&
                         !posix_spawnp(&child, "gnuplot", &files, NULL, (char *[]){"gnuplot", NULL}, environ);
    posix_spawn_file_actions_destroy(&files);
    if (!started)
        return false;
    pid_t ended;
    while ((ended = waitpid(child, &status, 0)) < 0 && errno == EINTR)
        continue;
    return ended == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool plot_gnuplot(struct atomic_file *file, bool png, const ct_curve *curves, size_t count, const ct_plot_options *o)
{
    FILE *script = tmpfile();
    if (!script)
        return false;
    put_script(script, png, curves, count, o);
    const bool good = !fflush(script) && !ferror(script) && !fseek(script, 0, SEEK_SET) && run(fileno(script), file->descriptor) &&
                      lseek(file->descriptor, 0, SEEK_CUR) > 0;
    fclose(script);
    return good;
}
