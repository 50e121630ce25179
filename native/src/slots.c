#define _GNU_SOURCE
#include "slots.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "events.h"
#include "memory.h"
#include "outgoing.h"
#include "slot-files.h"

/* The kernel tells of a descriptor that is closed a moment before it gives up the lock. */
#define MOMENT_US 2000
/* Should the kernel have told nothing, because too much happened at once. */
#define LONGEST_US 1000000

struct claim {
  uint32_t number;
  uint32_t weight;
  uint32_t otherwise;
  uint32_t pid;
  char *label;
  int folder;
  int watch;
  /* While it waits. */
  int ticket;
  char name[NAME_BYTES];
  /* While it is held. */
  int *fds;
  uint32_t count;
  TAILQ_ENTRY(claim) link;
};

TAILQ_HEAD(claim_list, claim);
static struct claim_list held = TAILQ_HEAD_INITIALIZER(held);
static struct claim_list waiting = TAILQ_HEAD_INITIALIZER(waiting);
static int notices = -1;
static uint64_t retry_at_us;
static bool moment_is_due;

static struct claim *find(struct claim_list *list, uint32_t number) {
  struct claim *claim;
  TAILQ_FOREACH(claim, list, link) if (claim->number == number) return claim;
  return NULL;
}

static void forget(struct claim *claim) {
  if (claim->ticket >= 0) slot_files_leave(claim->folder, claim->ticket, claim->name);
  slot_files_give(claim->fds, claim->count);
  if (claim->folder >= 0) close(claim->folder);
  free(claim->fds);
  free(claim->label);
  free(claim);
}

static void unwatch(int watch) {
  struct claim *claim;
  TAILQ_FOREACH(claim, &waiting, link) if (claim->watch == watch) return;
  if (watch >= 0) inotify_rm_watch(notices, watch);
}

static void drop_waiting(struct claim *claim) {
  TAILQ_REMOVE(&waiting, claim, link);
  unwatch(claim->watch);
}

static void tell_failure(uint32_t number, int error) {
  outgoing_frame(FRAME_SLOTS_FAILED, 0, number, (uint32_t[]){(uint32_t)error}, 1);
  outgoing_hurry();
}

/* 0, EAGAIN when it has to wait, or what the system says. */
static int try_to_take(struct claim *claim) {
  uint32_t limit = slot_files_limit(claim->folder, claim->otherwise);
  /* More than there are is all of them. */
  uint32_t count = claim->weight < limit ? claim->weight : limit;
  if (count == 0) return EAGAIN;
  if (!slot_files_is_first(claim->folder, claim->ticket >= 0 ? claim->name : NULL)) return EAGAIN;
  claim->fds = must_resize(claim->fds, count * sizeof *claim->fds);
  struct slot_holder holder = {.pid = claim->pid, .label = claim->label};
  int error = slot_files_take(claim->folder, count, limit, &holder, claim->fds);
  if (error == 0) claim->count = count;
  return error;
}

static void become_held(struct claim *claim) {
  TAILQ_INSERT_TAIL(&held, claim, link);
  if (claim->ticket >= 0) slot_files_leave(claim->folder, claim->ticket, claim->name);
  claim->ticket = -1;
  outgoing_frame(FRAME_SLOTS_TAKEN, 0, claim->number, &claim->count, 1);
  outgoing_hurry();
}

static bool begin_watching(void) {
  if (notices >= 0) return true;
  notices = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  return notices >= 0 && events_add_source(SOURCE_SLOTS, notices, EPOLLIN);
}

/* The errno, or 0. */
static int begin_waiting(struct claim *claim, const char *folder) {
  if (!begin_watching()) return errno;
  /* A lock that ends, a place that is given up, a limit that is changed. */
  claim->watch = inotify_add_watch(notices, folder, IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_TO | IN_ONLYDIR);
  if (claim->watch < 0) return errno;
  struct slot_holder holder = {.pid = claim->pid, .label = claim->label};
  claim->ticket = slot_files_queue(claim->folder, claim->number, &holder, claim->name);
  return claim->ticket < 0 ? errno : 0;
}

