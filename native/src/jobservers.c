#define _GNU_SOURCE
#include "jobservers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "events.h"
#include "memory.h"
#include "outgoing.h"

/* Several at once are tried for, since the kernel can only say that there is one. */
#define RETRY_US 10000
#define MOST_WANTED 4096

/* What a jobserver is known by, and what was taken from it, where the guardian sees it too. */
struct account {
  volatile bool used;
  bool created;
  char path[256];
  volatile uint32_t held_count;
  uint8_t held[MOST_WANTED];
};

#define ACCOUNTS 16
static struct account *accounts;

struct jobserver {
  uint32_t number;
  int read_fd;
  int write_fd;
  uint32_t wanted;
  bool watched;
  /* 0 when it is not tried again by the clock. */
  uint64_t retry_at_us;
  struct account *account;
  TAILQ_ENTRY(jobserver) link;
};

TAILQ_HEAD(jobserver_list, jobserver);
static struct jobserver_list all = TAILQ_HEAD_INITIALIZER(all);

bool jobservers_share(void) {
  size_t bytes = sizeof *accounts * ACCOUNTS;
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  accounts = memory;
  return true;
}

static struct jobserver *find(uint32_t number) {
  struct jobserver *jobserver;
  TAILQ_FOREACH(jobserver, &all, link) if (jobserver->number == number) return jobserver;
  return NULL;
}

static struct account *open_account(const char *write_path, bool created) {
  if (accounts == NULL || strlen(write_path) >= sizeof accounts->path) return NULL;
  for (int n = 0; n < ACCOUNTS; n++) {
    struct account *account = &accounts[n];
    if (account->used) continue;
    strcpy(account->path, write_path);
    account->created = created;
    account->held_count = 0;
    account->used = true;
    return account;
  }
  return NULL;
}

static enum source source_of(const struct jobserver *jobserver) {
  return (enum source)(SOURCE_FIRST_JOBSERVER + jobserver->number);
}

static void watch(struct jobserver *jobserver, bool wanted) {
  if (jobserver->watched == wanted) return;
  if (wanted && !events_add_source(source_of(jobserver), jobserver->read_fd, EPOLLIN)) {
    /* Then the clock does it. */
    jobserver->retry_at_us = now_us() + RETRY_US;
    return;
  }
  if (!wanted) events_unwatch(jobserver->read_fd);
  jobserver->watched = wanted;
}

static void put(const struct jobserver *jobserver, const uint8_t *bytes, size_t count) {
  while (count > 0) {
    ssize_t written = write(jobserver->write_fd, bytes, count);
    /* Full it cannot be: no jobserver has as many tokens as a pipe has room. */
    if (written < 0 && errno != EINTR) return;
    if (written < 0) continue;
    bytes += written;
    count -= (size_t)written;
  }
}

static void tell(const struct jobserver *jobserver, uint16_t type, uint32_t error) {
  outgoing_frame(type, 0, jobserver->number, &error, 1);
  outgoing_hurry();
}

static void tell_tokens(const struct jobserver *jobserver, const uint8_t *bytes, size_t count) {
  memcpy(outgoing_reserve(count), bytes, count);
  outgoing_commit(FRAME_TOKENS, 0, jobserver->number, count);
  outgoing_hurry();
}

/* A token that was read is noted at once: only what is noted comes back. */
static void hold(struct account *account, const uint8_t *bytes, size_t count) {
  for (size_t n = 0; n < count && account->held_count < MOST_WANTED; n++) {
    account->held[account->held_count] = bytes[n];
    account->held_count += 1;
  }
}

static void forget_one(struct account *account, uint8_t byte) {
  for (uint32_t n = 0; n < account->held_count; n++) {
    if (account->held[n] != byte) continue;
    account->held_count -= 1;
    account->held[n] = account->held[account->held_count];
    return;
  }
}

/* All that is wanted, or nothing: who keeps some while it waits for more may wait for one that does the same. */
static void try_to_take(struct jobserver *jobserver) {
  static uint8_t bytes[MOST_WANTED];
  uint32_t wanted = jobserver->wanted;
  jobserver->retry_at_us = 0;
  ssize_t count = read(jobserver->read_fd, bytes, wanted);
  if (count < 0 && errno != EAGAIN && errno != EINTR) {
    jobserver->wanted = 0;
    watch(jobserver, false);
    return tell(jobserver, FRAME_JOBSERVER_LOST, (uint32_t)errno);
  }
  if (count == (ssize_t)wanted) {
    hold(jobserver->account, bytes, wanted);
    jobserver->wanted = 0;
    watch(jobserver, false);
    return tell_tokens(jobserver, bytes, wanted);
  }
  if (count > 0) put(jobserver, bytes, (size_t)count);
  if (wanted == 1) return watch(jobserver, true);
  watch(jobserver, false);
  /* Not in step with others that do the same. */
  jobserver->retry_at_us = now_us() + RETRY_US + (uint64_t)getpid() % 7 * 1000;
}

static int open_fifo(const char *path, int flags) {
  int fd = open(path, flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return -1;
  struct stat status;
  if (fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode)) return fd;
  close(fd);
  errno = EINVAL;
  return -1;
}

/* The errno, or 0. Nobody else's descriptors are touched: both are opened anew. */
static int open_pipe(struct jobserver *jobserver, const char *read_path, const char *write_path, bool create) {
  if (create && mkfifo(read_path, 0600) < 0) return errno;
  bool is_one = strcmp(read_path, write_path) == 0;
  jobserver->read_fd = open_fifo(read_path, is_one ? O_RDWR : O_RDONLY);
  if (jobserver->read_fd < 0) return errno;
  jobserver->write_fd = is_one ? jobserver->read_fd : open_fifo(write_path, O_WRONLY);
  return jobserver->write_fd < 0 ? errno : 0;
}

