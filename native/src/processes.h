/* The processes of the machine at one moment, and which of them descend from us. As both halves are subreapers, a
   descendant never leaves: whatever it does, its chain of parents leads here. */
#ifndef DROVER_PROCESSES_H
#define DROVER_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct child;

/* Whose a process is, as far as it was found out. */
struct owner {
  bool looked_up;
  bool known;
  uint32_t number;
  struct child *child;
  /* Null when not known. */
  const char *scope;
  char *owned_scope;
};

struct process {
  pid_t pid;
  pid_t parent;
  pid_t group;
  pid_t session;
  /* In clock ticks since the system came up. */
  uint64_t began;
  uint64_t resident_pages;
  bool alive;
  enum { LINEAGE_UNKNOWN, LINEAGE_OURS, LINEAGE_OTHER } lineage;
  /* Place in the table of the ancestor that is a child of the root (or the process itself); only when ours. */
  size_t top;
  struct owner owner;
};

struct processes {
  struct process *list;
  size_t count;
  size_t capacity;
};

bool processes_begin(void);
/* Looks afresh. False when /proc cannot be read. */
bool processes_scan(struct processes *table, pid_t root);
struct process *processes_find(const struct processes *table, pid_t pid);
/* Whether the group, or the session, has a living member. */
bool processes_has_group(const struct processes *table, pid_t group);
bool processes_has_session(const struct processes *table, pid_t session);
int processes_open(pid_t pid, const char *name);

#endif
