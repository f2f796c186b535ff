//! What a sink writes, as ffprobe and ffmpeg read it back.

mod support;
mod time;
