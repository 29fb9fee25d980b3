// usage: qmp-load server PATH BULK | qmp-load client PATH COUNT [bulk]
//
// A QMP server that does nothing, and a client that counts: what a relay between the two costs is not
// hidden behind QEMU's own time. The server echoes the id.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const char greeting[] = "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 0, \"major\": 11}, "
                               "\"package\": \"null\"}, \"capabilities\": [\"oob\"]}}\r\n";

static void die(const char *what) {
  perror(what);
  exit(2);
}

static void put(int fd, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t done = send(fd, bytes, count, MSG_NOSIGNAL);
    if (done <= 0) exit(0);
    bytes += done;
    count -= (size_t)done;
  }
}

static int reach(const char *path, int listens) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (!listens) {
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) die(path);
    return fd;
  }
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 4) < 0) die(path);
  return fd;
}

static void answer(int fd, char *line, char *bulk, size_t bulk_size) {
  static char reply[8192];
  char *id = strstr(line, "\"id\":");
  if (strstr(line, "query-qmp-schema")) {
    put(fd, bulk, bulk_size);
    return;
  }
  if (!id) {
    put(fd, "{\"return\": {}}\r\n", 16);
    return;
  }
  int size = (int)strcspn(id + 5, "},");
  put(fd, reply, (size_t)snprintf(reply, sizeof reply, "{\"return\": {}, \"id\": %.*s}\r\n", size, id + 5));
}

static void serve(const char *path, size_t bulk_size) {
  char *bulk = malloc(bulk_size);
  memset(bulk, 'x', bulk_size);
  memcpy(bulk, "{\"return\": \"", 12);
  memcpy(bulk + bulk_size - 4, "\"}\r\n", 4);
  int listener = reach(path, 1);
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) die("accept");
    if (fork() > 0) {
      close(fd);
      continue;
    }
    put(fd, greeting, sizeof greeting - 1);
    static char buffer[1 << 20];
    size_t filled = 0;
    for (;;) {
      ssize_t count = recv(fd, buffer + filled, sizeof buffer - 1 - filled, 0);
      if (count <= 0) exit(0);
      filled += (size_t)count;
      // As with QEMU, a command needs no line feed behind it; no string of the load's holds a brace.
      char *start = buffer;
      int depth = 0;
      for (char *at = buffer; at < buffer + filled; at++) {
        if (*at == '{') depth++;
        if (*at != '}' || --depth > 0) continue;
        char kept = at[1];
        at[1] = 0;
        answer(fd, start, bulk, bulk_size);
        at[1] = kept;
        start = at + 1;
      }
      filled -= (size_t)(start - buffer);
      memmove(buffer, start, filled);
    }
  }
}

// Reads until the data ends with a line feed, and returns its size.
static size_t take(int fd) {
  static char buffer[1 << 18];
  size_t total = 0;
  for (;;) {
    ssize_t count = recv(fd, buffer, sizeof buffer, 0);
    if (count <= 0) {
      fprintf(stderr, "the connection ended\n");
      exit(2);
    }
    total += (size_t)count;
    if (buffer[count - 1] == '\n') return total;
  }
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void load(const char *path, long count, int bulk) {
  int fd = reach(path, 0);
  take(fd);
  put(fd, "{\"execute\":\"qmp_capabilities\"}\n", 31);
  take(fd);
  // Without an id the server's bulk needs none.
  const char *command = bulk ? "{\"execute\":\"query-qmp-schema\"}\n" : "{\"execute\":\"query-status\",\"id\":\"load-1\"}\n";
  size_t bytes = 0;
  double start = now();
  for (long i = 0; i < count; i++) {
    put(fd, command, strlen(command));
    bytes += take(fd);
  }
  double seconds = now() - start;
  printf("%.9f %zu\n", seconds, bytes);
}

int main(int count, char **words) {
  if (count == 4 && !strcmp(words[1], "server")) serve(words[2], (size_t)atol(words[3]));
  if (count >= 4 && !strcmp(words[1], "client")) {
    load(words[2], atol(words[3]), count > 4);
    return 0;
  }
  fprintf(stderr, "usage: qmp-load server PATH BULK | qmp-load client PATH COUNT [bulk]\n");
  return 64;
}
