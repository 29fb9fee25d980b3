#define _GNU_SOURCE
#include "detached_process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int is_kept(int descriptor, const int *kept, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (kept[i] == descriptor) return 1;
  return 0;
}

// Everything that the launcher was handed is QEMU's: a vfio cdev held open here would stay in use after
// QEMU's end.
static void close_others(const int *kept, size_t count) {
  unsigned first = 0;
  for (;;) {
    int next = -1;  // the lowest kept one from `first` on
    for (size_t i = 0; i < count; i++)
      if (kept[i] >= (int)first && (next < 0 || kept[i] < next)) next = kept[i];
    if (next < 0) break;
    if ((unsigned)next > first) close_range(first, (unsigned)next - 1, 0);
    first = (unsigned)next + 1;
  }
  close_range(first, ~0U, 0);
}

static void settle(const int *kept, size_t count, const char *name) {
  close_others(kept, count);
  for (int standard = 0; standard < 3; standard++)
    if (!is_kept(standard, kept, count)) open("/dev/null", O_RDWR);
  // It ends when QEMU does, and not when a terminal or a service manager ends the whole session.
  const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE};
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) signal(ignored[i], SIG_IGN);
  prctl(PR_SET_NAME, name);
  // A mount that contains its working directory could not be unmounted.
  int unused = chdir("/");
  (void)unused;
}

int clinux_detach(const int *kept, size_t count, const char *name) {
  pid_t child = fork();
  if (child < 0) return -errno;
  if (child == 0) {
    setsid();
    pid_t grandchild = fork();
    if (grandchild != 0) _exit(grandchild < 0 ? errno : 0);
    settle(kept, count, name);
    return 0;
  }
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return -errno;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 1 : -(WIFEXITED(status) ? WEXITSTATUS(status) : EIO);
}

pid_t clinux_fork_helper(int *pipe_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
  pid_t parent = getpid();
  pid_t child = fork();
  if (child == 0) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) _exit(127);
    // The connections of clients and QEMU end with the proxy, not with its helper.
    close_others(&ends[1], 1);
    for (int standard = 0; standard < 3; standard++)
      if (standard != ends[1]) open("/dev/null", O_RDWR);
    *pipe_end = ends[1];
    return 0;
  }
  int failure = errno;
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    return -failure;
  }
  *pipe_end = ends[0];
  return child;
}

void clinux_retitle(char **arguments, const char *title) {
  if (!arguments[0]) return;
  char *end = arguments[0];
  for (char **one = arguments; *one && *one == end; one++) end += strlen(*one) + 1;
  size_t room = (size_t)(end - arguments[0]);
  size_t length = strlen(title);
  if (length >= room) length = room - 1;
  memcpy(arguments[0], title, length);
  memset(arguments[0] + length, 0, room - length);
}

pid_t clinux_close_apart(const int *descriptors, size_t count) {
  pid_t parent = getpid();
  // As fork(2), without its copy of the table of descriptors.
  pid_t child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, 0L);
  if (child != 0) return child < 0 ? -errno : child;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) _exit(127);
  const struct linger none = {0, 0};
  for (size_t i = 0; i < count; i++) {
    setsockopt(descriptors[i], SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(descriptors[i]);
  }
  _exit(0);
}
