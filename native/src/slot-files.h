/* The files of slots that are shared: which of them are locked, and in whose turn it is. Nothing here waits or tells. */
#ifndef DROVER_SLOT_FILES_H
#define DROVER_SLOT_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define MOST_SLOTS 4096
#define NAME_BYTES 64

/* What others are told of who holds a slot or waits for one. */
struct slot_holder {
  uint32_t pid;
  const char *label;
};

/* From the file `limit`, or what is given when there is none, or nonsense in it. */
uint32_t slot_files_limit(int folder, uint32_t otherwise);
/* Takes so many slots below the limit, all or nothing; their descriptors. 0, EAGAIN when there are not enough, or what the system says. */
int slot_files_take(int folder, uint32_t count, uint32_t limit, const struct slot_holder *holder, int *fds);
void slot_files_give(int *fds, uint32_t count);

/* A place at the end of the line; its descriptor, or -1. */
int slot_files_queue(int folder, uint32_t number, const struct slot_holder *holder, char name[NAME_BYTES]);
void slot_files_leave(int folder, int ticket, const char *name);
/* Whether nobody who waits came before this one; NULL is one that comes now. Places of the dead are removed. */
bool slot_files_is_first(int folder, const char *name);

#endif
