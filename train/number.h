/* Numbers as text, whatever the locale. */
#ifndef COTANGENT_TRAIN_NUMBER_H
#define COTANGENT_TRAIN_NUMBER_H
#include <locale.h>

enum { NUMBER_TEXT = 40 };
const char *number_text(char text[NUMBER_TEXT], double value); /* the shortest that reads as value again; "nan", "inf", "-inf"; returns text */

struct number_point { locale_t plain, before; };
struct number_point number_point_begin(void);   /* from here printf writes 3.14 in this thread, */
void number_point_end(struct number_point point); /* to here */
#endif
