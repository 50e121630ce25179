/* The pipes that output comes through. */
#ifndef DROVER_PIPES_H
#define DROVER_PIPES_H

#include <stddef.h>

#include "children.h"

/* What came of reading; there may be more after READ_SOME only. */
enum reading { READ_SOME, READ_NOTHING, READ_END };

/* To be told of each reading. The pipe of a child that prints faster than it is read becomes a large one. */
void pipes_note_reading(struct output *output, size_t bytes);
/* To be told before its descriptor is closed. */
void pipes_note_close(struct output *output);
/* Has whole messages fit into the pipes of a child that Node talks to directly; as far as the system gives that much. */
void pipes_enlarge(struct child *child);
/* Standard input, which is Node's as well, is read for long: as a pipe it is to hold much, as far as the system gives that much. */
void pipes_widen_input(void);
/* To be told when such a child is forgotten. */
void pipes_forget(struct child *child);

#endif
