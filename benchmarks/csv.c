/* csv.c - how fast a CSV file of floats is read: GB/s on one core. */
#include <cotangent.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COLUMNS = 20 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Floats as other programs write them: DIGITS significant digits. */
static long write_floats(const char *path, long bytes, int digits)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return -1;
    for (int k = 0; k < COLUMNS; k++)
        fprintf(file, "%sx%d", k ? "," : "", k);
    fputc('\n', file);
    while (ftell(file) < bytes)
        for (int k = 0; k < COLUMNS; k++)
            fprintf(file, "%.*g%c", digits, (double)(ct_random_u64(NULL) >> 11) * 0x1p-53, k < COLUMNS - 1 ? ',' : '\n');
    bytes = ftell(file);
    return fclose(file) ? -1 : bytes;
}

int main(int count, char **words)
{
    long megabytes = count > 1 ? atol(words[1]) : 200;
    const char *path = count > 2 ? words[2] : "/tmp/cotangent_csv_benchmark.csv";
    if (megabytes < 1 || (count > 1 && words[1][0] == '-')) {
        printf("usage: %s [MEGABYTES] [FILE]\nWrites a CSV file of floats, 200 MB unless given, and reads it three times; removes it.\n", words[0]);
        return count < 2 || strcmp(words[1], "--help") != 0;
    }
    const int digits[] = {7, 17};
    for (int d = 0; d < 2 && ct_ok(); d++) {
        long bytes = write_floats(path, megabytes * 1000000, digits[d]);
        if (bytes < 0) {
            fprintf(stderr, "%s: cannot be written\n", path);
            return 1;
        }
        for (int round = 0; round < 3 && ct_ok(); round++) {
            double start = now();
            ct_table *table = ct_table_csv(path);
            double took = now() - start;
            printf("csv %d digits: %ld MB, %lld rows, %.2f s, %.2f GB/s\n", digits[d], bytes / 1000000, (long long)ct_table_rows(table), took,
                   1e-9 * (double)bytes / took);
            fflush(stdout);
            ct_free(table);
        }
        remove(path);
    }
    return ct_report_error();
}
