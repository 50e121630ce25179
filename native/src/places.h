/* Starts that were sent ahead: they wait for a place, which is there as soon as a child before them has ended. */
#ifndef DROVER_PLACES_H
#define DROVER_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#include "frames.h"

/* How many places there are, and how long after the last word of Node one may be taken by what waits. */
bool places_on_frame(const struct frame *frame);
/* Puts aside a start that has to wait, or a frame for one that waits. False when it is to be handled now. */
bool places_keep(const struct frame *frame);
/* Drops a start that still waits, and says so. */
void places_take_back(uint32_t number);
/* A child has a place from now on. */
void places_occupy(uint32_t number, uint16_t flags);
/* With which status it has ended, as of wait. */
void places_note_exit(uint32_t number, int status);
/* It has ended, and nothing of it is left: others may have its place, unless Node is to say so. */
void places_pass_on(uint32_t number);
/* Node says so. */
void places_leave(uint32_t number);
/* Node has said something. */
void places_heard(void);
/* Starts what may start, by handling all that was put aside for it. False when some of that is not what Node writes. */
bool places_settle(bool (*handle)(const struct frame *frame));
bool places_any_waits(void);

#endif
