#define _GNU_SOURCE
#include "launcher.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"
#include "dispatch.h"
#include "environment.h"
#include "events.h"
#include "exits.h"
#include "farewell.h"
#include "fresh.h"
#include "incoming.h"
#include "input.h"
#include "jobservers.h"
#include "locks.h"
#include "outgoing.h"
#include "output.h"
#include "patience.h"
#include "places.h"
#include "processes.h"
#include "requests.h"
#include "slots.h"
#include "starts.h"
#include "watch.h"

#define EVENTS 256
/* So many starts, and then the children that run get their turn. */
#define STARTS_A_ROUND 8

static struct {
  int socket;
  int signals;
  int lifeline;
  bool reap;
  bool node_gone;
  bool asked_to_close;
  bool backlog;
  bool socket_wants_room;
} self;

static void on_source(enum source source, uint32_t events) {
  struct signalfd_siginfo info;
  switch (source) {
    case SOURCE_SOCKET:
      /* With frames still to be handled, the next ones may wait in the socket. */
      if ((events & ~(uint32_t)EPOLLOUT) == 0 || self.backlog) return;
      if (incoming_read(self.socket) == INCOMING_GONE) self.node_gone = true;
      self.backlog = true;
      return;
    case SOURCE_SIGNALS:
      while (read(self.signals, &info, sizeof info) < 0 && errno == EINTR) continue;
      self.reap = true;
      return;
    case SOURCE_GUARDIAN:
      self.node_gone = true;
      return;
    case SOURCE_SLOTS:
      slots_on_change();
      return;
    default:
      jobservers_on_readable((uint32_t)source - SOURCE_FIRST_JOBSERVER);
  }
}

static void on_event(const struct epoll_event *event) {
  uint64_t tag = event->data.u64;
  int stream = (int)(tag & 3);
  uint32_t slot = (uint32_t)tag >> 2;
  if (stream == TAG_SOURCE) return on_source((enum source)slot, event->events);
  struct child *child = child_by_slot(slot, (uint32_t)(tag >> 32));
  if (child == NULL) return;
  if (stream != STDIN_STREAM) return output_on_readable(child, stream);
  input_on_event(child);
  child_release_if_done(child);
}

static void handle_frames(void) {
  struct frame frame;
  int starts = 0;
  places_heard();
  while (starts < STARTS_A_ROUND && !self.asked_to_close) {
    enum frame_status status = incoming_next(&frame);
    if (status == FRAME_PARTIAL) {
      self.backlog = false;
      return;
    }
    if (status == FRAME_BAD || !dispatch_frame(&frame)) {
      self.node_gone = true;
      self.backlog = false;
      return;
    }
    if (frame.type == FRAME_START) starts += 1;
    if (frame.type == FRAME_CLOSE) self.asked_to_close = true;
  }
}

/* While Node does not read, children's pipes are left alone; only what does not add to the pile is waited for. */
static void wait_for_node(int timeout) {
  struct pollfd watched[] = {
      {.fd = self.socket, .events = POLLIN | POLLOUT},
      {.fd = self.signals, .events = POLLIN},
      {.fd = self.lifeline, .events = POLLIN},
  };
  if (poll(watched, 3, timeout) <= 0) return;
  for (int n = 0; n < 3; n++) {
    if (watched[n].revents == 0) continue;
    uint32_t events = (watched[n].revents & ~POLLOUT) != 0 ? EPOLLIN : EPOLLOUT;
    on_source((enum source)n, events);
  }
}

static bool wait_for_events(int timeout) {
  static struct epoll_event events[EVENTS];
  if (outgoing_is_full()) {
    wait_for_node(timeout);
    return true;
  }
  int count = epoll_wait(events_fd(), events, EVENTS, timeout);
  if (count < 0 && errno != EINTR) return false;
  for (int n = 0; n < count; n++) on_event(&events[n]);
  return true;
}

static void flush(void) {
  if (!outgoing_is_urgent()) return;
  if (!outgoing_flush()) self.node_gone = true;
  bool wants_room = !outgoing_is_empty();
  if (wants_room == self.socket_wants_room) return;
  self.socket_wants_room = wants_room;
  events_change_source(SOURCE_SOCKET, self.socket, wants_room ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static bool holds_anything(void) { return locks_any() || jobservers_any() || slots_any(); }

/* As a subreaper, this process has children as long as any descendant is left. */
static bool is_retired(void) {
  if (!starts_are_refused() || self.backlog || child_count() > 0 || places_any_waits() || holds_anything() || !outgoing_is_empty()) return false;
  return waitid(P_ALL, 0, NULL, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

/* Of two timeouts, of which -1 is none. */
static int sooner(int one, int other) {
  if (one < 0 || other < 0) return one < 0 ? other : one;
  return one < other ? one : other;
}

static void serve(void) {
  int timeout = -1;
  while (!self.node_gone && !self.asked_to_close && !is_retired()) {
    if (!wait_for_events(self.backlog ? 0 : timeout)) return;
    if (self.backlog) handle_frames();
    if (self.reap) {
      self.reap = false;
      exits_reap();
    }
    if (!places_settle(dispatch_frame)) self.node_gone = true;
    watch_look();
    requests_run();
    if (!self.backlog && patience_is_over()) self.node_gone = true;
    timeout = sooner(sooner(fresh_settle(), locks_retry()), sooner(jobservers_retry(), slots_retry()));
    timeout = sooner(sooner(timeout, watch_left_ms()), patience_left_ms());
    flush();
  }
}

static bool begin(void) {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  self.signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  return self.signals >= 0 && events_begin() && starts_begin() && processes_begin() &&
         events_add_source(SOURCE_SOCKET, self.socket, EPOLLIN) &&
         events_add_source(SOURCE_SIGNALS, self.signals, EPOLLIN) &&
         events_add_source(SOURCE_GUARDIAN, self.lifeline, EPOLLIN);
}

int launcher_run(int socket, int lifeline, bool keep) {
  self.socket = socket;
  self.lifeline = lifeline;
  outgoing_begin(socket);
  environment_begin(environ);
  if (!begin()) return 70;
  outgoing_frame(FRAME_READY, 0, 0, (uint32_t[]){PROTOCOL_VERSION, (uint32_t)getpid()}, 2);
  if (!outgoing_flush()) self.node_gone = true;
  serve();
  struct sources sources = {.socket = socket, .signals = self.signals, .lifeline = lifeline};
  farewell(&sources, self.asked_to_close && !self.node_gone, keep);
  return 0;
}
