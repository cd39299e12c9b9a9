/* JSON of a stranger's, as text or as a file, and a file of our own. */
#ifndef COTANGENT_JSON_FILE_H
#define COTANGENT_JSON_FILE_H
#include <jansson.h>
#include <stdbool.h>

/* Both NULL after reporting: too long, no JSON, a key twice. where: for messages. */
json_t *json_file_parse(const char *where, const char *text);
json_t *json_file_read(const char *path);       /* plain or gzip */
bool json_file_save(const char *path, const char *text); /* and a line's end */
#endif
