#define _GNU_SOURCE
#include "unix_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
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
  if (message.msg_flags & MSG_CTRUNC) {
    for (size_t i = 0; i < *descriptor_count; i++) close(descriptors[i]);
    *descriptor_count = 0;
    return -EMFILE;
  }
  return count;
}
