/* The end of the launcher: everything is ended, and Node is told if it is still there. */
#ifndef DROVER_FAREWELL_H
#define DROVER_FAREWELL_H

#include <stdbool.h>

struct sources {
  int socket;
  int signals;
  int lifeline;
};

/* `said`: Node asked for it and listens; else Node or the guardian has died. */
void farewell(const struct sources *sources, bool said, bool keep);

#endif
