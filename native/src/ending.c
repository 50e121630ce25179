#include "ending.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#define GIVE_UP_S 10

static void pause_ns(long ns) { nanosleep(&(struct timespec){.tv_nsec = ns}, NULL); }

void end_descendants(bool (*is_meant)(const struct processes *table, struct process *process), void (*reap)(void)) {
  static struct processes table;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  time_t give_up = now.tv_sec + GIVE_UP_S;
  long pause = 200 * 1000;
  pid_t self = getpid();
  while (now.tv_sec <= give_up && processes_scan(&table, self)) {
    size_t left = 0;
    for (size_t n = 0; n < table.count; n++) {
      struct process *process = &table.list[n];
      if (process->lineage != LINEAGE_OURS || !process->alive || !is_meant(&table, process)) continue;
      left += kill(process->pid, SIGKILL) == 0;
    }
    if (reap != NULL) reap();
    if (left == 0) return;
    pause_ns(pause);
    if (pause < 20 * 1000 * 1000) pause *= 2;
    clock_gettime(CLOCK_MONOTONIC, &now);
  }
}
