/* A module's tensors as parts of a file. Never installed. */
#ifndef COTANGENT_NN_MODULE_PARTS_H
#define COTANGENT_NN_MODULE_PARTS_H
#include "io/parts.h"
#include "nn/nn.h"

bool module_list(const ct_module *module, struct parts *parts); /* parameters and buffers by name, as ct_module_save has them */
bool module_plan(ct_module *module, const struct parts_source *from, struct plan *plan); /* from a file; strict as ct_module_load */
#endif
