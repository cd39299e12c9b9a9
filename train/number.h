/* Numbers as text, whatever the locale. */
#ifndef COTANGENT_TRAIN_NUMBER_H
#define COTANGENT_TRAIN_NUMBER_H
enum { NUMBER_TEXT = 40 };
const char *number_text(char text[NUMBER_TEXT], double value); /* the shortest that reads as value again; "nan", "inf", "-inf"; returns text */
#endif
