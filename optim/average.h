/* Averages of parameters as parts of a file. */
#ifndef COTANGENT_OPTIM_AVERAGE_H
#define COTANGENT_OPTIM_AVERAGE_H
#include "io/parts.h"
#include "optim/optim.h"

bool average_list(const ct_average *self, struct parts *parts);
bool average_is_of(const ct_average *self, const ct_module *module); /* it averages a parameter of module */
bool average_plan(ct_average *self, const struct parts_source *from, struct plan *plan);
#endif
