/* Output that nobody wants to see: read, counted and dropped here. */
#ifndef DROVER_COUNTING_H
#define DROVER_COUNTING_H

#include "children.h"
#include "pipes.h"

/* `null` is where it goes: the null device, open for writing. */
void counting_begin(int null);
/* Reads until there is nothing, but for no longer than it takes others to notice. */
enum reading counting_read(struct child *child, int stream);
/* Tells Node what it does not know yet. */
void counting_tell(struct child *child, int stream);
/* As counting_tell, if it is time: now and then while the child runs, with every reading once it has ended. */
void counting_tell_in_time(struct child *child, int stream);

#endif
