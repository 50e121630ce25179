/* The children that run, or have ended but still have a stream open or processes that they left behind. */
#ifndef DROVER_CHILDREN_H
#define DROVER_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "options.h"

enum { STDIN_STREAM, STDOUT_STREAM, STDERR_STREAM };

/* A run, by whose name its processes are found. */
struct scope {
  char *name;
  uint32_t children;
  /* In clock ticks since the system came up. */
  uint64_t began;
  LIST_ENTRY(scope) link;
};

struct piece {
  struct piece *next;
  uint32_t length;
  uint32_t written;
  uint8_t bytes[];
};

struct ranges;

struct input {
  int fd;
  /* Where it comes from, when it is not Node that writes it. */
  struct ranges *ranges;
  bool watched;
  bool wants_room;
  bool ending;
  struct piece *first;
  struct piece **last;
  uint32_t unacknowledged;
};

struct output {
  int fd;
  bool watched;
  /* Dropped here and only counted; needs no credit. */
  bool counted;
  /* Its pipe was made larger than usual. */
  bool large;
  /* Below 0 when more was read than Node had allowed, see output_on_readable. */
  int64_t credit;
  /* Of what is counted: what came, what Node was told of that, and when. */
  uint64_t bytes;
  uint64_t told;
  uint64_t told_us;
};

/* What a child was beyond. */
enum beyond { BEYOND_NOTHING, BEYOND_MEMORY, BEYOND_PROCESSES };

/* What a child and all below it may use, and what it did. */
struct watch {
  bool active;
  enum beyond beyond;
  struct use most;
  struct use now;
  struct use peak;
};

struct child {
  uint32_t number;
  uint32_t slot;
  /* Differs for each use of a slot, so that an event of the last one can't act on the next. */
  uint32_t generation;
  pid_t pid;
  bool running;
  /* Has ended, but its group or session had living members when last looked at. */
  bool ghost;
  bool doomed;
  /* Started a moment ago: not announced and not watched yet. */
  bool fresh;
  /* Node opens its pipes by itself, and has not said yet whether it has: nothing is read. */
  bool direct;
  bool roomy;
  uint64_t fresh_until_us;
  uint64_t began_us;
  struct input input;
  struct output outputs[3];
  struct scope *scope;
  struct child *next_by_number;
  struct child *next_by_pid;
  TAILQ_ENTRY(child) link;
  TAILQ_ENTRY(child) fresh_link;
  struct watch watch;
  TAILQ_ENTRY(child) watch_link;
};

TAILQ_HEAD(child_list, child);

struct child *child_add(uint32_t number, pid_t pid, const char *scope);
struct child *child_by_number(uint32_t number);
struct child *child_by_pid(pid_t pid);
/* The child that an event is for; null when that use of the slot is over. */
struct child *child_by_slot(uint32_t slot, uint32_t generation);
/* Frees the slot if the child has ended, all its streams are closed and nobody is left behind. */
void child_release_if_done(struct child *child);
/* When the first of the children that a scope has now was started; 0 when it has none. */
uint64_t scope_began(const char *name);
struct child *child_first(void);
size_t child_count(void);

#endif
