#define _GNU_SOURCE
#include "processes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"

static DIR *proc;
/* Given up for a moment when all descriptors are in use, so that ending processes works even then. */
static int spare = -1;

bool processes_begin(void) {
  proc = opendir("/proc");
  spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
  return proc != NULL;
}

int processes_open(pid_t pid, const char *name) {
  char path[64];
  snprintf(path, sizeof path, "%d/%s", (int)pid, name);
  int fd = openat(dirfd(proc), path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0 || (errno != EMFILE && errno != ENFILE) || spare < 0) return fd;
  close(spare);
  spare = -1;
  return openat(dirfd(proc), path, O_RDONLY | O_CLOEXEC);
}

/* The fields of a stat line from the state on; the name before it may itself hold spaces and parentheses. */
static bool parse_stat(char *line, struct process *process) {
  char *end_of_name = strrchr(line, ')');
  if (end_of_name == NULL || end_of_name[1] != ' ') return false;
  char state = end_of_name[2];
  long long fields[21];
  char *at = end_of_name + 3;
  for (int n = 0; n < 21; n++) {
    char *end;
    fields[n] = strtoll(at, &end, 10);
    if (end == at) return false;
    at = end;
  }
  process->parent = (pid_t)fields[0];
  process->group = (pid_t)fields[1];
  process->session = (pid_t)fields[2];
  process->began = (uint64_t)fields[18];
  process->resident_pages = fields[20] > 0 ? (uint64_t)fields[20] : 0;
  /* A process whose first thread has ended looks like a zombie but is none while others run. */
  long long threads = fields[16];
  process->alive = (state != 'Z' && state != 'X') || threads > 1;
  return true;
}

static bool read_process(pid_t pid, struct process *process) {
  int fd = processes_open(pid, "stat");
  if (fd < 0) return false;
  char line[1024];
  ssize_t length = read(fd, line, sizeof line - 1);
  close(fd);
  if (spare < 0) spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (length <= 0) return false;
  line[length] = '\0';
  *process = (struct process){.pid = pid};
  return parse_stat(line, process);
}

static int by_pid(const void *a, const void *b) {
  pid_t left = ((const struct process *)a)->pid;
  pid_t right = ((const struct process *)b)->pid;
  return (left > right) - (left < right);
}

static bool list_processes(struct processes *table) {
  for (size_t n = 0; n < table->count; n++) free(table->list[n].owner.owned_scope);
  table->count = 0;
  rewinddir(proc);
  bool sorted = true;
  struct dirent *entry;
  while ((entry = readdir(proc)) != NULL) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    if (table->count == table->capacity) {
      table->capacity = table->capacity == 0 ? 256 : table->capacity * 2;
      table->list = must_resize(table->list, table->capacity * sizeof *table->list);
    }
    struct process *process = &table->list[table->count];
    if (!read_process((pid_t)strtol(entry->d_name, NULL, 10), process)) continue;
    if (table->count > 0 && process[-1].pid > process->pid) sorted = false;
    table->count += 1;
  }
  if (!sorted) qsort(table->list, table->count, sizeof *table->list, by_pid);
  return table->count > 0;
}

struct process *processes_find(const struct processes *table, pid_t pid) {
  struct process key = {.pid = pid};
  if (table->count == 0) return NULL;
  return bsearch(&key, table->list, table->count, sizeof key, by_pid);
}

/* Goes up until something is known, and writes it down for all on the way. False when a parent has vanished since. */
static bool find_lineage(struct processes *table, size_t start, pid_t root) {
  size_t at = start;
  bool torn = false;
  int lineage = LINEAGE_OTHER;
  size_t top = start;
  for (size_t steps = 0; steps <= table->count; steps++) {
    struct process *process = &table->list[at];
    if (process->lineage != LINEAGE_UNKNOWN) {
      lineage = (int)process->lineage;
      top = process->top;
      break;
    }
    if (process->pid == root || process->parent == 0) break;
    if (process->parent == root) {
      lineage = LINEAGE_OURS;
      top = at;
      break;
    }
    struct process *parent = processes_find(table, process->parent);
    if (parent == NULL) {
      /* One that is hidden from us will not turn up in the next look either. */
      torn = kill(process->parent, 0) == 0 || errno != EPERM;
      break;
    }
    at = (size_t)(parent - table->list);
  }
  size_t last = at;
  for (at = start;;) {
    struct process *process = &table->list[at];
    process->lineage = lineage == LINEAGE_OURS ? LINEAGE_OURS : LINEAGE_OTHER;
    process->top = top;
    if (at == last) return !torn;
    at = (size_t)(processes_find(table, process->parent) - table->list);
  }
}

bool processes_scan(struct processes *table, pid_t root) {
  for (int attempt = 0; attempt < 4; attempt++) {
    if (!list_processes(table)) return false;
    bool whole = true;
    for (size_t n = 0; n < table->count; n++) {
      if (table->list[n].lineage == LINEAGE_UNKNOWN && !find_lineage(table, n, root)) whole = false;
    }
    if (whole) break;
  }
  return true;
}

bool processes_has_group(const struct processes *table, pid_t group) {
  for (size_t n = 0; n < table->count; n++) {
    if (table->list[n].alive && table->list[n].group == group) return true;
  }
  return false;
}

bool processes_has_session(const struct processes *table, pid_t session) {
  for (size_t n = 0; n < table->count; n++) {
    if (table->list[n].alive && table->list[n].session == session) return true;
  }
  return false;
}
