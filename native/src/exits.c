#define _GNU_SOURCE
#include "exits.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"
#include "events.h"
#include "frames.h"
#include "fresh.h"
#include "input.h"
#include "memory.h"
#include "outgoing.h"
#include "output.h"
#include "owners.h"
#include "places.h"
#include "processes.h"
#include "running.h"
#include "watch.h"

struct ended {
  struct child *child;
  int status;
  struct rusage usage;
  bool group_alive;
};

static struct ended *ended;
static size_t ended_count;
static size_t ended_capacity;

static void collect(void) {
  ended_count = 0;
  int status;
  struct rusage usage;
  pid_t pid;
  while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
    struct child *child = child_by_pid(pid);
    if (child == NULL || !child->running) continue;
    child->running = false;
    /* Its number is not free while it is a ghost; whether it remains one is decided below. */
    child->ghost = true;
    running_set(child->slot, 0);
    if (ended_count == ended_capacity) {
      ended_capacity = ended_capacity == 0 ? 16 : ended_capacity * 2;
      ended = must_resize(ended, ended_capacity * sizeof *ended);
    }
    ended[ended_count] = (struct ended){.child = child, .status = status, .usage = usage};
    ended_count += 1;
  }
}

/* A group lives on under its number while it has a member, and that may be a zombie that its own parent never reaps. */
static void look_for_survivors(void) {
  static struct processes table;
  bool suspected = false;
  for (size_t n = 0; n < ended_count; n++) {
    ended[n].group_alive = kill(-ended[n].child->pid, 0) == 0;
    suspected = suspected || ended[n].group_alive;
  }
  bool scanned = suspected && processes_scan(&table, getpid());
  for (size_t n = 0; n < ended_count; n++) {
    if (scanned && ended[n].group_alive) ended[n].group_alive = processes_has_group(&table, ended[n].child->pid);
    ended[n].child->ghost = ended[n].group_alive;
  }
  if (scanned) owners_forget_ghosts(&table);
}

static uint64_t microseconds(struct timeval time) { return (uint64_t)time.tv_sec * 1000000u + (uint64_t)time.tv_usec; }

static void tell(const struct ended *end) {
  struct child *child = end->child;
  fresh_remove(child);
  uint16_t flags = end->group_alive ? EXIT_GROUP_ALIVE : 0;
  if (output_drain(child, STDOUT_STREAM)) flags |= EXIT_STDOUT_ENDED;
  if (output_drain(child, STDERR_STREAM)) flags |= EXIT_STDERR_ENDED;
  uint64_t user = microseconds(end->usage.ru_utime);
  uint64_t system = microseconds(end->usage.ru_stime);
  uint64_t lifetime = now_us() - child->began_us;
  uint32_t words[] = {
      (uint32_t)end->status,
      (uint32_t)user,
      (uint32_t)(user >> 32),
      (uint32_t)system,
      (uint32_t)(system >> 32),
      (uint32_t)end->usage.ru_maxrss,
      (uint32_t)lifetime,
      (uint32_t)(lifetime >> 32),
  };
  watch_tell_peak(child);
  outgoing_frame(FRAME_EXIT, flags, child->number, words, sizeof words / sizeof *words);
  places_note_exit(child->number, end->status);
  bool is_open = child->outputs[STDOUT_STREAM].fd >= 0 || child->outputs[STDERR_STREAM].fd >= 0;
  if (!is_open && !end->group_alive) places_pass_on(child->number);
  output_watch(child, STDOUT_STREAM);
  output_watch(child, STDERR_STREAM);
  input_watch(child);
  child_release_if_done(child);
}

void exits_reap(void) {
  collect();
  if (ended_count == 0) return;
  look_for_survivors();
  for (size_t n = 0; n < ended_count; n++) tell(&ended[n]);
}
