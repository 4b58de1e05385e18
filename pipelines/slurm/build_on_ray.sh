#!/usr/bin/env bash
# Build a recipe on all nodes of a SLURM allocation: starts Ray on them, builds, ends Ray. Needs no internet.
#
#   sbatch --nodes=4 --cpus-per-task=32 --mem=128G --time=12:00:00 pipelines/slurm/build_on_ray.sh \
#       aloe_sft --mirror /shared/mirror --store /shared/store
#
# The arguments are those of `sabila build`. Submit it from the checkout. Checkout, environment, mirror and store lie on a
# file system that all nodes share. A job that runs out of time is submitted again: the build resumes. Jobs with stores of
# their own, such as arrays over recipes, exchange finished steps with --shared-store /shared/steps.
#   VENV      environment with sabila and its extra `ray`  [.venv in the checkout]
#   RAY_PORT  port of the head node  [6379; give jobs that may share a node different ones]
#SBATCH --job-name=sabila
#SBATCH --ntasks-per-node=1
set -euo pipefail

# shellcheck disable=SC1091
source "${VENV:-$PWD/.venv}/bin/activate"
export RAY_USAGE_STATS_ENABLED=0 HF_HUB_OFFLINE=1
# Only who knows the token of this job can run code on its cluster; srun hands it to all nodes.
RAY_AUTH_TOKEN=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN
cpus=${SLURM_CPUS_PER_TASK:-${SLURM_CPUS_ON_NODE:-1}}
port=${RAY_PORT:-6379}
mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}

step=(srun --overlap --nodes=1 --ntasks=1) # a command on a node of the allocation, next to what runs there

# The build itself runs on the head node, where two CPUs are left to it.
address=$("${step[@]}" --nodelist="$head" hostname --ip-address | awk '{print $1}')
started=()
trap 'kill "${started[@]}" 2>/dev/null || true; wait' EXIT
"${step[@]}" --nodelist="$head" ray start --head --block --node-ip-address="$address" --port="$port" \
    --include-dashboard=false --num-cpus="$((cpus > 3 ? cpus - 2 : cpus))" >&2 &
started+=($!)
for _ in $(seq 60); do
    "${step[@]}" --nodelist="$head" bash -c "</dev/tcp/$address/$port" 2>/dev/null && break
    sleep 2
done
for node in "${nodes[@]:1}"; do
    "${step[@]}" --nodelist="$node" ray start --block --address="$address:$port" --num-cpus="$cpus" >&2 &
    started+=($!)
done

# Nodes that come later than the first tasks are used as well; the work of a node that dies is done by the others.
"${step[@]}" --nodelist="$head" sabila build "$@" --engine ray --ray-address "$address:$port"
