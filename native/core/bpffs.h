// A bpffs of one's own: where what is pinned stays after its maker has gone. The one at /sys/fs/bpf is closed to all but
// root on most hosts (systemd mounts it with mode 0700).
#pragma once

#include <string>

#include "core/sys_error.h"

namespace bpftop {

/// Mounts an empty one on a directory; its root is root's alone. EPERM: without CAP_SYS_ADMIN in this user namespace.
SysError mount_bpffs(const std::string& dir);

/// Takes it off again, even if somebody is reading there; their files go when they are closed. EINVAL: nothing is mounted
/// there.
SysError unmount(const std::string& dir);

}  // namespace bpftop
