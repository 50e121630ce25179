/* The one epoll instance, and what its events are tagged with. */
#ifndef DROVER_EVENTS_H
#define DROVER_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "children.h"

/* The low two bits say which stream of a child; SOURCE is for descriptors that belong to no child. */
enum { TAG_SOURCE = 3 };
enum source {
  SOURCE_SOCKET,
  SOURCE_SIGNALS,
  SOURCE_GUARDIAN,
  SOURCE_SLOTS,
  /* And the number of the jobserver. */
  SOURCE_FIRST_JOBSERVER = 64,
};

bool events_begin(void);
int events_fd(void);
bool events_add_source(enum source source, int fd, uint32_t interest);
void events_change_source(enum source source, int fd, uint32_t interest);
/* All return whether it worked; a child's descriptor is unwatched before it is closed, because a child that was
   just started may hold a copy of it, and then events of it would go on. */
bool events_watch(const struct child *child, int stream, int fd, uint32_t interest);
bool events_change(const struct child *child, int stream, int fd, uint32_t interest);
void events_unwatch(int fd);

uint64_t now_us(void);

#endif
