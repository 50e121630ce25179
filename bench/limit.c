/*
 * The limit: what the kernel allows to one thread that does nothing but start children by posix_spawn and read what
 * they print through pipes and epoll.
 *
 *   limit echo COUNT CONCURRENCY   runs COUNT times sh -c 'echo N', both output streams captured
 *   limit hold COUNT               has COUNT children alive at once (sleep), then kills them
 *
 * Prints one line of JSON.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { STREAMS = 2, BATCH = 64 };

struct stream {
  int fd;
  char *bytes;
  size_t length, capacity;
};

struct child {
  pid_t pid;
  uint32_t generation;
  int open;
  struct stream streams[STREAMS];
};

static int epoll;
static struct child *children;
static long running, failures;
static size_t captured;

static void check(bool good, const char *what) {
  if (good) return;
  perror(what);
  exit(1);
}

static double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

/* An event names a slot, a stream and the slot's generation, so that a stale one cannot reach the slot's next child. */
static uint64_t tag_of(uint32_t slot, int stream) {
  return (uint64_t)children[slot].generation << 32 | slot << 1 | (uint32_t)stream;
}

static void start(uint32_t slot, char *const arguments[]) {
  struct child *child = &children[slot];
  int ends[STREAMS][2];
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  for (int n = 0; n < STREAMS; n++) {
    check(pipe2(ends[n], O_CLOEXEC) == 0, "pipe2");
    posix_spawn_file_actions_adddup2(&actions, ends[n][1], n + 1);
  }
  errno = posix_spawn(&child->pid, arguments[0], &actions, NULL, arguments, environ);
  check(errno == 0, "posix_spawn");
  posix_spawn_file_actions_destroy(&actions);
  child->generation++;
  child->open = STREAMS;
  for (int n = 0; n < STREAMS; n++) {
    close(ends[n][1]);
    fcntl(ends[n][0], F_SETFL, O_NONBLOCK);
    child->streams[n].fd = ends[n][0];
    child->streams[n].length = 0;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = tag_of(slot, n)};
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[n][0], &event) == 0, "epoll_ctl");
  }
  running++;
}

/*
 * After vfork the parent goes on before the child's close-on-exec has run: the descriptor may live on in a new child
 * for a moment and epoll would go on reporting it. So it is taken out of the epoll set before it is closed.
 */
static void close_stream(struct stream *stream) {
  epoll_ctl(epoll, EPOLL_CTL_DEL, stream->fd, NULL);
  close(stream->fd);
  stream->fd = -1;
}

static void reap(struct child *child) {
  int status;
  check(waitpid(child->pid, &status, 0) == child->pid, "waitpid");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) failures++;
  captured += child->streams[0].length + child->streams[1].length;
  child->pid = 0;
  running--;
}

/* Returns whether the child has ended. */
static bool read_stream(struct child *child, int n) {
  struct stream *stream = &child->streams[n];
  for (;;) {
    if (stream->capacity - stream->length < 4096) {
      stream->capacity = stream->capacity * 2 + 8192;
      stream->bytes = realloc(stream->bytes, stream->capacity);
      check(stream->bytes != NULL, "realloc");
    }
    ssize_t count = read(stream->fd, stream->bytes + stream->length, stream->capacity - stream->length);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return false;
    if (count <= 0) break;
    stream->length += (size_t)count;
  }
  close_stream(stream);
  return --child->open == 0;
}

/* Waits for events and reads; calls `ended` with the slot of each child that has ended. */
static void turn(void (*ended)(uint32_t slot)) {
  struct epoll_event events[BATCH];
  int count = epoll_wait(epoll, events, BATCH, -1);
  check(count >= 0 || errno == EINTR, "epoll_wait");
  for (int n = 0; n < count; n++) {
    uint32_t slot = (uint32_t)events[n].data.u64 >> 1;
    int stream = events[n].data.u64 & 1;
    struct child *child = &children[slot];
    if (events[n].data.u64 != tag_of(slot, stream) || child->streams[stream].fd < 0) continue;
    if (!read_stream(child, stream)) continue;
    reap(child);
    ended(slot);
  }
}

static long next_number = 1, last_number;

static void start_next(uint32_t slot) {
  if (next_number > last_number) return;
  char line[64];
  snprintf(line, sizeof line, "echo %ld", next_number++);
  start(slot, (char *[]){"/bin/sh", "-c", line, NULL});
}

static void forget(uint32_t slot) { (void)slot; }

static void echo(long count, uint32_t concurrency) {
  last_number = count;
  double begun = now_ms();
  for (uint32_t slot = 0; slot < concurrency; slot++) start_next(slot);
  while (running > 0) turn(start_next);
  double ms = now_ms() - begun;
  printf("{\"count\":%ld,\"bytes\":%zu,\"failures\":%ld,\"ms\":%.3f}\n", count, captured, failures, ms);
}

static void hold(long count) {
  double begun = now_ms();
  for (uint32_t slot = 0; slot < (uint32_t)count; slot++) start(slot, (char *[]){"/bin/sleep", "60", NULL});
  double started = now_ms();
  for (long n = 0; n < count; n++) kill(children[n].pid, SIGKILL);
  while (running > 0) turn(forget);
  printf("{\"count\":%ld,\"startMs\":%.3f,\"goneMs\":%.3f}\n", count, started - begun, now_ms() - started);
}

int main(int argc, char **argv) {
  bool holds = argc == 3 && strcmp(argv[1], "hold") == 0;
  if (!holds && !(argc == 4 && strcmp(argv[1], "echo") == 0)) return 2;
  long count = atol(argv[2]);
  long slots = holds ? count : atol(argv[3]);
  if (count < 1 || slots < 1) return 2;
  children = calloc((size_t)slots, sizeof *children);
  check(children != NULL, "calloc");
  epoll = epoll_create1(EPOLL_CLOEXEC);
  check(epoll >= 0, "epoll_create1");
  if (holds) hold(count);
  else echo(count, (uint32_t)slots);
  return 0;
}
