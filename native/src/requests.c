#include "requests.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "children.h"
#include "memory.h"
#include "outgoing.h"
#include "owners.h"
#include "processes.h"

/* KILL is repeated for what was forked meanwhile; more often than this only against a fork bomb. */
#define MOST_PASSES 50

struct request {
  uint32_t id;
  int signal;
  /* Of a scope; null for a tree. */
  char *scope;
  uint32_t number;
  pid_t pid;
  uint32_t count;
  /* Nobody has asked. */
  bool silent;
};

static struct request *requests;
static size_t request_count;
static size_t request_capacity;
static struct processes table;
/* Processes that were sent KILL and may not have gone yet. */
static pid_t *killed;
static size_t killed_count;
static size_t killed_capacity;

static struct request *add_request(uint32_t id, int signal) {
  if (request_count == request_capacity) {
    request_capacity = request_capacity == 0 ? 16 : request_capacity * 2;
    requests = must_resize(requests, request_capacity * sizeof *requests);
  }
  struct request *request = &requests[request_count];
  request_count += 1;
  *request = (struct request){.id = id, .signal = signal};
  return request;
}

static bool is_signal(uint32_t signal) { return signal <= (uint32_t)SIGRTMAX; }

bool requests_on_tree_frame(const struct frame *frame) {
  struct cursor cursor = cursor_of(frame);
  uint32_t signal = take_u32(&cursor);
  uint32_t number = take_u32(&cursor);
  uint32_t pid = take_u32(&cursor);
  if (cursor.bad || cursor.at != cursor.end || !is_signal(signal)) return false;
  struct request *request = add_request(frame->number, (int)signal);
  request->number = number;
  struct child *child = child_by_number(number);
  request->pid = child == NULL ? (pid_t)pid : child->pid;
  return true;
}

void requests_end_tree(const struct child *child) {
  struct request *request = add_request(0, SIGKILL);
  request->number = child->number;
  request->pid = child->pid;
  request->silent = true;
}

bool requests_on_scope_frame(const struct frame *frame) {
  struct cursor cursor = cursor_of(frame);
  uint32_t signal = take_u32(&cursor);
  const char *scope = take_text(&cursor);
  if (cursor.bad || cursor.at != cursor.end || !is_signal(signal)) return false;
  add_request(frame->number, (int)signal)->scope = must_copy(scope);
  return true;
}

/* A process that nothing tells the owner of can only belong to the one scope that is left, unless it is older. */
static bool others_live(const char *scope) {
  for (size_t n = 0; n < table.count; n++) {
    struct process *process = &table.list[n];
    if (process->lineage != LINEAGE_OURS || !process->alive) continue;
    const struct owner *owner = owner_of(&table, process);
    if (owner->known && strcmp(owner->scope, scope) != 0) return true;
  }
  return false;
}

static bool is_meant(const struct request *request, struct process *process, bool unknown_too) {
  if (process->lineage != LINEAGE_OURS || !process->alive) return false;
  const struct owner *owner = owner_of(&table, process);
  if (request->scope != NULL) {
    if (owner->known) return strcmp(owner->scope, request->scope) == 0;
    return unknown_too && process->began >= scope_began(request->scope);
  }
  if (owner->known) return owner->number == request->number;
  if (request->pid <= 0) return false;
  return process->session == request->pid || process->group == request->pid;
}

static int compare_pids(const void *a, const void *b) {
  pid_t left = *(const pid_t *)a;
  pid_t right = *(const pid_t *)b;
  return (left > right) - (left < right);
}

static bool was_killed(pid_t pid, size_t sorted) {
  return sorted > 0 && bsearch(&pid, killed, sorted, sizeof pid, compare_pids) != NULL;
}

static void note_killed(pid_t pid) {
  if (killed_count == killed_capacity) {
    killed_capacity = killed_capacity == 0 ? 64 : killed_capacity * 2;
    killed = must_resize(killed, killed_capacity * sizeof *killed);
  }
  killed[killed_count] = pid;
  killed_count += 1;
}

/* Whole groups in one call: a process that forks meanwhile takes its child along. */
static bool group_is_meant(const bool *meant, pid_t group) {
  if (group <= 1) return false;
  for (size_t n = 0; n < table.count; n++) {
    if (table.list[n].alive && table.list[n].group == group && !meant[n]) return false;
  }
  return true;
}

static uint32_t send_signal(bool *meant, int signal) {
  uint32_t reached = 0;
  for (size_t n = 0; n < table.count; n++) {
    if (!meant[n]) continue;
    pid_t group = table.list[n].group;
    if (!group_is_meant(meant, group)) {
      reached += kill(table.list[n].pid, signal) == 0;
      continue;
    }
    bool done = kill(-group, signal) == 0;
    for (size_t m = n; m < table.count; m++) {
      if (!meant[m] || table.list[m].group != group) continue;
      reached += done;
      if (m > n) meant[m] = false;
    }
  }
  return reached;
}

static uint32_t serve(const struct request *request, bool *meant, size_t killed_before) {
  bool unknown_too = request->scope != NULL && !others_live(request->scope);
  uint32_t found = 0;
  for (size_t n = 0; n < table.count; n++) {
    struct process *process = &table.list[n];
    meant[n] = is_meant(request, process, unknown_too);
    if (!meant[n]) continue;
    if (request->signal == SIGKILL) {
      if (was_killed(process->pid, killed_before)) meant[n] = false;
      else note_killed(process->pid);
    }
    found += meant[n];
  }
  return request->signal == 0 || found == 0 ? found : send_signal(meant, request->signal);
}

static void serve_all(void) {
  static bool *meant;
  static size_t meant_capacity;
  killed_count = 0;
  for (int pass = 0; pass < MOST_PASSES; pass++) {
    if (pass > 0 && !processes_scan(&table, getpid())) return;
    if (table.count > meant_capacity) {
      meant_capacity = table.capacity;
      meant = must_resize(meant, meant_capacity * sizeof *meant);
    }
    size_t killed_before = killed_count;
    for (size_t n = 0; n < request_count; n++) {
      if (pass > 0 && requests[n].signal != SIGKILL) continue;
      requests[n].count += serve(&requests[n], meant, killed_before);
    }
    if (killed_count == killed_before) return;
    qsort(killed, killed_count, sizeof *killed, compare_pids);
  }
}

/* Without /proc the group is all that can be reached, and only while the child holds its number. */
static void serve_groups(void) {
  for (size_t n = 0; n < request_count; n++) {
    struct child *child = requests[n].scope == NULL ? child_by_number(requests[n].number) : NULL;
    if (child != NULL && child->running) requests[n].count = kill(-child->pid, requests[n].signal) == 0;
  }
}

void requests_run(void) {
  if (request_count == 0) return;
  if (processes_scan(&table, getpid())) {
    owners_forget_ghosts(&table);
    serve_all();
  } else {
    serve_groups();
  }
  for (size_t n = 0; n < request_count; n++) {
    if (!requests[n].silent) outgoing_frame(FRAME_COUNT, 0, requests[n].id, &requests[n].count, 1);
    free(requests[n].scope);
  }
  request_count = 0;
}
