/* First process of a pod: keeps its namespaces alive and reaps orphans. Ends on SIGTERM or SIGINT. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef VERSION
#define VERSION "unknown"
#endif

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "-v") == 0) {
    puts("pause " VERSION " (edgeadm)");
    return 0;
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGCHLD);
  if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0) return 1;
  for (;;) {
    int got = sigwaitinfo(&signals, NULL);
    if (got == SIGINT || got == SIGTERM) return 0;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
  }
}
