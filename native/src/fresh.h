/* Children in the first moment of their lives. Most tasks are over before it is: their start and their end are told
   in one write, and their pipes are read once, without being watched. */
#ifndef DROVER_FRESH_H
#define DROVER_FRESH_H

#include "children.h"

void fresh_add(struct child *child);
void fresh_remove(struct child *child);
/* Announces and watches those whose moment is over; how many ms until the next, or -1. */
int fresh_settle(void);

#endif
