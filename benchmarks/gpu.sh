#!/usr/bin/env bash
# What is measured on a machine with a GPU, in three calls of well under nine minutes each:
#
#   benchmarks/gpu.sh tests OUT          the GPU tests, and how far maps are from those of a CPU
#   benchmarks/gpu.sh speed OUT          what attributions and trainings cost
#   benchmarks/gpu.sh table OUT [DATA]   whether bfloat16 changes accuracies, and as many cells of
#                                        table 1 as MINUTES (5) allow; OUT/cells.zip has them, and a
#                                        later call continues from it (or from PACK, or the record)
#
# OUT   folder for all results: PART.txt, *.json, *.md, cells.zip
# DATA  folder with CIFAR-10; without, images are generated shapes, and no table is made
#
# It needs PyTorch, timm and their like, but no network. What the machine lacks is carried along as
# wheels: where there is a network, `pip wheel captum --no-deps --wheel-dir wheels`, and there
# `WHEELS=wheels benchmarks/gpu.sh tests OUT`. Further variables: PYTHON (python3), DEVICE (cuda;
# with cpu everything is so small that only the commands are tested, without the limits on time).
set -u
if [ $# -lt 2 ] || [ $# -gt 3 ] || ! [[ $1 =~ ^(tests|speed|table)$ ]]; then
    echo "usage: $0 tests|speed|table OUT [DATA]" >&2
    exit 2
fi
mkdir -p "$2" || exit 2
out=$(cd "$2" && pwd)
data=shapes
if [ $# -eq 3 ]; then
    data=$(cd "$3" && pwd) || exit 2
fi
pack=${PACK:-$out/cells.zip}
minutes=${MINUTES:-5}
log=$out/$1.txt
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
: >"$log"

# part SECONDS COMMAND...: run it for so long at most, and go on if it fails.
part() {
    local limit=$(($1 * patience)) begun=$SECONDS status=0
    shift
    echo "== $*" | tee -a "$log"
    timeout --kill-after=5 "$limit" "$@" > >(tee -a "$log") 2>&1 || status=$?
    if [ "$status" -ne 0 ] && [ "$status" -ne 75 ]; then
        failed=1
    fi
    echo "== exit status $status after $((SECONDS - begun)) s (124: the limit of $limit s;" \
        "75: not finished, continue later)" | tee -a "$log"
}

if [ "$device" = cuda ]; then
    patience=1
    speed=(--seconds 30)
    accuracy=(--networks 16 --epochs 10)
    attribution=(--seconds 8)
    agreement=()
    tests=()
    table=(--preset paper --precision bfloat16)
    if [ ! -e "$pack" ]; then pack=benchmarks/results/roar-kar-cells/paper.zip; fi
    nvidia-smi >>"$log" 2>&1
else
    patience=10
    speed=(--seconds 0 --steps 1)
    accuracy=(--networks 2 --epochs 1 --train-images 64 --test-images 64)
    attribution=(--seconds 0 --network cifar10_cnn)
    agreement=(--network cifar10_cnn)
    tests=(-k cifar10_cnn)
    table=(--preset smoke)
fi
case $1 in
tests)
    part 240 "$python" -m pytest -q -p no:cacheprovider -W default tests/gpu "${tests[@]}"
    part 120 "$python" -m benchmarks.device_agreement --device "$device" "${agreement[@]}" \
        --out "$out/agreement.json"
    ;;
speed)
    part 300 "$python" -m benchmarks.attribution --device "$device" --brief "${attribution[@]}" \
        --out "$out/attribution.json"
    part 120 "$python" -m benchmarks.training --device "$device" "${speed[@]}" \
        --out "$out/training.json"
    ;;
table)
    part 150 "$python" -m benchmarks.training --device "$device" --accuracy --data "$data" \
        "${accuracy[@]}" --out "$out/accuracy.json"
    if [ "$data" != shapes ]; then
        command="import sys; from captum_rectgrad.cli.main import main; sys.exit(main())"
        unpack=()
        if [ -e "$pack" ]; then unpack=(--unpack "$pack"); fi
        part $(awk "BEGIN {print int(60 * $minutes) + 60}") "$python" -c "$command" \
            reproduce roar-kar "${table[@]}" --device "$device" --data "$data" \
            --minutes "$minutes" --out "$out/roar-kar" --pack "$out/cells.zip" "${unpack[@]}"
        mv -f "$out/roar-kar/result.json" "$out/roar-kar.json" 2>/dev/null
    fi
    ;;
esac
exit "$failed"
