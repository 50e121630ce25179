/* The ends of children, and of the orphans that came to us. */
#ifndef DROVER_EXITS_H
#define DROVER_EXITS_H

void exits_reap(void);

#endif
