#define _GNU_SOURCE
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIECE (128 * 1024)
#define FAILED 70

/* One way: what has been read and not been written yet. */
struct way {
  int from;
  int to;
  size_t begin;
  size_t end;
  uint8_t bytes[PIECE];
};

static bool is_empty(const struct way *way) { return way->begin == way->end; }

/* False at the end. */
static bool take(struct way *way) {
  ssize_t got = read(way->from, way->bytes, PIECE);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  way->begin = 0;
  way->end = (size_t)got;
  return got > 0;
}

/* False when nobody takes it any more. */
static bool pass(struct way *way) {
  while (!is_empty(way)) {
    ssize_t put = write(way->to, way->bytes + way->begin, way->end - way->begin);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno == EAGAIN;
    way->begin += (size_t)put;
  }
  return true;
}

static bool is_gone(short events) {
  return (events & (POLLERR | POLLNVAL)) != 0 || (events & (POLLHUP | POLLIN)) == POLLHUP;
}

/* Until the connection is gone, or the halves are and all that they have said is passed on. */
static void pump(struct way *in, struct way *out) {
  while (true) {
    bool reads = is_empty(in), listens = is_empty(out);
    short wanted = (short)((listens ? POLLIN : 0) | (reads ? 0 : POLLOUT));
    struct pollfd watched[] = {
        {.fd = in->from, .events = reads ? POLLIN : 0},
        {.fd = out->to, .events = listens ? 0 : POLLOUT},
        /* Not at all where nothing is wanted: that it has ended would be told again and again. */
        {.fd = wanted == 0 ? -1 : out->from, .events = wanted},
    };
    if (poll(watched, 3, -1) < 0) {
      if (errno == EINTR) continue;
      return;
    }
    if (is_gone(watched[0].revents) || is_gone(watched[1].revents)) return;
    if (reads && watched[0].revents != 0 && !take(in)) return;
    if (listens && watched[2].revents != 0 && (watched[2].revents & ~POLLOUT) != 0 && !take(out)) return;
    /* What halves that have ended were to be told is of no use; what they have said is. */
    if (!pass(in)) in->begin = in->end;
    if (!pass(out)) return;
  }
}

static bool never_wait(int fd) {
  int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

static int relay(int socket, pid_t halves) {
  static struct way in, out;
  in.from = STDIN_FILENO;
  in.to = out.from = socket;
  out.to = STDOUT_FILENO;
  prctl(PR_SET_NAME, "drover-relay", 0, 0, 0);
  if (never_wait(STDIN_FILENO) && never_wait(STDOUT_FILENO) && never_wait(socket)) pump(&in, &out);
  /* This ends the halves, if they have not ended by themselves; the connection is kept until nothing is left. */
  close(socket);
  int status = 0;
  while (waitpid(halves, &status, 0) < 0) {
    if (errno != EINTR) return FAILED;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
}

/* Nothing that is started may hold the connection open, or write into it. */
static bool leave_connection(void) {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0 || setsid() < 0) return false;
  for (int fd = 0; fd < 3; fd++) {
    if (dup2(null, fd) < 0) return false;
  }
  return null < 3 || close(null) == 0;
}

int relay_before(int as) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return FAILED;
  pid_t halves = fork();
  if (halves < 0) return FAILED;
  if (halves > 0) {
    close(ends[1]);
    return relay(ends[0], halves);
  }
  close(ends[0]);
  if (ends[1] != as && (dup2(ends[1], as) < 0 || close(ends[1]) < 0)) return FAILED;
  return leave_connection() ? RELAY_GO_ON : FAILED;
}
