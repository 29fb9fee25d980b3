#ifndef VFIOGATE_UNIX_SOCKET_H
#define VFIOGATE_UNIX_SOCKET_H

#include <stddef.h>
#include <sys/types.h>

// The longest path that a Unix socket's address holds (sys/un.h: sun_path less the NUL).
enum { CLINUX_SOCKET_PATH_MAX = 107 };
// Maximum number of descriptors of one message (linux/include/net/scm.h: SCM_MAX_FD).
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
// those that did arrive are the caller's, and the bytes are lost, so the stream is of no further use.
ssize_t clinux_receive(int socket, void *bytes, size_t capacity,
                       int *descriptors, size_t *descriptor_count);

// Reads the available bytes, as clinux_receive does and without waiting, and reports which byte the descriptors
// came with: the first of the write that carried them. At most one such write is read at a time, and
// nothing behind it.
ssize_t clinux_receive_segment(int socket, void *bytes, size_t capacity, int *descriptors,
                               size_t *descriptor_count, size_t *descriptors_at);

// Listens at `path`, which must not exist; the socket's file has mode 0600 from its first moment.
// Close-on-exec and non-blocking. -errno on failure.
int clinux_listen_unix(const char *path, int backlog);

// A connection, close-on-exec and non-blocking, or -errno.
int clinux_accept(int listener);

// Credentials of the peer (SO_PEERCRED) at the time of connect. 0 or -errno.
int clinux_peer(int socket, pid_t *process, uid_t *user);

// The file that a socket is bound to, or its peer, into `path`, which has room for CLINUX_SOCKET_PATH_MAX + 1 bytes. Its
// length, 0 for one without a file, or -errno.
ssize_t clinux_socket_path(int socket, int is_peers, char *path);

// Blocks SIGTERM and SIGINT, and gives a descriptor that is readable when one has come. -errno on failure.
int clinux_signal_descriptor(void);

// The same for SIGHUP. Reading from the descriptor takes the signal.
int clinux_reload_descriptor(void);

// The path by which the kernel started this program (getauxval(3), AT_EXECFN); a null pointer where it is not known.
const char *clinux_started_path(void);

// A file in memory that a program started by exec(3) inherits (memfd_create(2)). The descriptor, or -errno.
int clinux_memory_file(const char *name);

// Sends one datagram, as sd_notify(3) does; a leading @ stands for an abstract socket. 0 or -errno.
int clinux_notify(const char *path, const char *text);

// Ends a connection in both directions. 1 when nothing that its peer has sent is left unread in it, with descriptors perhaps; else 0.
int clinux_is_drained(int socket);

#endif
