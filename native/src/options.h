/* What a start may ask for beyond the ordinary: one bit each in its frame, and for each bit that is set a value. */
#ifndef DROVER_OPTIONS_H
#define DROVER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct cursor;
struct spawn_plan;

enum { OPTION_NICE = 1, OPTION_LIMIT = 2 };

enum { LIMIT_CPU, LIMIT_FILE_SIZE, LIMIT_OPEN_FILES, LIMIT_CORE, LIMIT_STACK, LIMITS };

/* The limits have a bit each, beginning with OPTION_LIMIT. */
enum {
  OPTION_DESCRIPTORS = OPTION_LIMIT << LIMITS,
  OPTION_GROUPS = OPTION_DESCRIPTORS * 2,
  OPTION_RANGES = OPTION_GROUPS * 2,
  /* Has no value. */
  OPTION_DIRECT = OPTION_RANGES * 2,
  OPTION_WATCH = OPTION_DIRECT * 2,
  OPTIONS_KNOWN = OPTION_WATCH * 2 - 1
};

/* How a descriptor is opened. */
enum { DESCRIPTOR_ACCESS = 3, DESCRIPTOR_READ_WRITE = 2, DESCRIPTOR_APPEND = 4 };

#define MOST_DESCRIPTORS 64
#define HIGHEST_DESCRIPTOR 1023
#define MOST_GROUPS 8
#define MOST_RANGES 64

struct descriptor {
  int as;
  uint32_t mode;
  const char *path;
};

/* A stretch of a file: its first byte and the one after its last. */
struct range {
  uint64_t start;
  uint64_t end;
};

/* Of a child and all below it, together. */
struct use {
  uint64_t bytes;
  uint32_t processes;
};

struct options {
  uint32_t given;
  int32_t nice;
  /* All bits set: no limit. */
  uint64_t limits[LIMITS];
  uint32_t descriptor_count;
  struct descriptor descriptors[MOST_DESCRIPTORS];
  /* Files of control groups that the child enters by writing to them. */
  uint32_t group_count;
  const char *groups[MOST_GROUPS];
  /* What of its file a child reads as its standard input; none: all of it. */
  uint32_t range_count;
  struct range ranges[MOST_RANGES];
  /* What it may use before it is ended; 0 is no limit. */
  struct use most;
};

/* False when `given` has an unknown bit or a value cannot be. */
bool options_take(struct cursor *cursor, uint32_t given, struct options *options);
/* All but the descriptors and the ranges. */
void options_plan(const struct options *options, struct spawn_plan *plan);

#endif
