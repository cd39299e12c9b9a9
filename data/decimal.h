/* Decimal text to the nearest double. */
#ifndef COTANGENT_DECIMAL_H
#define COTANGENT_DECIMAL_H
#include <stdbool.h>

/* Reads a number at *at: digits with a point, a sign and an exponent where they are; inf, infinity and nan in any case. Rounds to nearest, ties to
 * even, whatever the locale. True: *at is behind it. False: there is no number, or it is cut by end; *at stays. */
bool decimal_read(const char **at, const char *end, double *value);
#endif
