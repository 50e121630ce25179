#include "environment.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

static struct {
  char **inherited;
  char *outer_mark;
  char **base;
  size_t base_count;
  /* Copies of what a change had set. */
  char **owned;
  size_t owned_count;
  char **scratch;
  size_t scratch_capacity;
  char *mark;
  size_t mark_capacity;
} env;

static size_t name_length(const char *entry) {
  const char *equals = strchr(entry, '=');
  return equals == NULL ? strlen(entry) : (size_t)(equals - entry);
}

static bool has_name(const char *entry, const char *name, size_t length) {
  return strncmp(entry, name, length) == 0 && (entry[length] == '=' || entry[length] == '\0');
}

static bool is_named_by(const char *entry, char **names, uint32_t count) {
  for (uint32_t n = 0; n < count; n++) {
    if (has_name(entry, names[n], name_length(names[n]))) return true;
  }
  return false;
}

static bool is_mark(const char *entry) { return has_name(entry, TREE_VARIABLE, strlen(TREE_VARIABLE)); }

static void add_to_base(char *entry) {
  if (is_mark(entry)) return;
  env.base[env.base_count] = entry;
  env.base_count += 1;
}

void environment_begin(char **inherited) {
  env.inherited = inherited;
  const char *outer = getenv(TREE_VARIABLE);
  env.outer_mark = must_copy(outer == NULL ? "" : outer);
  environment_change(&(struct environment_change){0});
}

const char *environment_outer_mark(void) { return env.outer_mark; }

void environment_change(const struct environment_change *change) {
  for (size_t n = 0; n < env.owned_count; n++) free(env.owned[n]);
  env.owned_count = 0;
  env.owned = must_resize(env.owned, (change->set_count + 1) * sizeof *env.owned);
  size_t inherited = 0;
  while (env.inherited[inherited] != NULL) inherited += 1;
  env.base = must_resize(env.base, (inherited + change->set_count + 1) * sizeof *env.base);
  env.base_count = 0;
  for (size_t n = 0; n < inherited; n++) {
    char *entry = env.inherited[n];
    if (is_named_by(entry, change->set, change->set_count)) continue;
    if (is_named_by(entry, change->removed, change->removed_count)) continue;
    add_to_base(entry);
  }
  for (uint32_t n = 0; n < change->set_count; n++) {
    env.owned[n] = must_copy(change->set[n]);
    env.owned_count += 1;
    add_to_base(env.owned[n]);
  }
}

static char *mark_for(const char *scope, uint32_t number) {
  size_t needed = strlen(TREE_VARIABLE) + strlen(env.outer_mark) + strlen(scope) + 32;
  if (needed > env.mark_capacity) {
    env.mark = must_resize(env.mark, needed);
    env.mark_capacity = needed;
  }
  const char *slash = env.outer_mark[0] == '\0' ? "" : "/";
  snprintf(env.mark, env.mark_capacity, TREE_VARIABLE "=%s%s%s.%u", env.outer_mark, slash, scope, number);
  return env.mark;
}

char **environment_for(const struct start *start, uint32_t number, const char **path) {
  size_t needed = env.base_count + start->set_count + 2;
  if (needed > env.scratch_capacity) {
    env.scratch = must_resize(env.scratch, needed * sizeof *env.scratch);
    env.scratch_capacity = needed;
  }
  char **end = env.scratch;
  /* First, so that whoever looks for it in /proc finds it soon. */
  *end++ = mark_for(start->scope, number);
  bool changed = start->set_count + start->removed_count > 0;
  for (size_t n = 0; n < env.base_count; n++) {
    char *entry = env.base[n];
    if (changed && is_named_by(entry, start->set, start->set_count)) continue;
    if (changed && is_named_by(entry, start->removed, start->removed_count)) continue;
    *end++ = entry;
  }
  for (uint32_t n = 0; n < start->set_count; n++) {
    if (!is_mark(start->set[n])) *end++ = start->set[n];
  }
  *end = NULL;
  *path = NULL;
  for (char **entry = env.scratch; *entry != NULL; entry++) {
    if (has_name(*entry, "PATH", 4) && (*entry)[4] == '=') *path = *entry + 5;
  }
  return env.scratch;
}
