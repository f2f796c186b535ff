//! What a sink writes, as ffprobe and ffmpeg read it back.

mod files;
mod pixels;
mod support;
mod time;
