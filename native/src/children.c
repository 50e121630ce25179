#define _GNU_SOURCE
#include "children.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "events.h"
#include "memory.h"
#include "pipes.h"
#include "places.h"
#include "running.h"
#include "watch.h"

static struct child_list all = TAILQ_HEAD_INITIALIZER(all);
static struct child_list unused = TAILQ_HEAD_INITIALIZER(unused);
/* Programs may give each child a scope of its own. */
#define SCOPE_BUCKETS 1024
static LIST_HEAD(, scope) scopes[SCOPE_BUCKETS];
static struct child **slots;
static uint32_t slot_count;
static size_t count;
static struct child **by_number;
static struct child **by_pid;
static size_t buckets;

static size_t bucket_of(uint32_t key) { return (key * 2654435761u) & (buckets - 1); }

static void link_child(struct child *child) {
  struct child **number_bucket = &by_number[bucket_of(child->number)];
  child->next_by_number = *number_bucket;
  *number_bucket = child;
  struct child **pid_bucket = &by_pid[bucket_of((uint32_t)child->pid)];
  child->next_by_pid = *pid_bucket;
  *pid_bucket = child;
}

static void unlink_child(struct child *child) {
  struct child **at = &by_number[bucket_of(child->number)];
  while (*at != child) at = &(*at)->next_by_number;
  *at = child->next_by_number;
  at = &by_pid[bucket_of((uint32_t)child->pid)];
  while (*at != child) at = &(*at)->next_by_pid;
  *at = child->next_by_pid;
}

static void grow_buckets(void) {
  buckets = buckets == 0 ? 256 : buckets * 2;
  by_number = must_resize(by_number, buckets * sizeof *by_number);
  by_pid = must_resize(by_pid, buckets * sizeof *by_pid);
  memset(by_number, 0, buckets * sizeof *by_number);
  memset(by_pid, 0, buckets * sizeof *by_pid);
  struct child *child;
  TAILQ_FOREACH(child, &all, link) link_child(child);
}

static uint64_t ticks_since_boot(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  uint64_t a_second = (uint64_t)sysconf(_SC_CLK_TCK);
  return (uint64_t)now.tv_sec * a_second + (uint64_t)now.tv_nsec * a_second / 1000000000u;
}

static size_t scope_bucket_of(const char *name) {
  size_t hash = 5381;
  for (; *name != '\0'; name++) hash = hash * 33 + (unsigned char)*name;
  return hash % SCOPE_BUCKETS;
}

static struct scope *find_scope(const char *name) {
  struct scope *scope;
  LIST_FOREACH(scope, &scopes[scope_bucket_of(name)], link) if (strcmp(scope->name, name) == 0) return scope;
  return NULL;
}

uint64_t scope_began(const char *name) {
  const struct scope *scope = find_scope(name);
  return scope == NULL ? 0 : scope->began;
}

static struct scope *enter_scope(const char *name) {
  struct scope *scope = find_scope(name);
  if (scope == NULL) {
    scope = must_resize(NULL, sizeof *scope);
    *scope = (struct scope){.name = must_copy(name), .began = ticks_since_boot()};
    LIST_INSERT_HEAD(&scopes[scope_bucket_of(name)], scope, link);
  }
  scope->children += 1;
  return scope;
}

static void leave_scope(struct scope *scope) {
  scope->children -= 1;
  if (scope->children > 0) return;
  LIST_REMOVE(scope, link);
  free(scope->name);
  free(scope);
}

static struct child *take_slot(void) {
  struct child *child = TAILQ_FIRST(&unused);
  if (child != NULL) {
    TAILQ_REMOVE(&unused, child, link);
    return child;
  }
  if ((slot_count & (slot_count - 1)) == 0) {
    slots = must_resize(slots, (slot_count == 0 ? 1 : slot_count * 2) * sizeof *slots);
  }
  child = must_resize(NULL, sizeof *child);
  *child = (struct child){.slot = slot_count};
  slots[slot_count] = child;
  slot_count += 1;
  return child;
}

struct child *child_add(uint32_t number, pid_t pid, const char *scope) {
  /* The number is free again, so what an ended child had left behind is gone. */
  struct child *namesake = child_by_pid(pid);
  if (namesake != NULL && namesake->ghost) {
    namesake->ghost = false;
    child_release_if_done(namesake);
  }
  if (count >= buckets) grow_buckets();
  struct child *child = take_slot();
  uint32_t slot = child->slot;
  uint32_t generation = child->generation + 1;
  *child = (struct child){.number = number, .slot = slot, .generation = generation, .pid = pid, .running = true, .began_us = now_us()};
  child->input.fd = -1;
  child->input.last = &child->input.first;
  for (int n = 0; n < 3; n++) child->outputs[n].fd = -1;
  child->scope = enter_scope(scope);
  TAILQ_INSERT_TAIL(&all, child, link);
  link_child(child);
  count += 1;
  running_set(slot, pid);
  return child;
}

struct child *child_by_number(uint32_t number) {
  if (buckets == 0) return NULL;
  struct child *child = by_number[bucket_of(number)];
  while (child != NULL && child->number != number) child = child->next_by_number;
  return child;
}

struct child *child_by_pid(pid_t pid) {
  if (buckets == 0) return NULL;
  struct child *child = by_pid[bucket_of((uint32_t)pid)];
  /* One that has ended keeps its place while a stream is open; its number may have a new owner. */
  while (child != NULL && (child->pid != pid || (!child->running && !child->ghost))) child = child->next_by_pid;
  return child;
}

struct child *child_by_slot(uint32_t slot, uint32_t generation) {
  if (slot >= slot_count || slots[slot]->generation != generation || slots[slot]->scope == NULL) return NULL;
  return slots[slot];
}

void child_release_if_done(struct child *child) {
  if (child->running || child->ghost || child->fresh || child->input.fd >= 0) return;
  if (child->outputs[STDOUT_STREAM].fd >= 0 || child->outputs[STDERR_STREAM].fd >= 0) return;
  pipes_forget(child);
  watch_forget(child);
  places_pass_on(child->number);
  unlink_child(child);
  leave_scope(child->scope);
  child->scope = NULL;
  TAILQ_REMOVE(&all, child, link);
  TAILQ_INSERT_HEAD(&unused, child, link);
  count -= 1;
}

struct child *child_first(void) { return TAILQ_FIRST(&all); }

size_t child_count(void) { return count; }
