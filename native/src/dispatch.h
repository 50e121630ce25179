/* Hands each frame to whom it is for. */
#ifndef DROVER_DISPATCH_H
#define DROVER_DISPATCH_H

#include <stdbool.h>

#include "frames.h"

/* False when the frame is not one that Node writes. */
bool dispatch_frame(const struct frame *frame);

#endif
