/* Layers as JSON: {"kind": "Linear", "in": 3, "out": 4, "activation": "relu"}. Never installed. */
#ifndef COTANGENT_NN_DESCRIBE_H
#define COTANGENT_NN_DESCRIBE_H
#include <jansson.h>

#include "nn/module.h"

enum { DESCRIBE_DEPTH = 64, DESCRIBE_PARTS = 4096 }; /* modules within modules; the longest list: names are looked for one by one */

json_t *describe_module(const ct_module *module, const char *path); /* NULL after reporting; path: of the file, for its words */
ct_module *build_module(const json_t *description, const char *path); /* the description is a stranger's */
#endif
