#define _GNU_SOURCE
#include "child_process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

// The caller's environment without its session: sound servers, displays and buses. NULL without memory.
static char **without_session(void) {
  static char silence[] = "QEMU_AUDIO_DRV=none";
  const char *const session[] = {"XDG_RUNTIME_DIR=", "PULSE_",  "PIPEWIRE_", "JACK_", "DISPLAY=",
                                 "WAYLAND_DISPLAY=", "DBUS_", "SPICE_",    "QEMU_AUDIO_", "NOTIFY_SOCKET=", "LISTEN_"};
  size_t count = 0, kept = 0;
  while (environ[count]) count++;
  char **all = calloc(count + 2, sizeof *all);
  if (!all) return NULL;
  for (size_t i = 0; i < count; i++) {
    int drops = 0;
    for (size_t j = 0; j < sizeof session / sizeof *session; j++)
      drops |= strncmp(environ[i], session[j], strlen(session[j])) == 0;
    if (!drops) all[kept++] = environ[i];
  }
  all[kept] = silence;
  return all;
}

// Raises the limit of descriptors to a count, where that is allowed: a service may have fewer than the spare ones need.
static void allow_descriptors(rlim_t count) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur >= count) return;
  files.rlim_cur = count;
  if (files.rlim_max < count) files.rlim_max = count;
  int unused = setrlimit(RLIMIT_NOFILE, &files);
  (void)unused;
}

// 0, or -1 where the kernel refuses a limit. A network namespace is had where the kernel gives one.
static int confine(const struct clinux_confinement *limits) {
  const struct rlimit none = {0, 0};
  struct rlimit data;
  if (getrlimit(RLIMIT_DATA, &data) < 0) return -1;
  // Never more than the caller may have.
  if (limits->data < data.rlim_max) data.rlim_max = limits->data;
  data.rlim_cur = data.rlim_max;
  if (setrlimit(RLIMIT_CORE, &none) < 0 || setrlimit(RLIMIT_DATA, &data) < 0) return -1;
  // Before a user namespace, in which the right to do it counts for nothing.
  if (limits->spares > 0) allow_descriptors(CLINUX_FIRST_SPARE + limits->spares);
  if (unshare(CLONE_NEWNET) < 0) {
    int unused = unshare(CLONE_NEWUSER | CLONE_NEWNET);
    (void)unused;
  }
  // A directory without files in which none can be created: a relative name of the definition's leads nowhere (proc(5)).
  // The other is empty too, for a process that may not inspect itself.
  if (chdir("/proc/self/fdinfo") < 0 && chdir("/proc/tty/ldisc") < 0) return -1;
  // Descriptors that the caller was handed for another program.
  if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0) return -1;
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return -1;
  for (int i = 0; i < limits->spares; i++)
    if (dup2(null, CLINUX_FIRST_SPARE + i) < 0) {
      // A number above the limit is "bad" to dup2.
      if (errno == EBADF) errno = EMFILE;
      return -1;
    }
  return 0;
}

static void end_group(int signal) {
  (void)signal;
  kill(0, SIGKILL);
}

// Starts a process that ends the calling one's group when that one ends: a wrapper that is killed leaves its own children.
// 0, or -1.
static int watch_self(void) {
  pid_t self = getpid();
  // As fork(2), without the C library's handlers, which may not run here.
  pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0L);
  if (child != 0) return child < 0 ? -1 : 0;
  close_range(0, ~0U, 0);
  signal(SIGTERM, end_group);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0) _exit(127);
  if (getppid() != self) end_group(SIGTERM);
  for (;;) pause();
}

// In the child: only async-signal-safe calls from here on, as other threads may have held locks.
static void become(const char *path, char *const arguments[], char *const environment[], const int standard[3],
                   pid_t parent, const struct clinux_confinement *limits) {
  int kept[3];
  // Above 2 first, so that no dup2 overwrites a descriptor that is still to be copied.
  for (int i = 0; i < 3; i++)
    if ((kept[i] = fcntl(standard[i], F_DUPFD_CLOEXEC, 3)) < 0) return;
  for (int i = 0; i < 3; i++)
    if (dup2(kept[i], i) < 0) return;
  // A group of its own, so that what a wrapper has started ends with it.
  if (setpgid(0, 0) < 0) return;
  // A user namespace may not inspect processes outside of it, and /proc/PID/exe is one's (ptrace(2)).
  int program = open(path, O_PATH | O_CLOEXEC);
  // Before the death signal: a change of user namespace clears it.
  if (limits && confine(limits) < 0) return;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) return;
  // The parent may have died before that.
  if (getppid() != parent) _exit(127);
  if (limits && watch_self() < 0) return;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  execve(path, arguments, environment);
  if (errno == EACCES && program >= 0) execveat(program, "", arguments, environment, AT_EMPTY_PATH);
}

pid_t clinux_spawn(const char *path, char *const arguments[], int input, int output, int error) {
  return clinux_spawn_confined(path, arguments, input, output, error, NULL);
}

pid_t clinux_spawn_confined(const char *path, char *const arguments[], int input, int output, int error,
                            const struct clinux_confinement *limits) {
  const int standard[3] = {input, output, error};
  char **reduced = limits ? without_session() : NULL;
  if (limits && !reduced) return -ENOMEM;
  int report[2];  // Closed by a successful exec, else it carries errno.
  if (pipe2(report, O_CLOEXEC) < 0) {
    int failure = errno;
    free(reduced);
    return -failure;
  }
  pid_t parent = getpid();
  pid_t child = fork();
  if (child == 0) {
    int above = fcntl(report[1], F_DUPFD_CLOEXEC, 3);
    become(path, arguments, reduced ? reduced : environ, standard, parent, limits);
    int failure = errno;
    // Should this fail, the parent sees a child that ended with 127.
    ssize_t ignored = write(above, &failure, sizeof failure);
    (void)ignored;
    _exit(127);
  }
  int failure = child < 0 ? errno : 0;
  free(reduced);
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
