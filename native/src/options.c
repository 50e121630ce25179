#define _GNU_SOURCE
#include "options.h"

#include <sys/resource.h>

#include "frames.h"
#include "spawn.h"

static const int resources[LIMITS] = {
    [LIMIT_CPU] = RLIMIT_CPU,   [LIMIT_FILE_SIZE] = RLIMIT_FSIZE, [LIMIT_OPEN_FILES] = RLIMIT_NOFILE,
    [LIMIT_CORE] = RLIMIT_CORE, [LIMIT_STACK] = RLIMIT_STACK,
};

static bool has_limit(const struct options *options, int n) {
  return (options->given & (uint32_t)OPTION_LIMIT << n) != 0;
}

static bool take_descriptor(struct cursor *cursor, struct descriptor *descriptor) {
  uint32_t as = take_u32(cursor);
  descriptor->mode = take_u32(cursor);
  descriptor->path = take_text(cursor);
  if (as < 3 || as > HIGHEST_DESCRIPTOR || descriptor->mode > (DESCRIPTOR_APPEND | DESCRIPTOR_READ_WRITE)) return false;
  descriptor->as = (int)as;
  return !cursor->bad && (descriptor->mode & DESCRIPTOR_ACCESS) <= DESCRIPTOR_READ_WRITE;
}

static bool take_range(struct cursor *cursor, struct range *range) {
  range->start = take_u64(cursor);
  range->end = take_u64(cursor);
  return !cursor->bad && range->start <= range->end && range->end <= INT64_MAX;
}

bool options_take(struct cursor *cursor, uint32_t given, struct options *options) {
  options->given = given;
  options->nice = 0;
  options->descriptor_count = 0;
  options->group_count = 0;
  options->range_count = 0;
  options->most = (struct use){0};
  if ((given & ~(uint32_t)OPTIONS_KNOWN) != 0) return false;
  if ((given & OPTION_NICE) != 0) options->nice = (int32_t)take_u32(cursor);
  if (options->nice < -20 || options->nice > 19) return false;
  for (int n = 0; n < LIMITS; n++) {
    if (has_limit(options, n)) options->limits[n] = take_u64(cursor);
  }
  if ((given & OPTION_DESCRIPTORS) != 0) options->descriptor_count = take_u32(cursor);
  if (options->descriptor_count > MOST_DESCRIPTORS) return false;
  for (uint32_t n = 0; n < options->descriptor_count; n++) {
    if (!take_descriptor(cursor, &options->descriptors[n])) return false;
  }
  if ((given & OPTION_GROUPS) != 0) options->group_count = take_u32(cursor);
  if (options->group_count > MOST_GROUPS) return false;
  for (uint32_t n = 0; n < options->group_count; n++) options->groups[n] = take_text(cursor);
  if ((given & OPTION_RANGES) != 0) {
    options->range_count = take_u32(cursor);
    if (options->range_count == 0 || options->range_count > MOST_RANGES) return false;
  }
  for (uint32_t n = 0; n < options->range_count; n++) {
    if (!take_range(cursor, &options->ranges[n])) return false;
  }
  if ((given & OPTION_WATCH) != 0) {
    options->most.bytes = take_u64(cursor);
    options->most.processes = take_u32(cursor);
  }
  return !cursor->bad;
}

void options_plan(const struct options *options, struct spawn_plan *plan) {
  plan->nice = options->nice;
  plan->groups = options->groups;
  plan->group_count = options->group_count;
  for (int n = 0; n < LIMITS; n++) {
    if (!has_limit(options, n)) continue;
    uint64_t value = options->limits[n];
    rlim_t most = value >= RLIM_INFINITY ? RLIM_INFINITY : (rlim_t)value;
    plan->limits[plan->limit_count] = (struct spawn_limit){resources[n], STEP_LIMIT + n, {most, most}};
    plan->limit_count += 1;
    /* What was asked for goes before what this process had before it raised its own. */
    if (n == LIMIT_OPEN_FILES) plan->files = NULL;
  }
}
