#define _GNU_SOURCE
#include "locks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "events.h"
#include "memory.h"
#include "outgoing.h"

/* The kernel can wait for a lock only by blocking the one thread there is. */
#define RETRY_US 20000

struct lock {
  uint32_t number;
  int fd;
  dev_t device;
  ino_t inode;
  bool shared;
  /* Of Node, for whoever finds the file locked. */
  uint32_t holder;
  TAILQ_ENTRY(lock) link;
};

TAILQ_HEAD(lock_list, lock);

static struct lock_list held = TAILQ_HEAD_INITIALIZER(held);
/* In the order in which they came. */
static struct lock_list waiting = TAILQ_HEAD_INITIALIZER(waiting);
static uint64_t retry_at_us;

static struct lock *find(struct lock_list *list, uint32_t number) {
  struct lock *lock;
  TAILQ_FOREACH(lock, list, link) if (lock->number == number) return lock;
  return NULL;
}

static void drop(struct lock_list *list, struct lock *lock) {
  TAILQ_REMOVE(list, lock, link);
  close(lock->fd);
  free(lock);
}

/* The pid is there for messages only: a lock whose file cannot be written is a lock. */
static void write_holder(const struct lock *lock) {
  char text[16];
  int length = snprintf(text, sizeof text, "%u\n", lock->holder);
  if (ftruncate(lock->fd, 0) < 0 || pwrite(lock->fd, text, (size_t)length, 0) != length) return;
}

static uint32_t read_holder(int fd) {
  char text[16];
  ssize_t length = pread(fd, text, sizeof text - 1, 0);
  if (length <= 0) return 0;
  text[length] = '\0';
  char *end;
  unsigned long pid = strtoul(text, &end, 10);
  return *end == '\n' && pid <= INT32_MAX ? (uint32_t)pid : 0;
}

/* 0, EAGAIN when somebody else has it, or what else the system says. */
static int try_lock(const struct lock *lock) {
  struct flock whole = {.l_type = lock->shared ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET};
  if (fcntl(lock->fd, F_OFD_SETLK, &whole) == 0) {
    write_holder(lock);
    return 0;
  }
  return errno == EACCES ? EAGAIN : errno;
}

static bool is_behind_another(const struct lock *lock) {
  struct lock *other;
  TAILQ_FOREACH(other, &waiting, link) {
    if (other == lock) return false;
    if (other->device == lock->device && other->inode == lock->inode) return true;
  }
  return false;
}

/* The errno, or 0. */
static int open_lock(struct lock *lock, const char *path) {
  struct stat status;
  lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
  if (lock->fd < 0) return errno;
  if (fstat(lock->fd, &status) < 0) return errno;
  lock->device = status.st_dev;
  lock->inode = status.st_ino;
  /* The pid is written into it. */
  return S_ISREG(status.st_mode) ? 0 : EINVAL;
}

static void tell_failure(const struct lock *lock, int error) {
  uint32_t holder = error == EAGAIN ? read_holder(lock->fd) : 0;
  outgoing_frame(FRAME_LOCK_FAILED, 0, lock->number, (uint32_t[]){(uint32_t)error, holder}, 2);
}

/* Takes the lock over into a list, or tells why not and closes its file. */
static void settle(const struct lock *wanted, int error, bool wait) {
  if (error != 0 && !(error == EAGAIN && wait)) {
    tell_failure(wanted, error);
    if (wanted->fd >= 0) close(wanted->fd);
    return;
  }
  struct lock *lock = must_resize(NULL, sizeof *lock);
  *lock = *wanted;
  if (error == 0) {
    TAILQ_INSERT_TAIL(&held, lock, link);
    outgoing_frame(FRAME_LOCKED, 0, lock->number, NULL, 0);
    return;
  }
  if (TAILQ_EMPTY(&waiting)) retry_at_us = now_us() + RETRY_US;
  TAILQ_INSERT_TAIL(&waiting, lock, link);
}

bool locks_on_lock_frame(const struct frame *frame) {
  struct cursor cursor = cursor_of(frame);
  struct lock lock = {.number = frame->number, .fd = -1, .shared = (frame->flags & LOCK_SHARED) != 0};
  lock.holder = take_u32(&cursor);
  const char *path = take_text(&cursor);
  if (cursor.bad || cursor.at != cursor.end || (frame->flags & ~(LOCK_SHARED | LOCK_WAIT)) != 0) return false;
  if (find(&held, lock.number) != NULL || find(&waiting, lock.number) != NULL) return false;
  int error = cursor.nul ? EINVAL : open_lock(&lock, path);
  if (error == 0) error = is_behind_another(&lock) ? EAGAIN : try_lock(&lock);
  settle(&lock, error, (frame->flags & LOCK_WAIT) != 0);
  return true;
}

/* A pid that is not there any more must not be found while the next holder has not written its own. */
static void release(struct lock *lock) {
  if (!lock->shared && ftruncate(lock->fd, 0) < 0) lock->holder = 0;
  drop(&held, lock);
}

/* Answered in any case: Node may withdraw what has failed meanwhile. */
bool locks_on_unlock_frame(const struct frame *frame) {
  if (frame->length != 0) return false;
  struct lock *lock = find(&held, frame->number);
  if (lock != NULL) {
    release(lock);
    /* Whoever waits here does not wait for the timer. */
    retry_at_us = 0;
  } else if ((lock = find(&waiting, frame->number)) != NULL) {
    drop(&waiting, lock);
  }
  outgoing_frame(FRAME_UNLOCKED, 0, frame->number, NULL, 0);
  return true;
}

static void retry_all(void) {
  for (struct lock *lock = TAILQ_FIRST(&waiting), *next; lock != NULL; lock = next) {
    next = TAILQ_NEXT(lock, link);
    int error = is_behind_another(lock) ? EAGAIN : try_lock(lock);
    if (error == EAGAIN) continue;
    if (error != 0) {
      tell_failure(lock, error);
      drop(&waiting, lock);
      continue;
    }
    TAILQ_REMOVE(&waiting, lock, link);
    TAILQ_INSERT_TAIL(&held, lock, link);
    outgoing_frame(FRAME_LOCKED, 0, lock->number, NULL, 0);
  }
}

int locks_retry(void) {
  if (TAILQ_EMPTY(&waiting)) return -1;
  uint64_t now = now_us();
  if (now >= retry_at_us) {
    retry_all();
    if (TAILQ_EMPTY(&waiting)) return -1;
    retry_at_us = now + RETRY_US;
  }
  return (int)((retry_at_us - now + 999) / 1000);
}

bool locks_any(void) { return !TAILQ_EMPTY(&held) || !TAILQ_EMPTY(&waiting); }

void locks_release_all(void) {
  while (!TAILQ_EMPTY(&waiting)) drop(&waiting, TAILQ_FIRST(&waiting));
  while (!TAILQ_EMPTY(&held)) release(TAILQ_FIRST(&held));
}
