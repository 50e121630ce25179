/* What is to be told to Node: frames that are collected and written once a round, and kept while the socket is full. */
#ifndef DROVER_OUTGOING_H
#define DROVER_OUTGOING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void outgoing_begin(int socket);
/* From now on everything is dropped: nobody reads any more. */
void outgoing_discard(void);
bool outgoing_is_discarded(void);

/* `words` is what a payload of 32-bit numbers consists of. */
void outgoing_frame(uint16_t type, uint16_t flags, uint32_t number, const uint32_t *words, size_t count);
/* Room for the payload of a frame of at most `bytes`; becomes a frame with outgoing_commit, or nothing without it. */
uint8_t *outgoing_reserve(size_t bytes);
void outgoing_commit(uint16_t type, uint16_t flags, uint32_t number, size_t bytes);

/* Makes the end of the round write; a notice that can wait a moment for others does not. */
void outgoing_hurry(void);
bool outgoing_is_urgent(void);
/* So much is waiting for Node to read that no more output should be read from children. */
bool outgoing_is_full(void);
bool outgoing_is_empty(void);
/* Writes what the socket takes. False when Node is gone. */
bool outgoing_flush(void);

#endif
