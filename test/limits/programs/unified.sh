#!/bin/sh
# The first process of a machine of its own, whose control groups are of version 2: runs the module $JOB with $NODE in one that has been
# delegated, and prints what it prints, its exit status, and which groups are left.
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo +memory > /sys/fs/cgroup/cgroup.subtree_control
mkdir /sys/fs/cgroup/delegated
PATH=/usr/local/bin:/usr/bin:/bin sh -c 'echo 0 > /sys/fs/cgroup/delegated/cgroup.procs && exec "$NODE" "$JOB"'
echo "status $?"
find /sys/fs/cgroup/delegated -mindepth 1 -type d
echo o > /proc/sysrq-trigger
sleep 60
