#include "owners.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "children.h"
#include "environment.h"
#include "memory.h"

#define LONGEST_MARK 4096

/* Reads the environment of a process up to its mark. False when it has none or may not be looked into. */
static bool read_mark(pid_t pid, char mark[LONGEST_MARK]) {
  static const char name[] = TREE_VARIABLE "=";
  const size_t name_length = sizeof name - 1;
  int fd = processes_open(pid, "environ");
  if (fd < 0) return false;
  char block[8192];
  /* How many bytes of the current entry agree with the name; beyond it, the value is being read. */
  size_t matched = 0;
  bool matching = true;
  size_t length = 0;
  ssize_t got;
  while ((got = read(fd, block, sizeof block)) > 0 || (got < 0 && errno == EINTR)) {
    for (ssize_t n = 0; n < got; n++) {
      char byte = block[n];
      if (matching && matched == name_length) {
        if (byte != '\0' && length < LONGEST_MARK - 1) {
          mark[length] = byte;
          length += 1;
          continue;
        }
        mark[length] = '\0';
        close(fd);
        return byte == '\0';
      }
      if (byte == '\0') {
        matching = true;
        matched = 0;
      } else if (matching && byte == name[matched]) {
        matched += 1;
      } else {
        matching = false;
      }
    }
  }
  close(fd);
  return false;
}

/* `outer/scope.number` or `outer/scope.number/inner…`: the part after our own outer mark. */
static bool parse_mark(const char *mark, struct owner *owner) {
  const char *outer = environment_outer_mark();
  size_t outer_length = strlen(outer);
  if (strncmp(mark, outer, outer_length) != 0) return false;
  mark += outer_length;
  if (outer_length > 0) {
    if (*mark != '/') return false;
    mark += 1;
  }
  size_t scope_length = strcspn(mark, "./");
  if (scope_length == 0 || mark[scope_length] != '.') return false;
  char *end;
  unsigned long number = strtoul(mark + scope_length + 1, &end, 10);
  if (end == mark + scope_length + 1 || (*end != '\0' && *end != '/')) return false;
  owner->number = (uint32_t)number;
  owner->child = child_by_number(owner->number);
  owner->owned_scope = must_copy(mark);
  owner->owned_scope[scope_length] = '\0';
  owner->scope = owner->owned_scope;
  return true;
}

static bool belongs_to(struct owner *owner, struct child *child) {
  if (child == NULL) return false;
  owner->child = child;
  owner->number = child->number;
  owner->scope = child->scope->name;
  return true;
}

static bool look_up(const struct process *process, struct owner *owner) {
  if (belongs_to(owner, child_by_pid(process->pid))) return true;
  if (belongs_to(owner, child_by_pid(process->session))) return true;
  if (belongs_to(owner, child_by_pid(process->group))) return true;
  char mark[LONGEST_MARK];
  return read_mark(process->pid, mark) && parse_mark(mark, owner);
}

const struct owner *owner_of(const struct processes *table, struct process *process) {
  struct owner *owner = &process->owner;
  if (owner->looked_up) return owner;
  owner->looked_up = true;
  struct process *top = &table->list[process->top];
  if (top != process) {
    const struct owner *above = owner_of(table, top);
    if (above->known) {
      *owner = *above;
      owner->owned_scope = NULL;
      return owner;
    }
  }
  owner->known = look_up(process, owner);
  return owner;
}

void owners_forget_ghosts(const struct processes *table) {
  struct child *next;
  for (struct child *child = child_first(); child != NULL; child = next) {
    next = TAILQ_NEXT(child, link);
    if (!child->ghost) continue;
    if (processes_has_group(table, child->pid) || processes_has_session(table, child->pid)) continue;
    child->ghost = false;
    child_release_if_done(child);
  }
}
