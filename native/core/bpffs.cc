#include "core/bpffs.h"

#include <sys/mount.h>

#include <cerrno>

namespace bpftop {

SysError mount_bpffs(const std::string& dir) {
  if (::mount("bpftop-ts", dir.c_str(), "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") == 0) return {};
  return {errno, "mount(bpf)"};
}

SysError unmount(const std::string& dir) {
  return ::umount2(dir.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0 ? SysError() : SysError{errno, "umount"};
}

}  // namespace bpftop
