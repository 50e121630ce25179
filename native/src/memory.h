/* Memory, or the end: without it the launcher cannot keep its promises, and the guardian ends what was started. */
#ifndef DROVER_MEMORY_H
#define DROVER_MEMORY_H

#include <stddef.h>

void *must_resize(void *memory, size_t bytes);
char *must_copy(const char *text);

#endif
