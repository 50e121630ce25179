#define _GNU_SOURCE
#include "watch.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "environment.h"
#include "events.h"
#include "frames.h"
#include "outgoing.h"
#include "processes.h"
#include "requests.h"

#define MEGABYTE ((size_t)1 << 20)
/* A process under the sanitizers has some of its own. */
#define HOG (256 * MEGABYTE)

static int ends[2];

static void wait_a_moment(void) { nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL); }

/* Uses memory and starts others, in new sessions, and says so when that is done. */
static pid_t start(size_t bytes, int others) {
  int ready[2];
  CHECK(pipe(ready) == 0);
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    if (setsid() < 0) _exit(1);
    for (; others > 0; others--) {
      if (fork() > 0) continue;
      setsid();
      for (;;) pause();
    }
    uint8_t *memory = mmap(NULL, bytes + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) _exit(1);
    for (size_t at = 0; at < bytes; at += 4096) memory[at] = 1;
    if (write(ready[1], "", 1) != 1) _exit(1);
    for (;;) pause();
  }
  uint8_t byte;
  CHECK(read(ready[0], &byte, 1) == 1);
  close(ready[0]);
  close(ready[1]);
  return pid;
}

static struct child *watched(uint32_t number, pid_t pid, uint64_t bytes, uint32_t processes) {
  struct options options = {.given = OPTION_WATCH, .most = {bytes, processes}};
  struct child *child = child_add(number, pid, "watch");
  watch_add(child, &options);
  return child;
}

static bool told(struct frame *frame, struct use *use) {
  static uint8_t bytes[FRAME_HEADER + 12];
  CHECK(outgoing_flush());
  if (recv(ends[1], bytes, sizeof bytes, MSG_DONTWAIT) < (ssize_t)sizeof bytes) return false;
  CHECK(frame_next(bytes, sizeof bytes, frame) == FRAME_WHOLE && frame->type == FRAME_USED && frame->length == 12);
  struct cursor cursor = cursor_of(frame);
  use->bytes = take_u64(&cursor);
  use->processes = take_u32(&cursor);
  return true;
}

static void look(void) {
  watch_look();
  requests_run();
}

/* For ten seconds at most. */
static struct use until_told(uint32_t number, enum beyond beyond) {
  struct frame frame;
  struct use use;
  for (int n = 0; n < 2000; n++) {
    look();
    if (told(&frame, &use)) {
      CHECK(frame.number == number && frame.flags == beyond);
      return use;
    }
    CHECK(watch_left_ms() >= 0);
    wait_a_moment();
  }
  CHECK(!"it was told");
  return (struct use){0};
}

static void forget(struct child *child) {
  child->running = false;
  child_release_if_done(child);
}

static void expect_all_killed(int count) {
  for (int n = 0; n < count; n++) {
    int status;
    while (waitpid(-1, &status, WNOHANG) == 0) {
      look();
      wait_a_moment();
    }
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  }
}

static void memory_beyond_the_limit_is_told_and_ended(void) {
  pid_t pid = start(HOG, 1);
  struct child *child = watched(1, pid, HOG / 2, 0);
  struct use use = until_told(1, BEYOND_MEMORY);
  CHECK(use.bytes >= HOG && use.processes == 2);
  expect_all_killed(2);
  forget(child);
  CHECK(watch_left_ms() == -1);
}

static void more_processes_than_the_limit_are_told_and_ended(void) {
  struct child *child = watched(2, start(0, 3), 0, 3);
  CHECK(until_told(2, BEYOND_PROCESSES).processes == 4);
  expect_all_killed(4);
  forget(child);
}

static void what_is_within_goes_on_and_its_peak_is_told(void) {
  pid_t pid = start(HOG, 0);
  struct child *other = watched(3, start(0, 1), HOG / 2, 2);
  struct child *child = watched(4, pid, HOG * 8, 1);
  while (child->watch.peak.processes == 0 || other->watch.peak.processes == 0) {
    look();
    wait_a_moment();
  }
  struct frame frame;
  struct use use;
  CHECK(!told(&frame, &use));
  watch_tell_peak(child);
  CHECK(told(&frame, &use) && frame.flags == BEYOND_NOTHING && frame.number == 4);
  CHECK(use.bytes >= HOG && use.processes == 1);
  CHECK(waitpid(-1, NULL, WNOHANG) == 0);
  requests_end_tree(child);
  requests_end_tree(other);
  requests_run();
  /* Nobody has asked, and so nobody is answered. */
  CHECK(!told(&frame, &use));
  expect_all_killed(3);
  forget(child);
  forget(other);
}

static void one_without_limits_is_not_looked_at(void) {
  struct options options = {.given = OPTION_NICE, .most = {1, 1}};
  struct child *child = child_add(5, 0x7ffffff0, "watch");
  watch_add(child, &options);
  watch_tell_peak(child);
  struct frame frame;
  struct use use;
  CHECK(watch_left_ms() == -1 && !told(&frame, &use));
  forget(child);
}

int main(void) {
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
  CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
  CHECK(events_begin() && processes_begin());
  outgoing_begin(ends[0]);
  environment_begin(environ);
  memory_beyond_the_limit_is_told_and_ended();
  more_processes_than_the_limit_are_told_and_ended();
  what_is_within_goes_on_and_its_peak_is_told();
  one_without_limits_is_not_looked_at();
  puts("watch: ok");
  return 0;
}
