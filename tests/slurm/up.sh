#!/usr/bin/env bash
# up.sh FOLDER PORT [OWNER]: a real Slurm of two nodes on this machine, in less than a second, for any user. All of it is in
# FOLDER, which is new; `. FOLDER/env` shows it to Slurm's commands. It uses PORT and the two after it.
# It ends with down.sh FOLDER, or when the process OWNER has ended.
#
# Numbers of jobs begin at another place for each PORT, because control groups of all clusters are side by side.
# Partitions: main, low (main may preempt it), closed (down). Each node has 64 processors, 64 GiB and 2 GPUs on paper.
#   MIN_JOB_AGE=300  after so many seconds Slurm forgets a job that is over
#   KILL_WAIT=5      seconds between SIGTERM and SIGKILL
#   USUAL=           1: Slurm's own pace, by which a job waits about 3 s; else jobs start at once
#   APART=           1, for root: each node is a machine of its own, see machine.sh; what is in FOLDER/shared they have in common
#   FILE_CACHE=3     seconds for which such a machine believes what it knows of a file
#   CLOCK=           of the library faketime: what the clock of node2 is for tasks, `+3600s`
#   LOST_AFTER=30    seconds after which a node that does not answer is down
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd) port=$2 owner=${3:-}
host=$(uname -n)
host=${host%%.*}

# until_true SECONDS COMMAND...
until_true() {
    local left=$(($1 * 20))
    shift
    until "$@" >/dev/null 2>&1; do
        if ((left-- == 0)); then return 1; fi
        sleep 0.05
    done
}

umask 022
mkdir "$folder"/{state,spool,log}
mkdir -m 700 "$folder/munge"
touch "$folder/.slurm-of-otto"

# Users are known to each other by a key; it must be a secret, and the folder of the socket must be open.
(umask 077 && head -c 1024 /dev/urandom >"$folder/munge/key")
munged --key-file="$folder/munge/key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
    --seed-file="$folder/munge/seed" --log-file="$folder/log/munged" --num-threads=2
until_true 10 test -S "$folder/munge.socket"

# Memory is limited by control groups where there are those of version 1 and they are ours, else by looking once a second.
if [ -w /sys/fs/cgroup/freezer ] && [ -w /sys/fs/cgroup/memory ]; then
    limits='ProctrackType=proctrack/cgroup
TaskPlugin=task/cgroup
JobAcctGatherType=jobacct_gather/cgroup'
    printf '%s\n' CgroupPlugin=cgroup/v1 CgroupMountpoint=/sys/fs/cgroup CgroupAutomount=no ConstrainRAMSpace=yes \
        ConstrainSwapSpace=yes AllowedSwapSpace=0 >"$folder/cgroup.conf"
else
    limits='ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill'
    echo CgroupPlugin=cgroup/v1 >"$folder/cgroup.conf"
fi
pace='SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=10000,default_queue_depth=1000'
if [ "${USUAL:-}" = 1 ]; then pace=''; fi
printf 'Name=gpu File=/dev/null\nName=gpu File=/dev/zero\n' >"$folder/gres.conf"
address=127.0.0.1
for number in 1 2; do
    place[number]="NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + number))"
done
printf 'export SLURM_CONF=%q\n' "$folder/slurm.conf" >"$folder/env"
if [ "${APART:-}" = 1 ]; then
    network=10.77.$((port / 3 % 250))
    address=$network.1
    for number in 1 2; do
        place[number]="NodeHostname=node$number NodeAddr=$network.$((10 + number)) Port=$((port + 1))"
    done
    mkdir "$folder/shared"
    ip link add "otto$port" type bridge
    ip addr add "$address/24" dev "otto$port"
    ip link set "otto$port" up
    printf 'PORT=%q NETWORK=%q FILE_CACHE=%q\n' "$port" "$network" "${FILE_CACHE:-3}" >>"$folder/env"
fi
# Slurm sets the variables that this program prints.
cat >"$folder/clock.sh" <<CLOCK
#!/bin/sh
if [ "\$SLURMD_NODENAME" = node2 ] && [ -n "${CLOCK:-}" ]; then
    echo "export LD_PRELOAD=$(echo /usr/lib/*/faketime/libfaketimeMT.so.1)"
    echo "export FAKETIME=${CLOCK:-}"
fi
CLOCK
chmod +x "$folder/clock.sh"
cat >"$folder/slurm.conf" <<CONF
ClusterName=otto
SlurmctldHost=$host($address)
SlurmctldPort=$port
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CredType=cred/munge
MpiDefault=none
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/%n.pid
SlurmctldLogFile=$folder/log/slurmctld
SlurmdLogFile=$folder/log/%n
SlurmdParameters=config_overrides
ReturnToService=2
TaskProlog=$folder/clock.sh
SlurmdTimeout=${LOST_AFTER:-30}
InactiveLimit=0
WaitTime=0
KillWait=${KILL_WAIT:-5}
MinJobAge=${MIN_JOB_AGE:-300}
MaxJobCount=20000
FirstJobId=$((port % 40000 * 1000))
JobRequeue=1
PropagateResourceLimits=ALL
GresTypes=gpu
SchedulerType=sched/backfill
$pace
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=100
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
$limits
AccountingStorageType=accounting_storage/none
NodeName=node1 ${place[1]} CPUs=64 RealMemory=65536 Gres=gpu:2
NodeName=node2 ${place[2]} CPUs=64 RealMemory=65536 Gres=gpu:2
PartitionName=main Nodes=ALL Default=YES PriorityTier=10 PreemptMode=OFF
PartitionName=low Nodes=ALL PriorityTier=1 PreemptMode=CANCEL
PartitionName=closed Nodes=ALL PriorityTier=10 State=DOWN
CONF
export SLURM_CONF=$folder/slurm.conf

if [ -n "$owner" ]; then
    (
        while kill -0 "$owner" 2>/dev/null; do sleep 0.5; done
        exec "$here/down.sh" "$folder"
    ) </dev/null >/dev/null 2>&1 &
    disown
fi
slurmctld
for number in 1 2; do
    if [ "${APART:-}" = 1 ]; then "$here/machine.sh" "$folder" start "$number"; else slurmd -N "node$number"; fi
done
both_are_up() { [ "$(sinfo -h -r -p main -t idle,mix,alloc -o %D)" = 2 ]; }
if ! until_true 30 both_are_up; then
    tail -n 5 "$folder"/log/* >&2
    exit 1
fi
