/* Counting and signalling trees and scopes. What comes in one round is answered with one look at the processes. */
#ifndef DROVER_REQUESTS_H
#define DROVER_REQUESTS_H

#include <stdbool.h>

#include "frames.h"

struct child;

/* False when the frame is not one that Node writes. */
bool requests_on_tree_frame(const struct frame *frame);
bool requests_on_scope_frame(const struct frame *frame);
/* As one that nobody is told the answer of: KILL to a child and all below it. */
void requests_end_tree(const struct child *child);
void requests_run(void);

#endif
