#ifndef VFIOGATE_DETACHED_PROCESS_H
#define VFIOGATE_DETACHED_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

// Forks a process that has no parent: in a session of its own, ignoring the signals that end a
// session or a service, in /, and with no descriptors but `kept`; those of 0 to 2 that are not kept are
// /dev/null. 0 in that process, 1 in the caller, -errno on failure. Only for a process of one thread.
int clinux_detach(const int *kept, size_t count, const char *name);

// Overwrites the arguments that /proc/PID/cmdline shows. `arguments` is argv as the kernel laid it out:
// string after string. Nothing may read them afterwards.
void clinux_retitle(char **arguments, const char *title);

// Forks a helper that ends with the calling thread, and holds no descriptor of the caller's but the writing end of a pipe; that end is
// in `pipe_end` there, and the reading end in the caller. 0 in the helper, its process id in the caller, or -errno.
pid_t clinux_fork_helper(int *pipe_end);

// Closes descriptors in a process that shares this one's: the last close of a socket waits for its peer if its sender has asked for
// that (SO_LINGER), also of one in another's queue, and a file of FUSE waits for its server. A number is free as soon as its close
// begins. The process ends with the calling thread. Its id, to be waited for, or -errno.
pid_t clinux_close_apart(const int *descriptors, size_t count);

#endif
