/* Starting a child as a frame asks for it. */
#ifndef DROVER_STARTS_H
#define DROVER_STARTS_H

#include <stdbool.h>

#include "frames.h"

bool starts_begin(void);
/* False when the frame is not one that Node writes. */
bool starts_on_frame(const struct frame *frame);
/* From now on nothing is started: Node has other credentials than this launcher. */
void starts_refuse(void);
bool starts_are_refused(void);

#endif
