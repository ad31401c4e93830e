#!/usr/bin/env bash
# Measures two commits in turn and prints one table.
#   bench/compare.sh OLD NEW [-- what bench cycle takes]      ROUNDS=5 for more than three rounds
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -ge 2 ] || { sed -n '2,3p' "$0" >&2; exit 64; }
commits=("$1" "$2")
shift 2
[ "${1:-}" = -- ] && shift
scratch=$(mktemp -d)
trap 'for side in 0 1; do git worktree remove --force "$scratch/$side" 2>/dev/null || true; done
      rm -rf "$scratch"' EXIT
for side in 0 1; do
    git worktree add --quiet --detach "$scratch/$side" "${commits[$side]}"
    echo "building ${commits[$side]}" >&2
    (cd "$scratch/$side" && for product in broker bench; do
        swift build -c release --product $product >"$scratch/build.$side" 2>&1 ||
            { tail -n 20 "$scratch/build.$side" >&2; exit 1; }
    done)
done
for round in $(seq "${ROUNDS:-3}"); do
    for side in 0 1; do
        "$scratch/$side/.build/release/bench" cycle --json "$@" >>"$scratch/results.$side"
        echo "round $round: ${commits[$side]} done" >&2
    done
done
python3 - "$scratch" "${commits[@]}" <<'PYTHON'
import json, statistics, sys
scratch, *commits = sys.argv[1:]
runs = [[json.loads(line) for line in open(f"{scratch}/results.{side}")] for side in (0, 1)]
print(f"{'median of ' + str(len(runs[0])):26}{commits[0][:20]:>22}{commits[1][:20]:>22}{'change':>10}")
for name in ("jobs_per_second", "enqueue_p50_us", "enqueue_p99_us", "cycle_p50_us", "cycle_p99_us",
             "raw_syncs_per_second", "ratio", "broker_cpu_seconds", "bench_cpu_seconds"):
    old, new = (statistics.median(run[name] for run in side) for side in runs)
    print(f"{name:26}{old:22,.1f}{new:22,.1f}{(new / old - 1) * 100 if old else 0:+9.1f}%")
PYTHON
