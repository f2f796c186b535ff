#!/bin/bash
# Doubles the demo clip in size and frame rate, and shows what went in and what came out.
set -euo pipefail
cd "$(dirname "$0")/.."

clip=.cache/clips/bigbuckbunny.mp4
result=demo/bigbuckbunny-2x.mp4

mkdir -p demo
target/release/framecast run -i "$clip" -o "$result" -y --fps x2
for file in "$clip" "$result"; do
    echo "$file"
    ffprobe -v error -of compact=p=0 \
        -show_entries stream=index,codec_name,width,height,pix_fmt,avg_frame_rate,nb_frames,sample_rate "$file"
done
echo "Compare them with any player. The clip is from Big Buck Bunny, (c) Blender Foundation, CC-BY 3.0."
