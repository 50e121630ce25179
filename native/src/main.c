#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "frames.h"
#include "guardian.h"
#include "launcher.h"
#include "processes.h"
#include "relay.h"
#include "running.h"
#include "token-accounts.h"

/* Where Node puts its end of the socket pair. */
#define SOCKET 3

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

static int usage(void) {
  static const char text[] =
      "drover-launcher is started by drover: drover-launcher PROTOCOL end|keep, with a socket as descriptor 3;\n"
      "or drover-launcher PROTOCOL relay, with the connection as standard input and output\n";
  if (write(STDERR_FILENO, text, sizeof text - 1) < 0) return 3;
  return 2;
}

static bool is_socket(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

/* Only KILL ends a half: as long as Node lives, a signal that is sent to a whole tree with a drover in it must not take
   away what its tasks run on. Blocked rather than ignored, so that children have nothing to reset but the mask. */
static bool block_signals(void) {
  sigset_t blocked;
  sigfillset(&blocked);
  return sigprocmask(SIG_SETMASK, &blocked, NULL) == 0;
}

/* A disposition to ignore outlives exec, and there are some that the C library neither shows nor changes (a program that
   was started by posix_spawn ignores the two it keeps for itself), hence the bare system call. */
static void stop_ignoring_signals(void) {
  union {
    void (*handler)(int);
    uint8_t space[64];
  } action;
  for (int signal = 1; signal <= 64; signal++) {
    memset(&action, 0, sizeof action);
    if (syscall(SYS_rt_sigaction, signal, NULL, &action, 8) < 0 || action.handler != SIG_IGN) continue;
    memset(&action, 0, sizeof action);
    syscall(SYS_rt_sigaction, signal, &action, NULL, 8);
  }
}

/* Node's, so that its death is seen even if somebody else holds its end of the socket; -1 on kernels without it. */
static int watch_parent(pid_t *parent) {
  *parent = getppid();
  int fd = *parent > 0 ? (int)syscall(SYS_pidfd_open, *parent, 0) : -1;
  if (fd >= 0) fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd;
}

static void name_process(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

static int run_halves(bool keep) {
  pid_t parent;
  int node = watch_parent(&parent);
  int lifeline[2];
  if (pipe2(lifeline, O_CLOEXEC) < 0 || !running_share() || !token_accounts_share()) return 70;
  pid_t launcher = fork();
  if (launcher < 0) return 70;
  if (launcher == 0) {
    close(lifeline[1]);
    if (node >= 0) close(node);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) return 70;
    return launcher_run(SOCKET, lifeline[0], keep);
  }
  name_process("drover-guardian");
  close(lifeline[0]);
  close(SOCKET);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3 && null >= 0; fd++) dup2(null, fd);
  if (!processes_begin()) return 70;
  if (getppid() != parent) close(lifeline[1]);
  return guardian_run(launcher, node, lifeline[1], keep);
}

static void close_from(unsigned first) {
#ifdef SYS_close_range
  syscall(SYS_close_range, first, ~0u, 0);
#else
  (void)first;
#endif
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--version") == 0) {
    printf("drover-launcher protocol %d\n", PROTOCOL_VERSION);
    return 0;
  }
  bool relayed = argc == 3 && strcmp(argv[2], "relay") == 0;
  if (argc != 3 || (!relayed && !is_socket(SOCKET))) return usage();
  bool keep = strcmp(argv[2], "keep") == 0;
  if (!keep && !relayed && strcmp(argv[2], "end") != 0) return usage();
  if (strtol(argv[1], NULL, 10) != PROTOCOL_VERSION) return 64;
  close_from(relayed ? SOCKET : SOCKET + 1);
  stop_ignoring_signals();
  if (!block_signals()) return 70;
  int status = relayed ? relay_before(SOCKET) : RELAY_GO_ON;
  if (status != RELAY_GO_ON) return status;
  if (fcntl(SOCKET, F_SETFD, FD_CLOEXEC) < 0) return 70;
  name_process("drover-launcher");
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) return 70;
  return run_halves(keep);
}
