#include "farewell.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "children.h"
#include "counting.h"
#include "ending.h"
#include "events.h"
#include "exits.h"
#include "frames.h"
#include "input.h"
#include "jobservers.h"
#include "locks.h"
#include "outgoing.h"
#include "output.h"
#include "owners.h"
#include "slots.h"

#define FLUSH_MS 5000

static bool is_any(const struct processes *table, struct process *process) {
  (void)table;
  (void)process;
  return true;
}

/* Not taken in meanwhile: as long as a child is a zombie, its place among the children says whose its descendants are. */
static bool is_of_running_child(const struct processes *table, struct process *process) {
  const struct owner *owner = owner_of(table, process);
  return owner->known && owner->child != NULL && owner->child->running;
}

static void end_children(bool keep) {
  end_descendants(keep ? is_of_running_child : is_any, keep ? NULL : exits_reap);
  exits_reap();
}

static bool has_open_output(void) {
  for (struct child *child = child_first(); child != NULL; child = TAILQ_NEXT(child, link)) {
    if (child->outputs[STDOUT_STREAM].fd >= 0 || child->outputs[STDERR_STREAM].fd >= 0) return true;
  }
  return false;
}

static void tell_ends(void) {
  for (struct child *child = child_first(); child != NULL; child = TAILQ_NEXT(child, link)) {
    for (int stream = STDOUT_STREAM; stream <= STDERR_STREAM; stream++) {
      if (child->outputs[stream].fd < 0) continue;
      counting_tell(child, stream);
      outgoing_frame(FRAME_OUTPUT_END, (uint16_t)stream, child->number, NULL, 0);
    }
  }
}

static void flush_patiently(int socket) {
  struct pollfd watched = {.fd = socket, .events = POLLOUT};
  while (outgoing_flush() && !outgoing_is_empty()) {
    int ready = poll(&watched, 1, FLUSH_MS);
    if (ready == 0 || (ready < 0 && errno != EINTR)) return;
  }
}

static void on_event(const struct epoll_event *event, const struct sources *sources) {
  uint64_t tag = event->data.u64;
  int stream = (int)(tag & 3);
  uint32_t slot = (uint32_t)tag >> 2;
  if (stream == TAG_SOURCE) {
    struct signalfd_siginfo info;
    if (slot == SOURCE_SIGNALS && read(sources->signals, &info, sizeof info) > 0) exits_reap();
    return;
  }
  struct child *child = child_by_slot(slot, (uint32_t)(tag >> 32));
  if (child != NULL && stream != STDIN_STREAM) output_on_readable(child, stream);
  if (child != NULL && stream == STDIN_STREAM) input_on_event(child);
}

/* What was left behind on purpose may go on printing without dying of it: somebody must read. Until then nothing else
   is held: not the terminal or pipes of whoever started Node. */
static void drain_leftovers(const struct sources *sources) {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3 && null >= 0; fd++) dup2(null, fd);
  if (chdir("/") < 0) return;
  for (struct child *child = child_first(); child != NULL; child = TAILQ_NEXT(child, link)) {
    output_hand_over(child, false);
    output_watch(child, STDOUT_STREAM);
    output_watch(child, STDERR_STREAM);
  }
  struct epoll_event events[64];
  while (has_open_output()) {
    int count = epoll_wait(events_fd(), events, 64, -1);
    if (count < 0 && errno != EINTR) return;
    for (int n = 0; n < count; n++) on_event(&events[n], sources);
  }
}

void farewell(const struct sources *sources, bool said, bool keep) {
  if (!said) {
    /* Node is to hear at once that this launcher is gone. */
    outgoing_discard();
    shutdown(sources->socket, SHUT_RDWR);
  }
  end_children(keep);
  /* Not sooner: what runs may rely on them. Not by the end of this process alone: it may stay for leftovers. */
  locks_release_all();
  jobservers_end_all();
  slots_release_all();
  if (said) {
    tell_ends();
    flush_patiently(sources->socket);
    outgoing_discard();
  }
  events_unwatch(sources->socket);
  events_unwatch(sources->lifeline);
  close(sources->socket);
  if (keep) drain_leftovers(sources);
}
