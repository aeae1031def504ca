#!/usr/bin/env bash
# down.sh FOLDER: ends a cluster of up.sh, with its jobs, and removes the folder. Ends only what has its number there.
set -uo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
folder=$(cd "$1" && pwd) || exit 1
[ -e "$folder/.slurm-of-otto" ] || exit 1
# shellcheck source=/dev/null
. "$folder/env"
timeout 5 scancel --user="$(id -un)" 2>/dev/null && sleep 0.3
timeout 5 scancel --full --signal=KILL --user="$(id -un)" 2>/dev/null
pids=()
for name in node1 node2 slurmctld munged; do
    pid=$(cat "$folder/$name.pid" 2>/dev/null) || continue
    # Numbers are given again: it must still be one of them.
    if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qE 'slurmd|slurmctld|munged'; then pids+=("$pid"); fi
done
if ((${#pids[@]})); then
    kill "${pids[@]}" 2>/dev/null
    for _ in {1..40}; do
        kill -0 "${pids[@]}" 2>/dev/null || break
        sleep 0.05
    done
    kill -9 "${pids[@]}" 2>/dev/null
fi
for machine in "$folder"/machine[12]; do
    if [ -s "$machine" ]; then kill -9 "$(cat "$machine")" 2>/dev/null; fi
done
if [ -n "${PORT:-}" ]; then
    for number in 1 2; do
        ip link del "otto$PORT.$number" 2>/dev/null
        ip netns del "otto$PORT.$number" 2>/dev/null
    done
    ip link del "otto$PORT" 2>/dev/null
fi
# Those of another cluster may be about to be used, also empty ones: only those of jobs of this cluster go.
first=$(sed -n 's/^FirstJobId=//p' "$folder/slurm.conf")
for group in /sys/fs/cgroup/*/slurm_node[12]; do
    if [ -d "$group" ]; then find "$group" -depth -type d -path "*/job_${first%000}[0-9][0-9][0-9]*" -exec rmdir {} + 2>/dev/null; fi
done
rm -rf -- "$folder"
