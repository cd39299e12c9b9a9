/* decimal.c - numbers of up to 19 digits and small powers of ten come out of one exact division or product; all others go to strtod, which is right
 * for all and slower. */
#define _GNU_SOURCE
#include "decimal.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

__extension__ typedef unsigned __int128 uint128;

enum { MOST_DIGITS = 19, LARGEST_FIVE = 27, LARGEST_TEN = 19, TEXT_MOST = 800 }; /* 800: longer than any digit that matters */

static const uint64_t fives[LARGEST_FIVE + 1] = {
    1, 5, 25, 125, 625, 3125, 15625, 78125, 390625, 1953125, 9765625, 48828125, 244140625, 1220703125, 6103515625, 30517578125,
    152587890625, 762939453125, 3814697265625, 19073486328125, 95367431640625, 476837158203125, 2384185791015625,
    11920928955078125, 59604644775390625, 298023223876953125, 1490116119384765625, 7450580596923828125,
};

static double power_of_two(int exponent)        /* of a normal number */
{
    const uint64_t bits = (uint64_t)(exponent + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

/* digits * 10^exponent, -27 <= exponent <= 19, rounded once. */
static double scaled(uint64_t digits, int exponent)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (!digits || !exponent)
        return (double)digits;
    if (digits <= 1ull << 53 && exponent < 0 && exponent >= -22)
        return (double)(int64_t)digits / tens[-exponent]; /* both exact: the quotient is rounded once */
    if (exponent > 0)
        return (double)((uint128)digits * (fives[exponent] << exponent));
    /* The quotient by 5^k, of 64 bits or a few less; what the division leaves over only tells a tie from what is above it. */
    const uint64_t five = fives[-exponent];
    const int shift = 63 + __builtin_clzll(digits) - __builtin_clzll(five);
    const uint128 dividend = (uint128)digits << shift;
    uint64_t quotient = (uint64_t)(dividend / five);
    quotient |= (uint128)quotient * five != dividend;
    return (double)quotient * power_of_two(exponent - shift);
}

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

/* Eight digits in a row at once. Little-endian: the first is the lowest byte. */
static bool eight_digits(const char *p, uint64_t *value)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    if (((v & 0xf0f0f0f0f0f0f0f0u) | ((v + 0x0606060606060606u) & 0xf0f0f0f0f0f0f0f0u) >> 4) != 0x3333333333333333u)
        return false;
    v = (v & 0x0f0f0f0f0f0f0f0fu) * (1 + (10 << 8)) >> 8 & 0x00ff00ff00ff00ffu;
    v = v * (1 + (100 << 16)) >> 16 & 0x0000ffff0000ffffu;
    *value = v * (1 + (10000ull << 32)) >> 32;
    return true;
}

static const char *read_digits(const char *p, const char *end, uint64_t *digits)
{
    uint64_t eight;
    if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
        for (; end - p >= 8 && eight_digits(p, &eight); p += 8)
            *digits = 100000000 * *digits + eight;
    for (; p < end && is_digit(*p); p++)
        *digits = 10 * *digits + (uint64_t)(*p - '0');
    return p;
}

static locale_t plain_locale;
static void make_locale(void)
{
    plain_locale = newlocale(LC_ALL_MASK, "C", NULL);
}

static bool by_library(const char *from, const char *end, double *value)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char text[TEXT_MOST];
    const size_t length = (size_t)(end - from);
    pthread_once(&once, make_locale);
    if (length >= sizeof text || !plain_locale)
        return false;
    memcpy(text, from, length);
    text[length] = 0;
    char *stop;
    *value = strtod_l(text, &stop, plain_locale);
    return stop == text + length;
}

static bool word(const char **at, const char *end, const char *text)
{
    const size_t length = strlen(text);
    if ((size_t)(end - *at) < length || strncasecmp(*at, text, length))
        return false;
    *at += length;
    return true;
}

bool decimal_read(const char **at, const char *end, double *value)
{
    const char *p = *at;
    const bool negative = p < end && *p == '-';
    p += p < end && (*p == '-' || *p == '+');
    const char *first = p;
    uint64_t digits = 0;
    p = read_digits(p, end, &digits);
    const char *point = p;
    if (p < end && *p == '.')
        p = read_digits(p + 1, end, &digits);
    const bool has_point = p > point;
    int64_t count = p - first - has_point, exponent = has_point ? -(p - point - 1) : 0;
    if (count == 0) {
        p = first;
        if (!(word(&p, end, "infinity") || word(&p, end, "inf") || word(&p, end, "nan")))
            return false;
        *value = (*first | 32) == 'n' ? (double)NAN : negative ? -INFINITY : INFINITY;
        *at = p;
        return true;
    }
    if (p < end && (*p | 32) == 'e') {
        const char *mark = p + 1;
        const bool down = mark < end && *mark == '-';
        mark += mark < end && (*mark == '-' || *mark == '+');
        int power = 0;
        if (mark == end || !is_digit(*mark))
            return false;
        for (; mark < end && is_digit(*mark); mark++)
            power = power < 100000 ? 10 * power + (*mark - '0') : power;
        exponent += down ? -power : power;
        p = mark;
    }
    while (count > MOST_DIGITS && (*first == '0' || *first == '.')) /* zeros in front do not count */
        count -= *first++ == '0';
    if (count <= MOST_DIGITS && exponent >= -LARGEST_FIVE && exponent <= LARGEST_TEN) {
        const double size = scaled(digits, (int)exponent);
        *value = negative ? -size : size;
    } else if (!by_library(*at, p, value)) {
        return false;
    }
    *at = p;
    return true;
}
