/* One start of a program: between clone and exec nothing happens but what is listed here. */
#ifndef DROVER_SPAWN_H
#define DROVER_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "options.h"

struct spawn_limit {
  int resource;
  int step;
  struct rlimit values;
};

struct spawn_descriptor {
  /* Above what any of them is to be in the child. */
  int from;
  int as;
};

struct spawn_plan {
  /* argv[-1] must be writable. */
  char **argv;
  char **envp;
  char **candidates;
  const char *cwd;
  /* Descriptors above 2, or -1 for the one that is there already. */
  int stdio[3];
  struct spawn_descriptor descriptors[MOST_DESCRIPTORS];
  int descriptor_count;
  const char *const *groups;
  uint32_t group_count;
  const struct rlimit *files;
  /* Added to the niceness of this process. */
  int nice;
  struct spawn_limit limits[LIMITS];
  int limit_count;
  /* What went wrong, when the pid is -1. */
  volatile int error;
  volatile int step;
};

pid_t spawn_child(struct spawn_plan *plan);

#endif
