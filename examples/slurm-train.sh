#!/usr/bin/env bash
# Train the runs of a file on several machines: one torchrun on each, which find one another at the first.
#
#     sbatch examples/slurm-train.sh runs.toml --data /shared/corpus --out /shared/runs
#
# The job is asked to stop five minutes before its time is over: the run writes a checkpoint, and goes on in the next job.
# A rank that dies takes all others with it, and torchrun begins them anew from the last checkpoint, three times at most.
#SBATCH --job-name=optimoe
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=64
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@300
set -euo pipefail

read -r first < <(scontrol show hostnames "$SLURM_JOB_NODELIST") # a pipe that ends early would end this script
port=$((20000 + SLURM_JOB_ID % 10000)) # another one for each job of a machine
export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 # each start has a store of its own; a shared one names ranks that are gone
export OMP_NUM_THREADS=$((SLURM_CPUS_PER_TASK / SLURM_GPUS_ON_NODE))
exec srun torchrun \
  --nnodes "$SLURM_NNODES" --nproc-per-node "$SLURM_GPUS_ON_NODE" --max-restarts 3 --shutdown-timeout 240 \
  --rdzv-id "$SLURM_JOB_ID" --rdzv-backend c10d --rdzv-endpoint "$first:$port" \
  -m optimoe train "$@"
