/* Children that may use only so much memory together with all below them, or be only so many processes: they are looked at again and
   again, and ended with all that they have started when they are beyond that. */
#ifndef DROVER_WATCH_H
#define DROVER_WATCH_H

#include "children.h"
#include "options.h"

/* To be called once for a child. */
void watch_add(struct child *child, const struct options *options);
/* Looks when it is time to; what is beyond is told, and sent KILL by requests_run. */
void watch_look(void);
/* Milliseconds until the next look, or -1. */
int watch_left_ms(void);
/* Tells the most that it ever used, as its end is about to be told. */
void watch_tell_peak(const struct child *child);
/* To be told when a child is forgotten. */
void watch_forget(struct child *child);

#endif
