#ifndef VFIOGATE_CHILD_PROCESS_H
#define VFIOGATE_CHILD_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

// Starts the program at `path` with these descriptors as standard input, output and error. It has
// a process group of its own, the caller's environment, no signal blocked, SIGPIPE at its default, and is killed when the calling
// thread ends, which posix_spawn(3) cannot arrange. `arguments` ends with NULL.
// The child's process id, or -errno, also when it was the exec that failed.
pid_t clinux_spawn(const char *path, char *const arguments[], int input, int output, int error);

// The lowest number of the spare descriptors of a confined program.
enum { CLINUX_FIRST_SPARE = 100 };

struct clinux_confinement {
  uint64_t data;  // RLIMIT_DATA (getrlimit(2)) in bytes
  int spares;     // number of descriptors of /dev/null, from CLINUX_FIRST_SPARE on
};

// As clinux_spawn, but its process group ends with it, also when it is killed; with the limits, without core dumps, without other
// descriptors of the caller's, without the environment of its session, and without the host's network where the kernel permits that.
// NULL: no limits, and none of these.
pid_t clinux_spawn_confined(const char *path, char *const arguments[], int input, int output, int error,
                            const struct clinux_confinement *limits);

#endif
