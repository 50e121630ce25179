/* The environment that children get: the launcher's own, changed as Node's has been since, changed for one child. */
#ifndef DROVER_ENVIRONMENT_H
#define DROVER_ENVIRONMENT_H

#include <stdint.h>

#include "frames.h"

#define TREE_VARIABLE "DROVER_TREE"

void environment_begin(char **inherited);
/* What Node's environment differs in from the inherited one; replaces an earlier change. Copies what it keeps. */
void environment_change(const struct environment_change *change);
/* The outermost part of every mark that is given out here; "" when there is none. */
const char *environment_outer_mark(void);
/* For one child; valid until the next call. `path` becomes the value of its PATH, or null. */
char **environment_for(const struct start *start, uint32_t number, const char **path);

#endif
