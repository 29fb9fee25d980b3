#define _GNU_SOURCE
#include "child_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

// In the child: only async-signal-safe calls from here on, as other threads may have held locks.
static void become(const char *path, char *const arguments[], const int standard[3], pid_t parent) {
  int kept[3];
  // Above 2 first, so that no dup2 overwrites a descriptor that is still to be copied.
  for (int i = 0; i < 3; i++)
    if ((kept[i] = fcntl(standard[i], F_DUPFD_CLOEXEC, 3)) < 0) return;
  for (int i = 0; i < 3; i++)
    if (dup2(kept[i], i) < 0) return;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) return;
  // The parent may have died before that.
  if (getppid() != parent) _exit(127);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  execve(path, arguments, environ);
}

pid_t clinux_spawn(const char *path, char *const arguments[], int input, int output, int error) {
  const int standard[3] = {input, output, error};
  int report[2];  // Closed by a successful exec, else it carries errno.
  if (pipe2(report, O_CLOEXEC) < 0) return -errno;
  pid_t parent = getpid();
  pid_t child = fork();
  if (child == 0) {
    int above = fcntl(report[1], F_DUPFD_CLOEXEC, 3);
    become(path, arguments, standard, parent);
    int failure = errno;
    // Should this fail, the parent sees a child that ended with 127.
    ssize_t ignored = write(above, &failure, sizeof failure);
    (void)ignored;
    _exit(127);
  }
  int failure = child < 0 ? errno : 0;
  close(report[1]);
  if (child > 0) {
    ssize_t count;
    do count = read(report[0], &failure, sizeof failure); while (count < 0 && errno == EINTR);
    if (count <= 0) failure = 0;
    if (failure != 0) while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
  }
  close(report[0]);
  return failure != 0 ? -failure : child;
}
