/* Stands between a connection that is two pipes or more than this machine long, as ssh's, and the halves' socket. */
#ifndef DROVER_RELAY_H
#define DROVER_RELAY_H

/* No exit status. */
enum { RELAY_GO_ON = -1 };

/* Forks. The child goes on as the halves, with its end of a socket pair under the number `as`, in a session of its own and without
   the connection: RELAY_GO_ON. The parent passes on what comes from standard input and what goes to standard output until either
   side ends, waits for the child, and has its exit status. */
int relay_before(int as);

#endif
