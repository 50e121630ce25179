/* Slots that unrelated processes share, held for Node: files in a folder, of which so many may be locked as its limit says. Whoever has
   to wait has a file there too, whose name is its place in the line. All of them are free as soon as their holder is gone. */
#ifndef DROVER_SLOTS_H
#define DROVER_SLOTS_H

#include <stdbool.h>

#include "frames.h"

/* Both: false when the frame is not one that Node writes. */
bool slots_on_take_frame(const struct frame *frame);
bool slots_on_give_frame(const struct frame *frame);
/* Something has changed in a folder that is waited for. */
void slots_on_change(void);
/* Tries again when it is time; how many ms until the next time, or -1. */
int slots_retry(void);
bool slots_any(void);
void slots_release_all(void);

#endif