static void hasten(uint64_t us) {
  uint64_t at = now_us() + us;
  if (retry_at_us == 0 || at < retry_at_us) retry_at_us = at;
}

static int take(struct claim *claim, const char *folder) {
  claim->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (claim->folder < 0) return errno;
  int error = try_to_take(claim);
  if (error == 0) become_held(claim);
  if (error != EAGAIN) return error;
  error = begin_waiting(claim, folder);
  if (error != 0) return error;
  TAILQ_INSERT_TAIL(&waiting, claim, link);
  /* What was given back before it was watched for. */
  hasten(0);
  return 0;
}

bool slots_on_take_frame(const struct frame *frame) {
  struct cursor cursor = cursor_of(frame);
  uint32_t weight = take_u32(&cursor);
  uint32_t otherwise = take_u32(&cursor);
  uint32_t pid = take_u32(&cursor);
  const char *folder = take_text(&cursor);
  const char *label = take_text(&cursor);
  if (cursor.bad || cursor.at != cursor.end || frame->flags != 0 || weight == 0) return false;
  if (weight > MOST_SLOTS || otherwise > MOST_SLOTS) return false;
  if (find(&held, frame->number) != NULL || find(&waiting, frame->number) != NULL) return false;
  struct claim *claim = must_resize(NULL, sizeof *claim);
  *claim = (struct claim){.number = frame->number, .weight = weight, .otherwise = otherwise, .pid = pid};
  claim->folder = claim->watch = claim->ticket = -1;
  claim->label = must_copy(label);
  int error = cursor.nul ? EINVAL : take(claim, folder);
  if (error == 0) return true;
  unwatch(claim->watch);
  forget(claim);
  tell_failure(frame->number, error);
  return true;
}

/* Answered in any case: Node may withdraw what has failed meanwhile. */
bool slots_on_give_frame(const struct frame *frame) {
  if (frame->length != 0) return false;
  struct claim *claim = find(&held, frame->number);
  if (claim != NULL) {
    TAILQ_REMOVE(&held, claim, link);
    forget(claim);
    /* Whoever waits here need not hear of it from the kernel. */
    if (!TAILQ_EMPTY(&waiting)) hasten(0);
  } else if ((claim = find(&waiting, frame->number)) != NULL) {
    drop_waiting(claim);
    forget(claim);
  }
  outgoing_frame(FRAME_SLOTS_GIVEN, 0, frame->number, NULL, 0);
  return true;
}

void slots_on_change(void) {
  char buffer[16384];
  while (read(notices, buffer, sizeof buffer) > 0) continue;
  hasten(0);
  moment_is_due = true;
}

static void retry_all(void) {
  for (struct claim *claim = TAILQ_FIRST(&waiting), *next; claim != NULL; claim = next) {
    next = TAILQ_NEXT(claim, link);
    int error = try_to_take(claim);
    if (error == EAGAIN) continue;
    drop_waiting(claim);
    if (error == 0) {
      become_held(claim);
      continue;
    }
    uint32_t number = claim->number;
    forget(claim);
    tell_failure(number, error);
  }
}

int slots_retry(void) {
  if (TAILQ_EMPTY(&waiting)) return -1;
  uint64_t now = now_us();
  if (retry_at_us == 0 || now >= retry_at_us) {
    retry_all();
    retry_at_us = now_us() + (moment_is_due ? MOMENT_US : LONGEST_US);
    moment_is_due = false;
    if (TAILQ_EMPTY(&waiting)) return -1;
    now = now_us();
  }
  return retry_at_us <= now ? 0 : (int)((retry_at_us - now + 999) / 1000);
}

bool slots_any(void) { return !TAILQ_EMPTY(&held) || !TAILQ_EMPTY(&waiting); }

void slots_release_all(void) {
  struct claim *claim;
  while ((claim = TAILQ_FIRST(&waiting)) != NULL) {
    drop_waiting(claim);
    forget(claim);
  }
  while ((claim = TAILQ_FIRST(&held)) != NULL) {
    TAILQ_REMOVE(&held, claim, link);
    forget(claim);
  }
}