static void close_pipe(struct jobserver *jobserver) {
  watch(jobserver, false);
  if (jobserver->write_fd >= 0 && jobserver->write_fd != jobserver->read_fd) close(jobserver->write_fd);
  if (jobserver->read_fd >= 0) close(jobserver->read_fd);
}

static bool on_open(const struct frame *frame) {
  struct cursor cursor = cursor_of(frame);
  const char *read_path = take_text(&cursor);
  const char *write_path = take_text(&cursor);
  if (cursor.bad || cursor.at != cursor.end || (frame->flags & ~JOBSERVER_CREATE) != 0) return false;
  if (find(frame->number) != NULL) return false;
  struct jobserver opened = {.number = frame->number, .read_fd = -1, .write_fd = -1};
  bool create = (frame->flags & JOBSERVER_CREATE) != 0;
  int error = cursor.nul ? EINVAL : open_pipe(&opened, read_path, write_path, create);
  if (error == 0) {
    opened.account = open_account(write_path, create);
    if (opened.account == NULL) error = ENOSPC;
  }
  if (error != 0) {
    close_pipe(&opened);
    if (create && error != EEXIST) unlink(read_path);
    tell(&opened, FRAME_JOBSERVER_OPENED, (uint32_t)error);
    return true;
  }
  struct jobserver *jobserver = must_resize(NULL, sizeof *jobserver);
  *jobserver = opened;
  TAILQ_INSERT_TAIL(&all, jobserver, link);
  tell(jobserver, FRAME_JOBSERVER_OPENED, 0);
  return true;
}

static void end(struct jobserver *jobserver) {
  struct account *account = jobserver->account;
  if (account->created) unlink(account->path);
  else put(jobserver, account->held, account->held_count);
  account->held_count = 0;
  account->used = false;
  close_pipe(jobserver);
  TAILQ_REMOVE(&all, jobserver, link);
  free(jobserver);
}

static bool on_want(struct jobserver *jobserver, uint32_t wanted) {
  if (wanted > MOST_WANTED) return false;
  jobserver->wanted = wanted;
  if (wanted > 0) {
    try_to_take(jobserver);
  } else {
    watch(jobserver, false);
    jobserver->retry_at_us = 0;
  }
  return true;
}

static void on_give(struct jobserver *jobserver, const struct frame *frame) {
  for (uint32_t n = 0; n < frame->length; n++) forget_one(jobserver->account, frame->payload[n]);
  put(jobserver, frame->payload, frame->length);
}

/* What is in it is nobody's. */
static void on_drain(struct jobserver *jobserver) {
  uint8_t bytes[1024];
  while (read(jobserver->read_fd, bytes, sizeof bytes) > 0) continue;
  jobserver->account->held_count = 0;
  on_want(jobserver, 0);
  tell(jobserver, FRAME_JOBSERVER_DRAINED, 0);
}

/* Node may still speak of one that it has not heard the failure of yet. */
bool jobservers_on_frame(const struct frame *frame) {
  if (frame->type == FRAME_JOBSERVER_OPEN) return on_open(frame);
  struct cursor cursor = cursor_of(frame);
  struct jobserver *jobserver = find(frame->number);
  switch (frame->type) {
    case FRAME_JOBSERVER_WANT: {
      uint32_t wanted = take_u32(&cursor);
      if (cursor.bad || cursor.at != cursor.end) return false;
      return jobserver == NULL || on_want(jobserver, wanted);
    }
    case FRAME_JOBSERVER_GIVE:
      if (frame->length > MOST_WANTED) return false;
      if (jobserver != NULL) on_give(jobserver, frame);
      return true;
    case FRAME_JOBSERVER_DRAIN:
      if (jobserver != NULL) on_drain(jobserver);
      return frame->length == 0;
    case FRAME_JOBSERVER_CLOSE:
      if (jobserver != NULL) end(jobserver);
      outgoing_frame(FRAME_JOBSERVER_CLOSED, 0, frame->number, NULL, 0);
      outgoing_hurry();
      return frame->length == 0;
    default:
      return false;
  }
}

void jobservers_on_readable(uint32_t number) {
  struct jobserver *jobserver = find(number);
  if (jobserver != NULL && jobserver->wanted > 0) try_to_take(jobserver);
}

int jobservers_retry(void) {
  uint64_t now = now_us();
  uint64_t next = 0;
  struct jobserver *jobserver;
  TAILQ_FOREACH(jobserver, &all, link) {
    if (jobserver->retry_at_us == 0) continue;
    if (now >= jobserver->retry_at_us) try_to_take(jobserver);
    if (jobserver->retry_at_us != 0 && (next == 0 || jobserver->retry_at_us < next)) next = jobserver->retry_at_us;
  }
  if (next == 0) return -1;
  return next <= now ? 0 : (int)((next - now + 999) / 1000);
}

bool jobservers_any(void) { return !TAILQ_EMPTY(&all); }

void jobservers_end_all(void) {
  while (!TAILQ_EMPTY(&all)) end(TAILQ_FIRST(&all));
}

void jobservers_give_back_for_the_dead(void) {
  for (int n = 0; accounts != NULL && n < ACCOUNTS; n++) {
    struct account *account = &accounts[n];
    if (!account->used) continue;
    if (account->created) {
      unlink(account->path);
      continue;
    }
    struct jobserver jobserver = {.write_fd = open_fifo(account->path, O_WRONLY)};
    if (jobserver.write_fd < 0) continue;
    put(&jobserver, account->held, account->held_count);
    close(jobserver.write_fd);
  }
}
