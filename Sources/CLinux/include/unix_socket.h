#ifndef VFIOGATE_UNIX_SOCKET_H
#define VFIOGATE_UNIX_SOCKET_H

#include <stddef.h>
#include <sys/types.h>

// The longest path that a Unix socket's address holds (sys/un.h: sun_path less the NUL).
enum { CLINUX_SOCKET_PATH_MAX = 107 };
// The most descriptors that one message carries (linux/include/net/scm.h: SCM_MAX_FD).
enum { CLINUX_DESCRIPTORS_MAX = 253 };

// Connects to the stream socket at `path`; close-on-exec and non-blocking. -errno on failure:
// -ENAMETOOLONG for a path that does not fit, -EAGAIN when the listener's backlog is full.
int clinux_connect_unix(const char *path);

// Writes as sendmsg(2) does, with `descriptors` attached (SCM_RIGHTS) when there are any; no SIGPIPE.
// Bytes written, or -errno; -EINVAL for too many descriptors or for descriptors without bytes.
ssize_t clinux_send(int socket, const void *bytes, size_t count,
                    const int *descriptors, size_t descriptor_count);

// Reads as recvmsg(2) does. Descriptors that came along go to `descriptors`, which has room for
// CLINUX_DESCRIPTORS_MAX, close-on-exec, and their number to `descriptor_count`. Bytes read, 0 at the
// end, or -errno; -EMFILE when the kernel dropped descriptors because this process may hold no more:
// those that did arrive are closed and the bytes are lost, so the stream is of no further use.
ssize_t clinux_receive(int socket, void *bytes, size_t capacity,
                       int *descriptors, size_t *descriptor_count);

#endif
