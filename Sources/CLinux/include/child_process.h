#ifndef VFIOGATE_CHILD_PROCESS_H
#define VFIOGATE_CHILD_PROCESS_H

#include <sys/types.h>

// Starts the program at `path` with these descriptors as standard input, output and error. It has
// the caller's environment, no signal blocked, SIGPIPE at its default, and is killed when the calling
// thread ends, which posix_spawn(3) cannot arrange. `arguments` ends with NULL.
// The child's process id, or -errno, also when it was the exec that failed.
pid_t clinux_spawn(const char *path, char *const arguments[], int input, int output, int error);

#endif
