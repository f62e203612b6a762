#!/usr/bin/env bash
# On a machine with a GPU, in under nine minutes: the GPU tests, what trainings of roar-kar and
# attributions cost there, and whether bfloat16 changes accuracies. Usage:
#
#   benchmarks/gpu.sh OUT [DATA]
#
# OUT   folder for all results: log.txt, training.*, accuracy.*, attribution.*
# DATA  folder with CIFAR-10 for the accuracies; without, they are of generated shapes
#
# It needs PyTorch, timm and their like, but no network. What the machine lacks is carried along as
# wheels: where there is a network, `pip wheel captum --no-deps --wheel-dir wheels`, and there
# `WHEELS=wheels benchmarks/gpu.sh OUT`. Further variables: PYTHON (python3), DEVICE (cuda; with cpu
# everything is so small that only the commands are tested, without the limits on time).
set -u
if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo "usage: $0 OUT [DATA]" >&2
    exit 2
fi
mkdir -p "$1" || exit 2
out=$(cd "$1" && pwd)
data=shapes
if [ $# -eq 2 ]; then
    data=$(cd "$2" && pwd) || exit 2
fi
python=${PYTHON:-python3}
device=${DEVICE:-cuda}
site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
if [ -n "${WHEELS:-}" ]; then
    "$python" -m pip install --quiet --no-deps --no-index --target "$site" "$WHEELS"/*.whl || exit 2
fi
cd "$(dirname "$0")/.." || exit 2
export PYTHONPATH="$PWD:$PWD/zoo:$site${PYTHONPATH:+:$PYTHONPATH}"
export RECTGRAD_DEVICE="$device"
export PYTHONUNBUFFERED=1
failed=0
: >"$out/log.txt"

# part SECONDS COMMAND...: run it for so long at most, and go on whatever becomes of it.
part() {
    local limit=$(($1 * patience)) begun=$SECONDS status=0
    shift
    echo "== $*" | tee -a "$out/log.txt"
    timeout --kill-after=5 "$limit" "$@" >>"$out/log.txt" 2>&1 || status=$?
    if [ "$status" -ne 0 ]; then
        failed=1
    fi
    echo "== exit status $status after $((SECONDS - begun)) s (124: the limit of $limit s)" |
        tee -a "$out/log.txt"
}

if [ "$device" = cuda ]; then
    patience=1
    speed=(--seconds 30)
    accuracy=(--networks 16 --epochs 10)
    attribution=(--seconds 6)
    tests=()
    nvidia-smi >>"$out/log.txt" 2>&1
else
    patience=10
    speed=(--seconds 0 --steps 1)
    accuracy=(--networks 2 --epochs 1 --train-images 64 --test-images 64)
    attribution=(--seconds 0 --network cifar10_cnn)
    tests=(-k cifar10_cnn)
fi
# 120 + 90 + 120 + 190 seconds: under nine minutes. The longest comes last.
part 120 "$python" -m pytest -q -p no:cacheprovider -W default tests/gpu "${tests[@]}"
part 90 "$python" -m benchmarks.training --device "$device" "${speed[@]}" --out "$out/training.json"
part 120 "$python" -m benchmarks.training --device "$device" --accuracy --data "$data" \
    "${accuracy[@]}" --out "$out/accuracy.json"
part 190 "$python" -m benchmarks.attribution --device "$device" --brief "${attribution[@]}" \
    --out "$out/attribution.json"
exit "$failed"
