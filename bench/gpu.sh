#!/bin/bash
# Every check and benchmark that needs a GPU, from a bundle (`make gpu-bundle`), inside ten minutes; prints one table and
# leaves the details in a folder. Run it in the bundle's folder, or name that:
#   gpu.sh [BUNDLE]
#   DEVICES  where networks shall run; default "cuda tensorrt tensorrt-rtx"
#   RESULTS  folder for logs and the table; default ./gpu-results
#   FRAMES   frames of 1080p for each figure; default 1200
#   MODELS   networks to measure besides live-x2; default animevideov3-x2 where it was packed
# Figures are frames per second of whole runs without an encoder; "network" is the time inside ONNX Runtime for a frame; workers
# spend it side by side. Where semaphores order kernels and network, it is the time in which the run is queued.
set -uo pipefail

bundle=$(cd "${1:-.}" && pwd)
results=${RESULTS:-gpu-results}
frames=${FRAMES:-1200}
devices=${DEVICES:-cuda tensorrt tensorrt-rtx}
framecast=$bundle/framecast

main() {
    [ -x "$framecast" ] || { echo "there is no framecast in $bundle; name the folder of a bundle" >&2; exit 2; }
    mkdir -p "$results"
    results=$(cd "$results" && pwd)
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    # Engines and choices of this run alone.
    export XDG_CACHE_HOME=$work/cache
    : >"$results/table.txt"
    row check outcome asked
    about_the_machine
    checks
    make_clips
    for device in $devices; do
        throughput "$device" live-x2 500
        from_card "$device" live-x2
        alone "$device" live-x2
        for model in ${MODELS-$(packed animevideov3-x2)}; do
            throughput "$device" "$model" 100
            alone "$device" "$model"
        done
        same_pixels "$device"
        prediction "$device"
    done
    decoding
    encoding
    echo
    cat "$results/table.txt"
}

# row NAME OUTCOME ASKED
row() {
    printf '%-58s %-44s %s\n' "$1" "$2" "${3:-}" | tee -a "$results/table.txt" >&2
}

packed() {
    if [ -e "$bundle/models/$1.toml" ]; then echo "$1"; fi
}

about_the_machine() {
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader >"$results/card.txt" 2>/dev/null ||
        echo "nvidia-smi was not found or failed" >"$results/card.txt"
    row "card, driver, memory" "$(head -n 1 "$results/card.txt")"
    "$framecast" doctor >"$results/doctor.txt" 2>&1
    "$framecast" doctor --json >"$results/doctor.json" 2>/dev/null
    row "providers that work" "$(sed -n 's/^  \([a-z-]*\) *works.*/\1/p' "$results/doctor.txt" | tr '\n' ' ')"
}

# The tests that need an adapter, and the kernels' bandwidth.
checks() {
    local name
    for name in interop kernels; do
        if [ ! -x "$bundle/$name" ]; then
            row "tests: $name" "not packed"
        elif timeout 120 "$bundle/$name" >"$results/$name.txt" 2>&1; then
            row "tests: $name" "$(sed -n 's/^test result: ok. \([0-9]* passed\).*/\1/p' "$results/$name.txt"), $(grep -c skipped: "$results/$name.txt") skipped" "all"
        else
            row "tests: $name" "FAILED, see $name.txt" "all"
        fi
    done
    if [ -x "$bundle/gpu_bandwidth" ]; then
        timeout 120 "$bundle/gpu_bandwidth" --bench >"$results/bandwidth.txt" 2>/dev/null
        row "bandwidth of the kernels" "see bandwidth.txt; copies $(sed -n 's/.* move //p' "$results/bandwidth.txt")" "near copy"
        row "before and after a network, luma to 4K" "$(cell '| luma, doubled') ms" "0.5 ms"
        row "before and after a network, RGB of 4K" "$(cell '| RGB of 4K and back') ms" "0.5 ms"
        row "sharing tensors itself, each memory and type" "$(cell '| shared, without') ms" "0.2 ms"
    else
        row "bandwidth of the kernels" "not packed" "near copy"
    fi
}

