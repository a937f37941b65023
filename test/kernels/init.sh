#!/bin/busybox sh
# The first process of a guest: runs the commands of /tests, one a line, and says which one it is and how it ended.
/bin/busybox --install -s /bin
export PATH=/bin HOME=/tmp TAP_TIMEOUT=0 NODE_NO_WARNINGS=1
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mount -t cgroup2 none /sys/fs/cgroup
ip link set lo up
echo "guest: kernel $(uname -r)"
cd /bpftop-ts
while read -r line; do
  echo "guest: begin $line"
  sh -c "$line" < /dev/null
  echo "guest: status $?"
done < /tests
echo 'guest: end'
poweroff -f
