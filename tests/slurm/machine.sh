#!/usr/bin/env bash
# machine.sh FOLDER ACTION NUMBER: a node of a cluster of up.sh with APART=1. It has a network, processes, mounts, a host name
# and a /tmp of its own, and sees FOLDER/shared by a file system that believes for FILE_CACHE seconds what it was told of a name.
#   start              the machine, with its slurmd
#   crash              all its processes end at once
#   cut, heal          it is off the network, and on it again
#   run COMMAND...     runs a command there
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
folder=$(cd "$1" && pwd) action=$2 number=$3
# shellcheck source=/dev/null
. "$folder/env"
space=otto$PORT.$number link=otto$PORT.$number
# Of the first process there, by whose end all others end.
pid=$folder/machine$number

# What the first process does before it becomes slurmd.
inhabit() {
    mount --make-rprivate /
    hostname "node$number"
    # The folder of the cluster may be in /tmp.
    mount --bind "$folder" /mnt
    mount -t tmpfs -o mode=1777 tmpfs /tmp
    mkdir -p "$folder"
    mount --bind /mnt "$folder"
    umount /mnt
    local cache="attr_timeout=$FILE_CACHE,entry_timeout=$FILE_CACHE,negative_timeout=$FILE_CACHE"
    bindfs --multithreaded -o "nonempty,$cache" "$folder/shared" "$folder/shared"
    exec slurmd -N "node$number" -D
}

case $action in
    start)
        if [ ! -e "/run/netns/$space" ]; then
            ip netns add "$space"
            ip link add "$link" type veth peer name eth0 netns "$space"
            ip link set "$link" master "otto$PORT" up
            ip -n "$space" addr add "$NETWORK.$((10 + number))/24" dev eth0
            ip -n "$space" link set lo up
            ip -n "$space" link set eth0 up
        fi
        nsenter --net="/run/netns/$space" unshare --uts --ipc --mount --pid --fork --kill-child --mount-proc \
            "$0" "$folder" inhabit "$number" </dev/null >>"$folder/log/machine$number" 2>&1 &
        parent=$!
        disown
        until [ -s "$pid" ]; do
            sleep 0.02
            pgrep -P "$parent" >"$pid" || kill -0 "$parent"
        done
        ;;
    inhabit) inhabit ;;
    crash)
        kill -9 "$(cat "$pid")"
        rm "$pid"
        ;;
    cut) ip link set "$link" down ;;
    heal) ip link set "$link" up ;;
    run) nsenter -t "$(cat "$pid")" -m -u -i -n -p -- "${@:4}" ;;
esac
