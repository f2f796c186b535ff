#!/bin/bash
# Packs the program, the libraries it needs and models into one folder that runs wherever it is put, for machines without a
# network or packages: the other machine needs a C library at least as new as this one's, and drivers for its cards.
#   BINARY     the program to pack; default target/release/framecast
#   OUTPUT     folder for the result; default dist
#   MODELS     pulled models to pack besides the built-in ones, by name; default none
#   PROVIDERS  providers to pack, by name; default those that were set up
#   CUDA       `system` leaves NVIDIA's own libraries out, for machines that have CUDA 13 and cuDNN 9
#   TOOLS      further programs to pack, each as NAME=PATH; default none
#   FILES      further files to pack; default none
#   SPLIT      size of parts, such as 55M; default one folder, no parts
set -euo pipefail
cd "$(dirname "$0")/.."

binary=${BINARY:-target/release/framecast}
output=${OUTPUT:-dist}
cache=.cache

# Part of every system, and tied to its loader and its kernel.
of_the_system='^(linux-vdso|ld-linux.*|libc|libm|libmvec|libdl|libpthread|librt|libresolv|libutil|libanl)\.so'

main() {
    for tool in patchelf ldd tar gzip sha256sum; do
        command -v $tool >/dev/null || fail "$tool was not found; \`make setup\` installs what is missing"
    done
    [ -x "$binary" ] || fail "there is no program at $binary; \`make build\` makes it"
    name=framecast-$("$binary" --version | cut -d ' ' -f 2)-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m)
    mkdir -p "$output"
    work=$(mktemp -d "$output/bundle.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    folder=$work/$name
    mkdir -p "$folder/lib" "$folder/licences"

    pack_models
    pack_providers
    pack_runtime
    pack_programs
    pack_libraries
    pack_documents

    rm -rf "${output:?}/$name" "$output/$name".*
    if [ -n "${SPLIT:-}" ]; then
        split_into_parts
    else
        mv "$folder" "$output/$name"
        say "$output/$name, $(du -sh "$output/$name" | cut -f 1)"
    fi
}

pack_programs() {
    local program file
    for program in "framecast=$binary" ${TOOLS:-}; do
        install -m 755 --strip "${program#*=}" "$folder/${program%%=*}"
        # Not DT_RUNPATH, which would not hold for the libraries that the libraries need.
        patchelf --force-rpath --set-rpath '$ORIGIN/lib' "$folder/${program%%=*}"
    done
    for file in ${FILES:-}; do
        cp "$file" "$folder"
    done
}

pack_libraries() {
    local soname arrow path rest
    while read -r soname arrow path rest; do
        [[ $soname =~ $of_the_system || $arrow != '=>' ]] && continue
        [ "$path" != not ] || fail "$soname, which $binary needs, was not found on this machine"
        install -m 755 "$path" "$folder/lib/$soname"
        # Some have a path of their own, which would come before the program's.
        patchelf --set-rpath '$ORIGIN' "$folder/lib/$soname"
        echo "$soname $(readlink -f "$path")" >>"$work/libraries"
    done < <(ldd "$binary" $(sed 's/[^ =]*=//g' <<<"${TOOLS:-}") | grep -v ':$' | sed 's/^[[:space:]]*//' | sort -u)
}

pack_runtime() {
    local library=$cache/onnxruntime/lib/libonnxruntime.so
    [ -e "$library" ] || fail "there is no ONNX Runtime at $library; \`make setup\` fetches it"
    cp -L "$library" "$folder/lib/libonnxruntime.so"
}

pack_providers() {
    local provider installed=()
    for provider in "$cache"/providers/*/; do
        [ -d "$provider" ] && installed+=("$(basename "$provider")")
    done
    for provider in ${PROVIDERS-${installed[*]-}}; do
        [ -d "$cache/providers/$provider/lib" ] || fail "$provider is not set up; \`make setup-$provider\` does that"
        mkdir -p "$folder/providers/$provider/lib"
        cp -L "$cache/providers/$provider/lib"/* "$folder/providers/$provider/lib"
        # One of the two names that it has there is enough.
        rm -f "$folder/providers/$provider/lib"/libonnxruntime.so.*
    done
    if [ "${CUDA:-}" = system ]; then
        find "$folder/providers/cuda" -name '*.so*' ! -name 'libonnxruntime*' -delete
    fi
}

pack_models() {
    local model source=${XDG_DATA_HOME:-$HOME/.local/share}/framecast/models
    for model in ${MODELS:-}; do
        [ -e "$source/$model.toml" ] || fail "$model is not there; \`framecast models pull $model\` fetches it"
        mkdir -p "$folder/models"
        cp "$source/$model".* "$folder/models"
    done
}

# The terms of what was packed, by Debian package; elsewhere the list of libraries has to do.
pack_documents() {
    local soname path package
    cp LICENSE-MIT LICENSE-APACHE "$folder/licences"
    while read -r soname path; do
        package=$(dpkg-query -S "$path" 2>/dev/null | head -n 1 | cut -d : -f 1 || true)
        echo "lib/$soname ${package:-unknown} $path"
        if [ -e "/usr/share/doc/$package/copyright" ]; then
            cp -L "/usr/share/doc/$package/copyright" "$folder/licences/$package"
        fi
    done <"$work/libraries" >"$folder/licences/LIBRARIES"
    cat >"$folder/README" <<TEXT
framecast, with all that it needs. Run ./framecast from here or from anywhere else; ./framecast doctor says what this machine
can do. Needed besides: the C library $(getconf GNU_LIBC_VERSION | cut -d ' ' -f 2) or newer, and drivers for GPUs.

FFmpeg's libraries are those of Debian or Ubuntu, under the GPL; licences/ has the terms of all libraries, and licences/LIBRARIES
says which package each one is from.
TEXT
}

# NAME.tar.gz.000 and so on, and a script that checks and joins them.
split_into_parts() {
    local parts=$work/parts
    mkdir "$parts"
    tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner -cf - "$name" | gzip -6n |
        split -b "$SPLIT" -d -a 3 - "$parts/$name.tar.gz."
    (cd "$parts" && sha256sum "$name".tar.gz.* >"$name.sha256")
    cat >"$parts/$name.unpack.sh" <<TEXT
#!/bin/sh
# Joins the parts beside it and unpacks them into the current folder, or into the one that is named.
set -eu
parts=\$(cd "\$(dirname "\$0")" && pwd)
(cd "\$parts" && sha256sum -c $name.sha256 >&2)
mkdir -p "\${1:-.}"
cat "\$parts"/$name.tar.gz.[0-9]* | tar -xzf - -C "\${1:-.}"
echo "unpacked: \${1:-.}/$name"
TEXT
    chmod 755 "$parts/$name.unpack.sh"
    mv "$parts"/* "$output"
    say "$output/$name.tar.gz.*, $(ls "$output/$name".tar.gz.* | wc -l) parts; $name.unpack.sh joins them"
}

say() {
    echo "bundle: $*" >&2
}

fail() {
    say "$*"
    exit 1
}

main