# cell ROW: the first figures of the rows of bandwidth.txt that begin so.
cell() {
    grep -F "$1" "$results/bandwidth.txt" | cut -d '|' -f 3 | xargs
}

# A long clip of 1080p, made of the short one of 720p.
make_clips() {
    local short=$bundle/bigbuckbunny.mp4
    [ -e "$short" ] || { row "clips" "bigbuckbunny.mp4 is not packed"; exit 1; }
    "$framecast" run -y -i "$short" -o "$work/short.mkv" --upscale 1080p --model nano-x2 --device cpu --quiet \
        --no-audio --codec libx264 --preset ultrafast --crf 12 || exit 1
    "$framecast" run -y -f lavfi -i "movie=$work/short.mkv:loop=0,setpts=N/30/TB,fps=30,trim=end_frame=$frames" \
        -o "$work/long.mkv" --upscale 1 --device cpu --quiet --codec libx264 --preset ultrafast --crf 18 || exit 1
}

# run LOG OPTIONS...: a run whose last line is a summary in JSON.
run() {
    local log=$1
    shift
    timeout 150 "$framecast" run --json "$@" >"$results/$log.json" 2>"$results/$log.txt"
}

# field LOG NAME: a number or text of the summary.
field() {
    tail -n 1 "$results/$1.json" | grep -o "\"$2\":[^,}]*" | head -n 1 | cut -d : -f 2- | tr -d '"'
}

reason() {
    tail -n 1 "$results/$1.txt" | cut -c 1-100
}

# throughput DEVICE MODEL ASKED: 1080p to 4K, with the pixel work on the GPU and on the processor.
throughput() {
    local device=$1 model=$2 asked=$3 kernels log
    for kernels in gpu cpu; do
        log=$device-$model-$kernels
        if run "$log" -y -i "$work/long.mkv" -f null -o "$work/out" --model "$model" --upscale 2 --reuse off \
            --device "$device" --require-device --kernels "$kernels"; then
            row "$model 1080p to 4K on $device, kernels $kernels" \
                "$(field "$log" precision), $(speed "$log"), $(tensors "$log")" "$asked fps"
        else
            row "$model 1080p to 4K on $device, kernels $kernels" "failed: $(reason "$log")" "$asked fps"
        fi
    done
}

# from_card DEVICE MODEL: the same with frames that the card decodes and that stay there.
from_card() {
    local log=$1-$2-decoded
    if run "$log" -y -i "$work/long.mkv" -f null -o "$work/out" --model "$2" --upscale 2 --device "$1" --kernels gpu \
        --hwaccel cuda --deinterlace off; then
        row "$2 1080p to 4K on $1, decoded there" "$(speed "$log"), $(field "$log" kept_on_device) of $(field "$log" frames_in) frames stayed" "all but 1"
    else
        row "$2 1080p to 4K on $1, decoded there" "failed: $(reason "$log")" "all but 1"
    fi
}

# alone DEVICE MODEL: the network in a loop, on tensors that stay where they are, and what the fastest run with all the rest is of that.
alone() {
    local log=$results/alone-$1-$2 whole=0 kernels fps
    if [ ! -x "$bundle/network_loop" ]; then
        row "$2 alone on $1" "not packed"
    elif timeout 120 "$bundle/network_loop" "$2" "$1" 1920x1080 >"$log.json" 2>"$log.txt"; then
        fps=$(sed -n 's/.*"fps":\([0-9.]*\).*/\1/p' "$log.json")
        for kernels in gpu cpu; do
            whole=$(printf '%s\n%s\n' "$whole" "$(field "$1-$2-$kernels" fps)" | sort -g | tail -n 1)
        done
        row "$2 alone on $1" "$(awk -v a="$fps" -v b="$whole" 'BEGIN { printf "%.1f fps, of which runs reach %.2f", a, b / a }')" "0.9"
    else
        row "$2 alone on $1" "failed: $(tail -n 1 "$log.txt" | cut -c 1-100)" "0.9"
    fi
}

