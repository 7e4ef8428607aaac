// Preloaded into a process: writes the path of every file that is synced to SYNC_LOG. While the file SYNC_FAIL exists,
// syncs of a write-ahead log fail; with "once" in it, only the next one.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int synced(int fd, const char *name) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 2);
  if (length < 0) length = 0;
  path[length] = '\n';

  const char *log = getenv("SYNC_LOG");
  int out = log ? open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
  if (out >= 0) {
    if (write(out, path, (size_t)length + 1) < 0) abort();
    close(out);
  }

  const char *fail = getenv("SYNC_FAIL");
  int order = fail && length > 4 && memcmp(path + length - 4, "-wal", 4) == 0 ? open(fail, O_RDONLY | O_CLOEXEC) : -1;
  if (order >= 0) {
    char text[4] = {0};
    if (read(order, text, sizeof text) == 4 && memcmp(text, "once", 4) == 0) unlink(fail);
    close(order);
    errno = EIO;
    return -1;
  }
  int (*original)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  return original(fd);
}

int fsync(int fd) { return synced(fd, "fsync"); }
int fdatasync(int fd) { return synced(fd, "fdatasync"); }
