/* Places in a program: the path of the module that is running ("encoder.layers.3.self_attn"), as a number that a node, an event or a module
 * keeps. Numbers outlive what they name. */
#ifndef COTANGENT_PLACE_H
#define COTANGENT_PLACE_H

unsigned place_number(const char *path);        /* the same for the same path, never 0; from a few thousand paths on, one for all others */
const char *place_path(unsigned number);        /* "" for 0 */
void scope_place(unsigned number);              /* of the innermost scope, and what is opened in it */
#endif
