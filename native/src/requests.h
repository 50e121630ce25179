/* Counting and signalling trees and scopes. What comes in one round is answered with one look at the processes. */
#ifndef DROVER_REQUESTS_H
#define DROVER_REQUESTS_H

#include <stdbool.h>

#include "frames.h"

/* False when the frame is not one that Node writes. */
bool requests_on_tree_frame(const struct frame *frame);
bool requests_on_scope_frame(const struct frame *frame);
void requests_run(void);

#endif