# speed LOG: frames per second, and the network's time for one.
speed() {
    awk -v fps="$(field "$1" fps)" -v frames="$(field "$1" frames_in)" -v network="$(field "$1" network_seconds)" \
        'BEGIN { printf "%.1f fps, network %.2f ms", fps, (frames > 0 ? 1000 * network / frames : 0) }'
}

# tensors LOG: how they went between kernels and network, and what keeps those apart: "tensors: shared, semaphores, graph".
tensors() {
    local note way
    note=$(tail -n 1 "$results/$1.json" | grep -o 'tensors: [^"]*' | tail -n 1)
    way=$(echo "$note" | grep -o '^tensors: [a-z]*')
    case $note in *', ordered by semaphores'*) way="$way, semaphores" ;; esac
    case $note in *', replayed as a CUDA graph'*) way="$way, graph" ;; esac
    echo "${way:-tensors in host memory}"
}

# same_pixels DEVICE: the largest difference from the processor, in code values.
same_pixels() {
    local where
    for where in cpu "$1"; do
        run "pixels-$where" -y -i "$work/short.mkv" --duration 0.5 -f rawvideo -o "$work/$where.yuv" --codec rawvideo \
            --no-audio --model live-x2 --upscale 2 --device "$where" --precision fp32 || {
            row "pixels of $1 beside the processor's" "failed: $(reason "pixels-$where")" "at most 1"
            return
        }
    done
    row "pixels of $1 beside the processor's" "differ by $(difference "$work/cpu.yuv" "$work/$1.yuv") at most" "at most 1"
}

# difference A B: the largest difference of two bytes.
difference() {
    cmp -l "$1" "$2" | awk '
        function number(octal) { return int(octal / 100) * 64 + int(octal % 100 / 10) * 8 + octal % 10 }
        { d = number($2) - number($3); if (d < 0) d = -d; if (d > most) most = d }
        END { print most + 0 }'
}

# prediction DEVICE: 1080p30 to 4K60, and how busy the card is meanwhile.
prediction() {
    local sampler log=$1-predict
    nvidia-smi --query-gpu=utilization.gpu --format=csv,noheader,nounits -lms 200 >"$results/$log.busy" 2>/dev/null &
    sampler=$!
    if run "$log" -y -i "$work/long.mkv" -f null -o "$work/out" --model live-x2 --upscale 2 --fps x2 --mode predict \
        --motion-model flow --device "$1" --kernels gpu; then
        row "prediction x2, 1080p to 4K on $1" "$(speed "$log"), card $(mean "$results/$log.busy") % busy" "60 fps, 15 %"
    else
        row "prediction x2, 1080p to 4K on $1" "failed: $(reason "$log")" "60 fps, 15 %"
    fi
    kill "$sampler" 2>/dev/null
    wait "$sampler" 2>/dev/null
}

mean() {
    awk '{ sum += $1 } END { printf "%.0f", NR ? sum / NR : 0 }' "$1"
}

# Hardware decodes the same pixels. FFmpeg's decoder of AV1 for cards is another than that for processors.
decoding() {
    decodes h264 "$work/short.mkv"
    stays "$work/short.mkv"
    if run to-av1 -y -i "$work/short.mkv" --duration 2 -o "$work/av1.mkv" --codec libsvtav1 --preset 10 --upscale 1 --device cpu; then
        decodes av1 "$work/av1.mkv"
    else
        row "decoding in hardware (av1)" "not tried, no encoder: $(reason to-av1)" "same pixels"
    fi
}

