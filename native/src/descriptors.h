/* What a child gets open besides its streams. */
#ifndef DROVER_DESCRIPTORS_H
#define DROVER_DESCRIPTORS_H

#include "options.h"
#include "spawn.h"

/* Opens them all for the plan; the step that failed, or 0. After a failure nothing is open. */
int descriptors_open(const struct options *options, struct spawn_plan *plan);
void descriptors_close(struct spawn_plan *plan);

#endif
