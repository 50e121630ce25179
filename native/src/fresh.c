#include "fresh.h"

#include "events.h"
#include "input.h"
#include "outgoing.h"
#include "output.h"

#define MOMENT_US 3000

static struct child_list fresh = TAILQ_HEAD_INITIALIZER(fresh);

void fresh_add(struct child *child) {
  child->fresh = true;
  child->fresh_until_us = now_us() + MOMENT_US;
  TAILQ_INSERT_TAIL(&fresh, child, fresh_link);
}

void fresh_remove(struct child *child) {
  if (!child->fresh) return;
  child->fresh = false;
  TAILQ_REMOVE(&fresh, child, fresh_link);
}

int fresh_settle(void) {
  if (TAILQ_EMPTY(&fresh)) return -1;
  uint64_t now = now_us();
  struct child *child;
  while ((child = TAILQ_FIRST(&fresh)) != NULL) {
    if (child->fresh_until_us > now) return (int)((child->fresh_until_us - now + 999) / 1000);
    fresh_remove(child);
    output_watch(child, STDOUT_STREAM);
    output_watch(child, STDERR_STREAM);
    input_watch(child);
    outgoing_hurry();
  }
  return -1;
}
