#define _GNU_SOURCE
#include "jobservers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <unistd.h>

#include "events.h"
#include "memory.h"
#include "outgoing.h"
#include "token-accounts.h"
#include "token-pipes.h"

/* Several at once are tried for, since the kernel can only say that there is one. */
#define RETRY_US 10000

struct jobserver {
  uint32_t number;
  struct token_pipe pipe;
  uint32_t wanted;
  bool watched;
  /* 0 when it is not tried again by the clock. */
  uint64_t retry_at_us;
  struct token_account *account;
  TAILQ_ENTRY(jobserver) link;
};

TAILQ_HEAD(jobserver_list, jobserver);
static struct jobserver_list all = TAILQ_HEAD_INITIALIZER(all);

static struct jobserver *find(uint32_t number) {
  struct jobserver *jobserver;
  TAILQ_FOREACH(jobserver, &all, link) if (jobserver->number == number) return jobserver;
  return NULL;
}

static enum source source_of(const struct jobserver *jobserver) {
  return (enum source)(SOURCE_FIRST_JOBSERVER + jobserver->number);
}

static void watch(struct jobserver *jobserver, bool wanted) {
  if (jobserver->watched == wanted) return;
  if (wanted && !events_add_source(source_of(jobserver), jobserver->pipe.read_fd, EPOLLIN)) {
    /* Then the clock does it. */
    jobserver->retry_at_us = now_us() + RETRY_US;
    return;
  }
  if (!wanted) events_unwatch(jobserver->pipe.read_fd);
  jobserver->watched = wanted;
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

/* All that is wanted, or nothing: who keeps some while it waits for more may wait for one that does the same. */
static void try_to_take(struct jobserver *jobserver) {
  static uint8_t bytes[MOST_TOKENS];
  uint32_t wanted = jobserver->wanted;
  jobserver->retry_at_us = 0;
  ssize_t count = read(jobserver->pipe.read_fd, bytes, wanted);
  if (count < 0 && errno != EAGAIN && errno != EINTR) {
    jobserver->wanted = 0;
    watch(jobserver, false);
    return tell(jobserver, FRAME_JOBSERVER_LOST, (uint32_t)errno);
  }
  if (count == (ssize_t)wanted) {
    token_account_note(jobserver->account, bytes, wanted);
    jobserver->wanted = 0;
    watch(jobserver, false);
    return tell_tokens(jobserver, bytes, wanted);
  }
  if (count > 0) token_pipe_put(&jobserver->pipe, bytes, (size_t)count);
  if (wanted == 1) return watch(jobserver, true);
  watch(jobserver, false);
  /* Not in step with others that do the same. */
  jobserver->retry_at_us = now_us() + RETRY_US + (uint64_t)getpid() % 7 * 1000;
}

static bool on_open(const struct frame *frame) {
  struct cursor cursor = cursor_of(frame);
  const char *read_path = take_text(&cursor);
  const char *write_path = take_text(&cursor);
  if (cursor.bad || cursor.at != cursor.end || (frame->flags & ~JOBSERVER_CREATE) != 0) return false;
  if (find(frame->number) != NULL) return false;
  struct jobserver opened = {.number = frame->number, .pipe = {.read_fd = -1, .write_fd = -1}};
  bool create = (frame->flags & JOBSERVER_CREATE) != 0;
  int error = cursor.nul ? EINVAL : token_pipe_open(&opened.pipe, read_path, write_path, create);
  if (error == 0) {
    opened.account = token_account_open(write_path, create);
    if (opened.account == NULL) error = ENOSPC;
  }
  if (error != 0) {
    token_pipe_close(&opened.pipe);
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
  token_account_close(jobserver->account, &jobserver->pipe);
  watch(jobserver, false);
  token_pipe_close(&jobserver->pipe);
  TAILQ_REMOVE(&all, jobserver, link);
  free(jobserver);
}

static bool on_want(struct jobserver *jobserver, uint32_t wanted) {
  if (wanted > MOST_TOKENS) return false;
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
  token_account_forget(jobserver->account, frame->payload, frame->length);
  token_pipe_put(&jobserver->pipe, frame->payload, frame->length);
}

/* What is in it is nobody's. */
static void on_drain(struct jobserver *jobserver) {
  token_pipe_empty(&jobserver->pipe);
  token_account_forget_all(jobserver->account);
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
      if (frame->length > MOST_TOKENS) return false;
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
