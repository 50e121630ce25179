#include "watch.h"

#include <unistd.h>

#include "events.h"
#include "frames.h"
#include "outgoing.h"
#include "owners.h"
#include "processes.h"
#include "requests.h"

/* How often is looked, unless looking would take more than a tenth of the time. */
#define INTERVAL_US 50000
#define SHARE 10

static struct child_list watched = TAILQ_HEAD_INITIALIZER(watched);
static struct processes table;
static uint64_t next_us;

void watch_add(struct child *child, const struct options *options) {
  if ((options->given & OPTION_WATCH) == 0) return;
  child->watch = (struct watch){.active = true, .most = options->most};
  if (TAILQ_EMPTY(&watched)) next_us = now_us() + INTERVAL_US;
  TAILQ_INSERT_TAIL(&watched, child, watch_link);
}

void watch_forget(struct child *child) {
  if (!child->watch.active) return;
  child->watch.active = false;
  TAILQ_REMOVE(&watched, child, watch_link);
}

static void tell(const struct child *child, enum beyond beyond, struct use use) {
  uint32_t words[] = {(uint32_t)use.bytes, (uint32_t)(use.bytes >> 32), use.processes};
  outgoing_frame(FRAME_USED, (uint16_t)beyond, child->number, words, sizeof words / sizeof *words);
}

void watch_tell_peak(const struct child *child) {
  if (child->watch.active) tell(child, BEYOND_NOTHING, child->watch.peak);
}

static void count_all(void) {
  struct child *child;
  TAILQ_FOREACH(child, &watched, watch_link) child->watch.now = (struct use){0};
  uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
  for (size_t n = 0; n < table.count; n++) {
    struct process *process = &table.list[n];
    if (process->lineage != LINEAGE_OURS || !process->alive) continue;
    const struct owner *owner = owner_of(&table, process);
    child = owner->known ? child_by_number(owner->number) : NULL;
    if (child == NULL || !child->watch.active) continue;
    child->watch.now.bytes += process->resident_pages * page;
    child->watch.now.processes += 1;
  }
}

static enum beyond beyond_of(const struct watch *watch) {
  if (watch->most.bytes > 0 && watch->now.bytes > watch->most.bytes) return BEYOND_MEMORY;
  return watch->most.processes > 0 && watch->now.processes > watch->most.processes ? BEYOND_PROCESSES : BEYOND_NOTHING;
}

static void judge(struct child *child) {
  struct watch *watch = &child->watch;
  if (watch->now.bytes > watch->peak.bytes) watch->peak.bytes = watch->now.bytes;
  if (watch->now.processes > watch->peak.processes) watch->peak.processes = watch->now.processes;
  if (watch->beyond == BEYOND_NOTHING) {
    watch->beyond = beyond_of(watch);
    if (watch->beyond == BEYOND_NOTHING) return;
    /* Before its end can be, so that Node knows what it was ended for. */
    tell(child, watch->beyond, watch->now);
    outgoing_hurry();
  }
  /* And again, if something of it is left. */
  if (watch->now.processes > 0) requests_end_tree(child);
}

void watch_look(void) {
  if (TAILQ_EMPTY(&watched)) return;
  uint64_t began = now_us();
  if (began < next_us) return;
  if (processes_scan(&table, getpid())) {
    count_all();
    struct child *child;
    TAILQ_FOREACH(child, &watched, watch_link) judge(child);
  }
  uint64_t ended = now_us();
  uint64_t pause = (ended - began) * SHARE;
  next_us = ended + (pause > INTERVAL_US ? pause : INTERVAL_US);
}

int watch_left_ms(void) {
  if (TAILQ_EMPTY(&watched)) return -1;
  uint64_t now = now_us();
  return now >= next_us ? 0 : (int)((next_us - now + 999) / 1000);
}