# decodes CODEC FILE
decodes() {
    local hwaccel name="decoding in hardware ($1)"
    for hwaccel in off cuda; do
        run "decode-$1-$hwaccel" -y -i "$2" -f rawvideo -o "$work/decoded-$hwaccel.yuv" --codec rawvideo \
            --no-audio --upscale 1 --device cpu --hwaccel "$hwaccel" || {
            row "$name" "failed: $(reason "decode-$1-$hwaccel")" "same pixels"
            return
        }
    done
    if [ "$(field "decode-$1-cuda" hwaccel)" != cuda ]; then
        row "$name" "was done by the processor: $(field "decode-$1-cuda" hwaccel_problem)" "same pixels"
    else
        row "$name" "differs by $(difference "$work"/decoded-{off,cuda}.yuv)" "same pixels"
    fi
}

# stays FILE: frames that the card decodes and that stay there give the pixels of those that the processor decodes.
stays() {
    local hwaccel name="decoded frames that stay on the card"
    for hwaccel in off cuda; do
        run "stay-$hwaccel" -y -i "$1" --duration 2 -f rawvideo -o "$work/stayed-$hwaccel.yuv" --codec rawvideo --no-audio \
            --model nano-x2 --device cpu --kernels gpu --deinterlace off --hwaccel "$hwaccel" || {
            row "$name" "failed: $(reason "stay-$hwaccel")" "same pixels"
            return
        }
    done
    row "$name" "$(field stay-cuda kept_on_device) of $(field stay-cuda frames_in), differ by $(difference "$work"/stayed-{off,cuda}.yuv)" "same pixels"
}

# Data-centre cards have no encoder.
encoding() {
    if run encode -y -i "$work/short.mkv" -o "$work/encoded.mkv" --codec hevc_nvenc --upscale 1 --device cpu; then
        row "encoding in hardware (hevc_nvenc)" "$(field encode frames_out) frames" "where the card has it"
    else
        row "encoding in hardware (hevc_nvenc)" "failed: $(reason encode)" "where the card has it"
        return
    fi
    from_card_to_encoder h264_nvenc
    from_card_to_encoder hevc_nvenc
}

# from_card_to_encoder ENCODER: finished frames that stay on the card for it; lossless, so that both ways must give the same pixels.
from_card_to_encoder() {
    local kernels name="frames that stay on the card for $1"
    for kernels in cpu gpu; do
        run "encode-$1-$kernels" -y -i "$work/short.mkv" --duration 2 -o "$work/encoded-$kernels.mkv" --codec "$1" --no-audio \
            --encoder-opt tune=lossless --model nano-x2 --device cpu --kernels "$kernels" --hwaccel cuda --deinterlace off &&
            run "decode-$1-$kernels" -y -i "$work/encoded-$kernels.mkv" -f rawvideo -o "$work/encoded-$kernels.yuv" \
                --codec rawvideo --upscale 1 --device cpu || {
            row "$name" "failed: $(reason "encode-$1-$kernels")" "same pixels"
            return
        }
    done
    row "$name" "$(field "encode-$1-gpu" encoded_on_device) of $(field "encode-$1-gpu" frames_out), differ by $(difference "$work"/encoded-{cpu,gpu}.yuv)" "all but 1, at most 1"
    if run "encode-$1-4k" -y -i "$work/long.mkv" -o "$work/out.mkv" --model live-x2 --upscale 2 --device cuda --kernels gpu \
        --hwaccel cuda --deinterlace off --codec "$1"; then
        row "live-x2 1080p to 4K on cuda, decoded and encoded there ($1)" "$(speed "encode-$1-4k"), $(field "encode-$1-4k" encoded_on_device) of $(field "encode-$1-4k" frames_out) frames stayed" "near the row without an encoder"
    else
        row "live-x2 1080p to 4K on cuda, decoded and encoded there ($1)" "failed: $(reason "encode-$1-4k")" "near the row without an encoder"
    fi
}

main
