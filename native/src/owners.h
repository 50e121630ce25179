/* Finds out which child a process descends from. */
#ifndef DROVER_OWNERS_H
#define DROVER_OWNERS_H

#include "processes.h"

/* Of a process that descends from us. By its chain of parents; an orphan by its session, its group, its mark. */
const struct owner *owner_of(const struct processes *table, struct process *process);
/* Forgets ended children whose group and session have no living member any more. */
void owners_forget_ghosts(const struct processes *table);

#endif
