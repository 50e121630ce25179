/* Gives requests about children that are there, were there or never were, right and wrong ones, for so many seconds. What
   starts programs is left out. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "build-frame.h"
#include "check.h"
#include "children.h"
#include "counting.h"
#include "dispatch.h"
#include "environment.h"
#include "events.h"
#include "input.h"
#include "jobservers.h"
#include "locks.h"
#include "outgoing.h"
#include "output.h"
#include "places.h"
#include "processes.h"
#include "requests.h"
#include "slots.h"
#include "token-accounts.h"

#define NUMBERS 8
/* Beyond what the system gives to any process. */
#define NO_SUCH_PID 0x7ffffff0

static uint64_t state;

static uint32_t draw(uint32_t below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return below == 0 ? 0 : (uint32_t)((state >> 16) % below);
}

static int other_ends[NUMBERS][3];

static void open_stream(uint32_t number, int stream, int *ours) {
  int fds[2];
  CHECK(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
  *ours = fds[stream == STDIN_STREAM ? 1 : 0];
  other_ends[number][stream] = fds[stream == STDIN_STREAM ? 0 : 1];
}

static void revive(uint32_t number) {
  if (child_by_number(number) != NULL) return;
  for (int stream = 0; stream < 3; stream++) {
    if (other_ends[number][stream] > 0) close(other_ends[number][stream]);
  }
  struct child *child = child_add(number, NO_SUCH_PID + (pid_t)number, "fuzz");
  open_stream(number, STDIN_STREAM, &child->input.fd);
  open_stream(number, STDOUT_STREAM, &child->outputs[STDOUT_STREAM].fd);
  open_stream(number, STDERR_STREAM, &child->outputs[STDERR_STREAM].fd);
  child->outputs[STDOUT_STREAM].counted = draw(2) == 0;
  child->running = draw(2) == 0;
}

/* What the other ends of its pipes do. */
static void stir(uint32_t number) {
  static char bytes[8192];
  struct child *child = child_by_number(number);
  if (child == NULL) return;
  switch (draw(5)) {
    case 0:
      if (other_ends[number][STDIN_STREAM] == 0) break;
      if (read(other_ends[number][STDIN_STREAM], bytes, sizeof bytes) > 0) input_on_event(child);
      break;
    case 1:
      if (other_ends[number][STDIN_STREAM] == 0) break;
      close(other_ends[number][STDIN_STREAM]);
      other_ends[number][STDIN_STREAM] = 0;
      input_on_event(child);
      break;
    case 2:
      if (write(other_ends[number][STDOUT_STREAM], bytes, draw(sizeof bytes)) < 0) break;
      output_on_readable(child, STDOUT_STREAM);
      break;
    case 3:
      child->running = false;
      child_release_if_done(child);
      break;
    default:
      output_watch(child, STDERR_STREAM);
  }
}

#define LOCK_PATHS 3
static char lock_paths[LOCK_PATHS][32] = {"/tmp/drover-fuzz-XXXXXX", "/tmp/drover-fuzz-XXXXXX", "/nonexistent/lock"};

static char slots_folder[] = "/tmp/drover-fuzz-slots-XXXXXX";
static char fifo_paths[3][48] = {"", "", "/nonexistent/fifo"};

static void send_frame(void) {
  struct builder builder;
  uint16_t type = (uint16_t)(FRAME_INPUT + draw(FRAME_RETIRE - FRAME_INPUT));
  if (draw(4) == 0) type = draw(2) == 0 ? FRAME_LOCK : FRAME_UNLOCK;
  if (draw(4) == 0) type = (uint16_t)(FRAME_JOBSERVER_OPEN + draw(5));
  if (draw(16) == 0) type = FRAME_DATAGRAM;
  if (draw(16) == 0) type = FRAME_HEARTBEAT;
  if (draw(16) == 0) type = FRAME_WIDEN_INPUT;
  if (draw(6) == 0) type = (uint16_t)(FRAME_PLACES + draw(3));
  /* One that cannot be started, and may wait for a place first. */
  if (draw(12) == 0) type = FRAME_START;
  if (draw(6) == 0) type = draw(2) == 0 ? FRAME_SLOTS_TAKE : FRAME_SLOTS_GIVE;
  begin_frame(&builder);
  if (type == FRAME_SIGNAL_SCOPE) {
    put_u32(&builder, draw(70));
    put_text(&builder, "fuzz");
  } else if (type == FRAME_LOCK) {
    put_u32(&builder, draw(0xffffffff));
    put_text(&builder, lock_paths[draw(LOCK_PATHS)]);
  } else if (type == FRAME_SLOTS_TAKE) {
    put_u32(&builder, draw(5));
    put_u32(&builder, draw(8) == 0 ? draw(0xffffffff) : draw(5));
    put_u32(&builder, draw(0xffffffff));
    put_text(&builder, draw(8) == 0 ? lock_paths[draw(LOCK_PATHS)] : slots_folder);
    put_text(&builder, "fuzz");
  } else if (type == FRAME_JOBSERVER_OPEN) {
    const char *path = fifo_paths[draw(3)];
    put_text(&builder, path);
    put_text(&builder, draw(8) == 0 ? fifo_paths[draw(3)] : path);
  } else if (type == FRAME_JOBSERVER_WANT) {
    put_u32(&builder, draw(8) == 0 ? draw(0xffffffff) : draw(5));
  } else if (type == FRAME_PLACES) {
    put_u32(&builder, draw(3));
    put_u32(&builder, draw(2) == 0 ? 0 : draw(2));
  } else if (type == FRAME_START) {
    for (uint32_t left = draw(40); left > 0; left--) put_u8(&builder, 0xff);
  } else if (type == FRAME_DATAGRAM) {
    put_u32(&builder, draw(0xffffffff));
    put_text(&builder, lock_paths[draw(LOCK_PATHS)]);
    put_text(&builder, "READY=1");
  } else if (type != FRAME_UNLOCK && type != FRAME_SLOTS_GIVE) {
    for (uint32_t words = draw(6); words > 0; words--) put_u32(&builder, draw(4) == 0 ? draw(0xffffffff) : draw(70));
  }
  if (type == FRAME_INPUT) builder.length += draw(3000);
  if (draw(8) == 0) put_u8(&builder, (uint8_t)draw(256));
  end_frame(&builder, type, (uint16_t)draw(4), draw(NUMBERS + 2));
  uint8_t *memory = malloc(builder.length);
  CHECK(memory != NULL);
  memcpy(memory, builder.bytes, builder.length);
  struct frame frame;
  CHECK(frame_next(memory, builder.length, &frame) == FRAME_WHOLE);
  dispatch_frame(&frame);
  free(memory);
}

static void remove_slots(void) {
  DIR *entries = opendir(slots_folder);
  CHECK(entries != NULL);
  struct dirent *entry;
  while ((entry = readdir(entries)) != NULL) unlinkat(dirfd(entries), entry->d_name, 0);
  closedir(entries);
  CHECK(rmdir(slots_folder) == 0);
}

int main(int argc, char **argv) {
  double seconds = argc > 1 ? strtod(argv[1], NULL) : 5;
  state = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL) * 2654435761u + 1;
  fprintf(stderr, "fuzz-dispatch: seed %llu\n", (unsigned long long)state);
  char *inherited[] = {NULL};
  environment_begin(inherited);
  CHECK(events_begin() && processes_begin());
  CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
  outgoing_discard();
  int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  CHECK(null >= 0);
  counting_begin(null);
  for (int n = 0; n < 2; n++) CHECK(close(mkstemp(lock_paths[n])) == 0);
  for (int n = 0; n < 2; n++) snprintf(fifo_paths[n], sizeof fifo_paths[n], "%s.fifo", lock_paths[n]);
  CHECK(token_accounts_share() && mkdtemp(slots_folder) != NULL);
  struct timespec begin, now;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  unsigned long rounds = 0;
  do {
    revive(draw(NUMBERS));
    send_frame();
    stir(draw(NUMBERS));
    if (rounds % 16 == 0) locks_retry();
    if (rounds % 16 == 8) jobservers_retry();
    if (rounds % 16 == 4) slots_retry();
    jobservers_on_readable(draw(NUMBERS));
    if (rounds % 256 == 0) requests_run();
    rounds += 1;
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while ((double)(now.tv_sec - begin.tv_sec) + (double)(now.tv_nsec - begin.tv_nsec) / 1e9 < seconds);
  locks_release_all();
  jobservers_end_all();
  slots_release_all();
  remove_slots();
  for (int n = 0; n < 2; n++) unlink(fifo_paths[n]);
  for (int n = 0; n < 2; n++) CHECK(unlink(lock_paths[n]) == 0);
  printf("fuzz-dispatch: ok, %lu rounds\n", rounds);
  return 0;
}
