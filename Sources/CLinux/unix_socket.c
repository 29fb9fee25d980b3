#define _GNU_SOURCE
#include "unix_socket.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/signalfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

_Static_assert(CLINUX_SOCKET_PATH_MAX == sizeof(((struct sockaddr_un *)0)->sun_path) - 1, "sun_path");

// Room for one SCM_RIGHTS message, aligned as cmsg(3) asks for.
union control {
  struct cmsghdr align;
  char space[CMSG_SPACE(CLINUX_DESCRIPTORS_MAX * sizeof(int))];
};

int clinux_connect_unix(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = strlen(path);
  if (length > CLINUX_SOCKET_PATH_MAX) return -ENAMETOOLONG;
  memcpy(address.sun_path, path, length);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
    int error = errno;
    close(fd);
    return -error;
  }
  return fd;
}

ssize_t clinux_send(int socket, const void *bytes, size_t count,
                    const int *descriptors, size_t descriptor_count) {
  if (descriptor_count > CLINUX_DESCRIPTORS_MAX || (descriptor_count > 0 && count == 0)) return -EINVAL;
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  union control control;
  if (descriptor_count > 0) {
    memset(&control, 0, sizeof control);
    message.msg_control = control.space;
    message.msg_controllen = CMSG_SPACE(descriptor_count * sizeof(int));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptor_count * sizeof(int));
    memcpy(CMSG_DATA(header), descriptors, descriptor_count * sizeof(int));
  }
  ssize_t written = sendmsg(socket, &message, MSG_NOSIGNAL);
  return written < 0 ? -errno : written;
}

ssize_t clinux_receive(int socket, void *bytes, size_t capacity,
                       int *descriptors, size_t *descriptor_count) {
  struct iovec part = {.iov_base = bytes, .iov_len = capacity};
  union control control;
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space,
                           .msg_controllen = sizeof control.space};
  *descriptor_count = 0;
  ssize_t count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (count < 0) return -errno;
  // Linux delivers at most one SCM_RIGHTS header a message; the sum is bounded all the same.
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t number = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    size_t room = CLINUX_DESCRIPTORS_MAX - *descriptor_count;
    if (number > room) number = room;
    memcpy(descriptors + *descriptor_count, CMSG_DATA(header), number * sizeof(int));
    *descriptor_count += number;
  }
  return message.msg_flags & MSG_CTRUNC ? -EMFILE : count;
}

ssize_t clinux_receive_segment(int socket, void *bytes, size_t capacity, int *descriptors,
                               size_t *descriptor_count, size_t *descriptors_at) {
  *descriptor_count = 0;
  *descriptors_at = 0;
  // The kernel glues bytes written before a message with descriptors to that message's, never bytes
  // written after it. So a peek shows whether there are descriptors, and how many bytes to read.
  struct iovec part = {.iov_base = bytes, .iov_len = capacity};
  struct msghdr look = {.msg_iov = &part, .msg_iovlen = 1};
  ssize_t count = recvmsg(socket, &look, MSG_PEEK | MSG_DONTWAIT);
  if (count < 0) return -errno;
  if (!(look.msg_flags & MSG_CTRUNC)) {
    if (count == 0) return 0;
    ssize_t taken = recv(socket, bytes, (size_t)count, MSG_DONTWAIT);
    return taken < 0 ? -errno : taken;
  }
  // They come with the first byte of their message, which one byte at a time finds.
  char *at = bytes;
  size_t done = 0;
  while (done < (size_t)count && *descriptor_count == 0) {
    ssize_t one = clinux_receive(socket, at + done, 1, descriptors, descriptor_count);
    if (one == -EINTR) continue;
    if (one < 0) return one;
    if (one == 0) break;
    *descriptors_at = done++;
  }
  if (done < (size_t)count && *descriptor_count > 0) {
    ssize_t rest = recv(socket, at + done, (size_t)count - done, MSG_DONTWAIT);
    if (rest > 0) done += (size_t)rest;
  }
  return (ssize_t)done;
}

int clinux_listen_unix(const char *path, int backlog) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = strlen(path);
  if (length == 0 || length > CLINUX_SOCKET_PATH_MAX) return -ENAMETOOLONG;
  memcpy(address.sun_path, path, length);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  // The file gets the socket's own mode (linux/net/unix/af_unix.c: unix_bind_bsd), so that it is never
  // open to others, not even for a moment.
  if (fchmod(fd, S_IRUSR | S_IWUSR) < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0
      || listen(fd, backlog) < 0) {
    int error = errno;
    close(fd);
    return -error;
  }
  return fd;
}

int clinux_accept(int listener) {
  int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  return fd < 0 ? -errno : fd;
}

int clinux_peer(int socket, pid_t *process, uid_t *user) {
  struct ucred credentials;
  socklen_t size = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0) return -errno;
  *process = credentials.pid;
  *user = credentials.uid;
  return 0;
}

static int descriptor_of(const sigset_t *set) {
  if (sigprocmask(SIG_BLOCK, set, NULL) < 0) return -errno;
  int fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
  return fd < 0 ? -errno : fd;
}

int clinux_signal_descriptor(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return descriptor_of(&set);
}

int clinux_reload_descriptor(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGHUP);
  return descriptor_of(&set);
}

const char *clinux_started_path(void) { return (const char *)getauxval(AT_EXECFN); }

int clinux_memory_file(const char *name) {
  int fd = memfd_create(name, 0);
  return fd < 0 ? -errno : fd;
}

ssize_t clinux_socket_path(int socket, int is_peers, char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNSPEC};
  socklen_t size = sizeof address;
  int result = (is_peers ? getpeername : getsockname)(socket, (struct sockaddr *)&address, &size);
  if (result < 0) return -errno;
  path[0] = 0;
  if (address.sun_family != AF_UNIX || size <= offsetof(struct sockaddr_un, sun_path)) return 0;
  // The name of an abstract one begins with NUL. One without room for its NUL ends with the address.
  size_t length = strnlen(address.sun_path, size - offsetof(struct sockaddr_un, sun_path));
  if (length > CLINUX_SOCKET_PATH_MAX) return -ENAMETOOLONG;
  memcpy(path, address.sun_path, length);
  path[length] = 0;
  return (ssize_t)length;
}

int clinux_notify(const char *path, const char *text) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = strlen(path);
  if (length == 0 || length > CLINUX_SOCKET_PATH_MAX) return -ENAMETOOLONG;
  memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = 0;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  ssize_t sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address, size);
  int error = sent < 0 ? errno : 0;
  close(fd);
  return -error;
}

int clinux_is_drained(int socket) {
  char byte;
  shutdown(socket, SHUT_RDWR);
  // A byte out of band is not among those that are peeked at.
  struct pollfd urgent = {.fd = socket, .events = POLLPRI};
  return recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0 && poll(&urgent, 1, 0) >= 0 && !(urgent.revents & POLLPRI);
}
