/* The frames between Node and the launcher; PROTOCOL.md has them in words. Nothing here does I/O. */
#ifndef DROVER_FRAMES_H
#define DROVER_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"

#define PROTOCOL_VERSION 10
#define FRAME_HEADER 12
#define FRAME_LIMIT (64u << 20)

enum request_type {
  FRAME_START = 1,
  FRAME_INPUT = 2,
  FRAME_INPUT_END = 3,
  FRAME_CREDIT = 4,
  FRAME_CLOSE_OUTPUT = 5,
  FRAME_SIGNAL_TREE = 6,
  FRAME_SIGNAL_SCOPE = 7,
  FRAME_ENVIRONMENT = 8,
  FRAME_CLOSE = 9,
  FRAME_RETIRE = 10,
  FRAME_DIRECT = 11,
  FRAME_HEARTBEAT = 12,
  FRAME_PLACES = 13,
  FRAME_TAKE_BACK = 14,
  FRAME_LEAVE = 15,
  FRAME_LOCK = 16,
  FRAME_UNLOCK = 17,
  FRAME_WIDEN_INPUT = 18,
  FRAME_JOBSERVER_OPEN = 24,
  FRAME_JOBSERVER_WANT = 25,
  FRAME_JOBSERVER_GIVE = 26,
  FRAME_JOBSERVER_DRAIN = 27,
  FRAME_JOBSERVER_CLOSE = 28,
  FRAME_DATAGRAM = 32,
  FRAME_SLOTS_TAKE = 40,
  FRAME_SLOTS_GIVE = 41,
};

enum notice_type {
  FRAME_READY = 129,
  FRAME_SPAWNED = 130,
  FRAME_FAILED = 131,
  FRAME_OUTPUT = 132,
  FRAME_OUTPUT_END = 133,
  FRAME_EXIT = 134,
  FRAME_INPUT_ACK = 135,
  FRAME_INPUT_CLOSED = 136,
  FRAME_COUNT = 137,
  FRAME_COUNTED = 138,
  FRAME_INPUT_FAILED = 139,
  FRAME_ALIVE = 140,
  FRAME_TAKEN_BACK = 141,
  FRAME_USED = 142,
  FRAME_LOCKED = 144,
  FRAME_LOCK_FAILED = 145,
  FRAME_UNLOCKED = 146,
  FRAME_JOBSERVER_OPENED = 152,
  FRAME_TOKENS = 153,
  FRAME_JOBSERVER_LOST = 154,
  FRAME_JOBSERVER_DRAINED = 155,
  FRAME_JOBSERVER_CLOSED = 156,
  FRAME_SLOTS_TAKEN = 160,
  FRAME_SLOTS_FAILED = 161,
  FRAME_SLOTS_GIVEN = 162,
};

/* Where a stream of a child comes from or goes to. */
enum stream_kind { STREAM_NULL, STREAM_PIPE, STREAM_INHERIT, STREAM_FILE, STREAM_APPEND, STREAM_COUNT };

/* What a start failed at, told with the errno. */
enum step {
  STEP_EXEC = 1,
  STEP_CWD = 2,
  STEP_STDIN = 3,
  STEP_STDOUT = 4,
  STEP_STDERR = 5,
  STEP_PIPE = 6,
  STEP_FORK = 7,
  STEP_PREPARE = 8,
  STEP_TEXT = 9,
  STEP_NICE = 10,
  /* And one more for each of the limits after the first. */
  STEP_LIMIT = 11,
  /* And one more for each control group after the first. */
  STEP_GROUP = 24,
  /* And one more for each descriptor after the first. */
  STEP_DESCRIPTOR = 32,
};

/* Flags of FRAME_START. It needs a place; which it passes on when it has ended by itself, unless it failed, or unless that is told. */
enum { START_PLACED = 1, START_KEEPS_ON_FAILURE = 2, START_KEEPS = 4 };

/* A flag of FRAME_DIRECT. */
enum { DIRECT_TAKEN = 1 };

/* Flags of FRAME_LOCK. */
enum { LOCK_SHARED = 1, LOCK_WAIT = 2 };

/* A flag of FRAME_JOBSERVER_OPEN. */
enum { JOBSERVER_CREATE = 1 };

/* Flags of FRAME_EXIT. */
enum { EXIT_STDOUT_ENDED = 1, EXIT_STDERR_ENDED = 2, EXIT_GROUP_ALIVE = 4 };

struct frame {
  uint32_t length;
  uint16_t type;
  uint16_t flags;
  uint32_t number;
  uint8_t *payload;
};

enum frame_status { FRAME_WHOLE, FRAME_PARTIAL, FRAME_BAD };

/* Looks at the frame that `bytes` begins with. PARTIAL: not all of it is there; its length is known when >= a header. */
enum frame_status frame_next(uint8_t *bytes, size_t available, struct frame *frame);
void frame_put_header(uint8_t *at, uint32_t length, uint16_t type, uint16_t flags, uint32_t number);

/* Reads a payload from front to back; after a read beyond the end `bad` is set and all reads give 0 or "". */
struct cursor {
  uint8_t *at;
  uint8_t *end;
  bool bad;
  bool nul;
};

struct cursor cursor_of(const struct frame *frame);
uint8_t take_u8(struct cursor *cursor);
uint32_t take_u32(struct cursor *cursor);
uint64_t take_u64(struct cursor *cursor);
/* A text as a C string within the payload; sets `nul` when the text has a NUL of its own. */
char *take_text(struct cursor *cursor);

/* A start as its frame tells it; everything points into the frame but for the lists, which are kept for the next one. */
struct start {
  enum stream_kind kinds[3];
  char *paths[3];
  uint32_t credit;
  struct options options;
  char *scope;
  char *cwd;
  /* argv[-1] is free, for the shell that runs a script without a first line. */
  char **argv;
  char **set;
  uint32_t set_count;
  char **removed;
  uint32_t removed_count;
  bool nul;
  char **words;
  size_t words_capacity;
};

/* False when the frame is not one that Node writes, or there is no memory. */
bool start_parse(const struct frame *frame, struct start *start);

struct environment_change {
  char **set;
  uint32_t set_count;
  char **removed;
  uint32_t removed_count;
  char **words;
  size_t words_capacity;
};

bool environment_change_parse(const struct frame *frame, struct environment_change *change);

#endif
