/* The half that works: starts children, carries their streams, tells of their ends. */
#ifndef DROVER_LAUNCHER_H
#define DROVER_LAUNCHER_H

#include <stdbool.h>

/* `lifeline` ends when the guardian has died, or tells that Node has. Returns the exit status. */
int launcher_run(int socket, int lifeline, bool keep);

#endif
