/* The least that a test needs. */
#ifndef DROVER_CHECK_H
#define DROVER_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                            \
  do {                                                                              \
    if (!(condition)) {                                                             \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);       \
      exit(1);                                                                      \
    }                                                                               \
  } while (0)

#define CHECK_TEXT(actual, expected)                                                           \
  do {                                                                                         \
    const char *got = (actual);                                                                \
    if (strcmp(got, expected) != 0) {                                                          \
      fprintf(stderr, "%s:%d: \"%s\", not \"%s\"\n", __FILE__, __LINE__, got, expected);       \
      exit(1);                                                                                 \
    }                                                                                          \
  } while (0)

#endif
