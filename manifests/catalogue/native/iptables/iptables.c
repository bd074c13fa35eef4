/*
 * Stands in for iptables, iptables-save, iptables-restore and their ip6 kin: finds the backend that the host uses, points
 * the links in /usr/sbin at it, and becomes it. Rule, as kubernetes-sigs/iptables-wrappers has it: the backend with the
 * chain that the kubelet makes (KUBE-IPTABLES-HINT, or KUBE-KUBELET-CANARY of older ones); else the one with more rules;
 * else nft. Where /usr/sbin is read-only the links stay, and each call looks again.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SBIN "/usr/sbin/"

static const char *const tools[] = {"iptables",  "iptables-save",  "iptables-restore",
                                    "ip6tables", "ip6tables-save", "ip6tables-restore"};
#define TOOLS (sizeof(tools) / sizeof(tools[0]))

struct found {
  int hint;
  long rules;
};

/* Reads what `<multi> <save> [-t mangle]` prints. A failure counts as nothing found. */
static void look(const char *multi, const char *save, struct found *found) {
  int ends[2];
  if (pipe(ends) != 0) return;
  pid_t child = fork();
  if (child == 0) {
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(ends[1], 1);
    dup2(null, 2);
    close(ends[0]);
    close(ends[1]);
    execl(multi, save, (char *)NULL);
    _exit(127);
  }
  close(ends[1]);
  FILE *output = fdopen(ends[0], "r");
  char line[4096];
  while (child > 0 && output != NULL && fgets(line, sizeof line, output) != NULL) {
    if (line[0] == '-') found->rules++;
    if (strncmp(line, ":KUBE-IPTABLES-HINT ", 20) == 0 || strncmp(line, ":KUBE-KUBELET-CANARY ", 21) == 0) {
      found->hint = 1;
    }
  }
  if (output != NULL) fclose(output);
  if (child > 0) waitpid(child, NULL, 0);
}

static const char *backend(void) {
  struct found nft = {0, 0}, legacy = {0, 0};
  look(SBIN "xtables-nft-multi", "iptables-save", &nft);
  look(SBIN "xtables-nft-multi", "ip6tables-save", &nft);
  if (nft.hint) return SBIN "xtables-nft-multi";
  look(SBIN "xtables-legacy-multi", "iptables-save", &legacy);
  look(SBIN "xtables-legacy-multi", "ip6tables-save", &legacy);
  if (legacy.hint || legacy.rules > nft.rules) return SBIN "xtables-legacy-multi";
  return SBIN "xtables-nft-multi";
}

/* Another call may do the same at this moment: each link is made beside and renamed over. */
static void point_links(const char *multi) {
  char link[64], fresh[96];
  for (size_t i = 0; i < TOOLS; i++) {
    snprintf(link, sizeof link, SBIN "%s", tools[i]);
    snprintf(fresh, sizeof fresh, SBIN ".%s.%d", tools[i], (int)getpid());
    if (symlink(multi, fresh) != 0) return;
    if (rename(fresh, link) != 0) unlink(fresh);
  }
}

int main(int argc, char **argv) {
  (void)argc;
  const char *multi = backend();
  point_links(multi);
  argv[0] = basename(argv[0]);
  execv(multi, argv);
  fprintf(stderr, "%s: cannot run %s: %s\n", argv[0], multi, strerror(errno));
  return 127;
}
