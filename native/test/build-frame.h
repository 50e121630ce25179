/* Writes frames as Node does. */
#ifndef DROVER_BUILD_FRAME_H
#define DROVER_BUILD_FRAME_H

#include <stdint.h>
#include <string.h>

#include "frames.h"

struct builder {
  uint8_t bytes[4096];
  size_t length;
};

static inline void put_u8(struct builder *builder, uint8_t value) { builder->bytes[builder->length++] = value; }

static inline void put_u32(struct builder *builder, uint32_t value) {
  for (int n = 0; n < 4; n++) put_u8(builder, (uint8_t)(value >> (8 * n)));
}

static inline void put_u64(struct builder *builder, uint64_t value) {
  put_u32(builder, (uint32_t)value);
  put_u32(builder, (uint32_t)(value >> 32));
}

static inline void put_bytes(struct builder *builder, const char *bytes, uint32_t length) {
  put_u32(builder, length);
  memcpy(builder->bytes + builder->length, bytes, length);
  builder->length += length;
  put_u8(builder, 0);
}

static inline void put_text(struct builder *builder, const char *text) {
  put_bytes(builder, text, (uint32_t)strlen(text));
}

static inline void begin_frame(struct builder *builder) { builder->length = FRAME_HEADER; }

static inline void end_frame(struct builder *builder, uint16_t type, uint16_t flags, uint32_t number) {
  frame_put_header(builder->bytes, (uint32_t)(builder->length - FRAME_HEADER), type, flags, number);
}

/* A start with something of everything. */
static inline void build_start(struct builder *builder, uint32_t number) {
  begin_frame(builder);
  put_u8(builder, STREAM_FILE);
  put_u8(builder, STREAM_PIPE);
  put_u8(builder, STREAM_APPEND);
  put_u8(builder, 1);
  put_u32(builder, 65536);
  put_u32(builder, OPTIONS_KNOWN & ~(uint32_t)OPTION_DIRECT);
  put_u32(builder, 3);
  put_u32(builder, 2);
  put_u32(builder, 1);
  put_u32(builder, (uint32_t)-5);
  for (int n = 0; n < LIMITS; n++) put_u64(builder, UINT64_MAX - (uint64_t)n);
  put_u32(builder, 2);
  for (uint32_t n = 0; n < 2; n++) {
    put_u32(builder, 3 + n);
    put_u32(builder, DESCRIPTOR_READ_WRITE | (n == 0 ? 0 : DESCRIPTOR_APPEND));
    put_text(builder, "/fifo");
  }
  put_u32(builder, 2);
  put_text(builder, "/groups/a/cgroup.procs");
  put_text(builder, "/groups/b/cgroup.procs");
  put_u32(builder, 2);
  for (uint64_t n = 0; n < 2; n++) {
    put_u64(builder, n << 40);
    put_u64(builder, (n << 40) + 10);
  }
  put_u64(builder, (uint64_t)1 << 33);
  put_u32(builder, 12);
  put_text(builder, "scope-1");
  put_text(builder, "/folder");
  put_text(builder, "in");
  put_text(builder, "err");
  put_text(builder, "program");
  put_text(builder, "");
  put_text(builder, "caf\xe9");
  put_text(builder, "A=1");
  put_text(builder, "B=");
  put_text(builder, "GONE");
  end_frame(builder, FRAME_START, 0, number);
}

static inline void build_environment(struct builder *builder) {
  begin_frame(builder);
  put_u32(builder, 2);
  put_u32(builder, 1);
  put_text(builder, "NEW=value");
  put_text(builder, "PATH=/own");
  put_text(builder, "OLD");
  end_frame(builder, FRAME_ENVIRONMENT, 0, 0);
}

#endif
