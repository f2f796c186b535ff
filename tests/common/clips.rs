//! Short clips, one odd case each, made with the `ffmpeg` command line from its own test pictures.
//!
//! A clip is made on first use and kept under the target directory by the hash of its recipe.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

static MAKING: Mutex<()> = Mutex::new(());

/// Where clips lie.
pub fn directory() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clips");
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// Runs `ffmpeg` with `arguments` (split at blanks; `{}` stands for the next of `inputs`) and the clip as output.
pub fn make(name: &str, arguments: &str, inputs: &[&Path]) -> PathBuf {
    let mut inputs = inputs.iter();
    let arguments: Vec<String> = arguments
        .split_whitespace()
        .map(|argument| match argument {
            "{}" => inputs.next().unwrap().to_str().unwrap().to_owned(),
            other => other.to_owned(),
        })
        .collect();
    make_with(name, &arguments, |part| {
        let status = Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin", "-y"])
            .args(&arguments)
            .arg(part)
            .status()
            .expect("the ffmpeg command line is needed for tests");
        assert!(status.success(), "ffmpeg {}", arguments.join(" "));
    })
}

/// Derives a file from other bytes.
pub fn derive(name: &str, source: &Path, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> PathBuf {
    let bytes = change(std::fs::read(source).unwrap());
    make_with(name, &bytes, |part| std::fs::write(part, &bytes).unwrap())
}

fn make_with(name: &str, recipe: &impl Hash, write: impl FnOnce(&Path)) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    recipe.hash(&mut hasher);
    let (stem, extension) = name.rsplit_once('.').unwrap();
    let hash = hasher.finish();
    let path = directory().join(format!("{stem}-{hash:016x}.{extension}"));
    let _only_one = MAKING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if !path.exists() {
        // Under a name of this process's own until it is complete, for test programs that run side by side.
        let part = directory().join(format!("{stem}-{hash:016x}-{}.{extension}", std::process::id()));
        write(&part);
        std::fs::rename(&part, &path).unwrap();
    }
    path
}

const H264: &str = "-c:v libx264 -preset veryfast -crf 30 -pix_fmt yuv420p";

/// 60 frames at 30 fps with B-frames, and stereo AAC.
pub fn cfr_h264_aac() -> PathBuf {
    make(
        "cfr.mp4",
        &format!(
            "-f lavfi -i testsrc2=s=320x180:r=30:d=2 -f lavfi -i sine=f=440:r=48000:d=2 {H264} -c:a aac -b:a 48k"
        ),
        &[],
    )
}

/// 60 fps with frames left out at irregular places.
pub fn vfr_h264() -> PathBuf {
    make(
        "vfr.mp4",
        &format!(
            "-f lavfi -i testsrc2=s=320x180:r=60:d=2 -vf select='not(mod(n,2))+lt(mod(n*7,11),4)' -fps_mode vfr {H264} \
             -video_track_timescale 90000"
        ),
        &[],
    )
}

/// 60 fps for a second, then 15 fps.
pub fn vfr_vp9() -> PathBuf {
    make(
        "vfr.webm",
        "-f lavfi -i testsrc2=s=320x180:r=60:d=2 -vf select='if(lt(t,1),1,not(mod(n,4)))' -fps_mode vfr \
         -c:v libvpx-vp9 -crf 45 -b:v 0 -deadline realtime -cpu-used 8",
        &[],
    )
}

/// Progressive pictures with round shapes in motion, for the interlacing cases; 50 fps, lossless.
pub fn motion() -> PathBuf {
    make("motion.mkv", "-f lavfi -i testsrc2=s=352x288:r=50:d=2 -pix_fmt yuv420p -c:v ffv1", &[])
}

/// H.264 with flagged fields, top field first.
pub fn interlaced_tff_h264() -> PathBuf {
    make(
        "tff.mkv",
        "-i {} -vf tinterlace=interleave_top -c:v libx264 -crf 28 -flags +ilme+ildct -x264opts tff=1",
        &[&motion()],
    )
}

/// MPEG-2 in a transport stream with flagged fields, bottom field first.
pub fn interlaced_bff_mpeg2() -> PathBuf {
    make(
        "bff.ts",
        "-i {} -vf tinterlace=interleave_bottom -c:v mpeg2video -b:v 800k -flags +ilme+ildct -top 0 -alternate_scan 1",
        &[&motion()],
    )
}

/// Fields in lossless pictures that claim to be progressive.
pub fn interlaced_unflagged() -> PathBuf {
    make("fields.mkv", "-i {} -vf tinterlace=interleave_top,setfield=prog -c:v ffv1", &[&motion()])
}

/// 3:2 pulldown, all pictures flagged as interlaced.
pub fn telecine_flagged() -> PathBuf {
    make(
        "telecine.mkv",
        "-f lavfi -i testsrc2=s=352x240:r=24000/1001:d=2 -vf telecine=first_field=top:pattern=23,setfield=tff \
         -c:v libx264 -crf 30 -pix_fmt yuv420p -flags +ilme+ildct -x264opts tff=1",
        &[],
    )
}

/// 3:2 pulldown in lossless pictures that claim to be progressive.
pub fn telecine_unflagged() -> PathBuf {
    make(
        "pulldown.mkv",
        "-f lavfi -i testsrc2=s=352x240:r=24000/1001:d=2 -vf telecine=first_field=top:pattern=23,setfield=prog \
         -pix_fmt yuv420p -c:v ffv1",
        &[],
    )
}

/// Lossless FFV1 or raw video of a pixel format, 12 frames of 175x143, in NUT (raw) or Matroska (FFV1).
pub fn lossless(pixel_format: &str, codec: &str) -> PathBuf {
    let extension = if codec == "rawvideo" { "nut" } else { "mkv" };
    make(
        &format!("lossless_{pixel_format}.{extension}"),
        &format!(
            "-f lavfi -i testsrc2=s=176x144:r=12:d=1,scale=175:143:flags=neighbor -pix_fmt {pixel_format} -c:v {codec}"
        ),
        &[],
    )
}

/// 12 frames of 175x143 without any header.
pub fn raw(pixel_format: &str) -> PathBuf {
    make(
        &format!("raw_{pixel_format}.raw"),
        &format!(
            "-f lavfi -i testsrc2=s=176x144:r=12:d=1,scale=175:143:flags=neighbor -pix_fmt {pixel_format} -f rawvideo"
        ),
        &[],
    )
}

/// H.264 of a pixel format, 12 frames.
pub fn h264(pixel_format: &str) -> PathBuf {
    make(
        &format!("h264_{pixel_format}.mkv"),
        &format!("-f lavfi -i testsrc2=s=320x180:r=12:d=1 -c:v libx264 -crf 30 -pix_fmt {pixel_format}"),
        &[],
    )
}

/// H.265, BT.2020 PQ 10 bit with mastering display and content light level.
pub fn hdr10_hevc() -> PathBuf {
    make(
        "hdr10.mp4",
        "-f lavfi -i testsrc2=s=320x180:r=30:d=0.5 -pix_fmt yuv420p10le -c:v libx265 -preset ultrafast -tag:v hvc1 \
         -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -x265-params \
         log-level=none:hdr10=1:repeat-headers=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:\
         master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400",
        &[],
    )
}

/// Full-range BT.709.
pub fn full_range() -> PathBuf {
    make(
        "full.mp4",
        "-f lavfi -i testsrc2=s=320x180:r=12:d=1 -vf scale=out_range=full -c:v libx264 -crf 30 -pix_fmt yuvj420p \
         -color_range pc -colorspace bt709",
        &[],
    )
}

/// A display matrix of 90 degrees.
pub fn rotated() -> PathBuf {
    let upright = make("upright.mp4", &format!("-f lavfi -i testsrc2=s=320x180:r=12:d=1 {H264}"), &[]);
    make("rotated.mp4", "-i {} -c copy -metadata:s:v:0 rotate=90", &[&upright])
}

/// Samples of 64:45.
pub fn anamorphic() -> PathBuf {
    make("anamorphic.mp4", &format!("-f lavfi -i testsrc2=s=360x288:r=25:d=0.4 -vf setsar=64/45 {H264}"), &[])
}

/// VP9 with an alpha layer.
pub fn alpha_vp9() -> PathBuf {
    make(
        "alpha.webm",
        "-f lavfi -i testsrc2=s=320x180:r=12:d=1 -vf format=yuva420p,geq=lum='lum(X,Y)':a='255*X/W' \
         -c:v libvpx-vp9 -crf 45 -b:v 0 -deadline realtime -cpu-used 8 -pix_fmt yuva420p -auto-alt-ref 0",
        &[],
    )
}

fn subtitles() -> PathBuf {
    let text =
        "1\n00:00:00,200 --> 00:00:00,900\nHello\n\n2\n00:00:01,100 --> 00:00:01,900\nW\u{f6}rld \u{2603}\n";
    make_with("subtitles.srt", &text, |part| std::fs::write(part, text).unwrap())
}

fn chapters() -> PathBuf {
    let text = ";FFMETADATA1\ntitle=Film\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=One\n[CHAPTER]\n\
                TIMEBASE=1/1000\nSTART=1000\nEND=2000\ntitle=Two\n";
    make_with("chapters.txt", &text, |part| std::fs::write(part, text).unwrap())
}

/// Film rate, two audio and two subtitle streams with languages, chapters, a font.
pub fn many_streams() -> PathBuf {
    make(
        "many.mkv",
        &format!(
            "-f lavfi -i testsrc2=s=320x180:r=24000/1001:d=2 -f lavfi -i sine=f=440:r=48000:d=2 \
             -f lavfi -i sine=f=880:r=44100:d=2 -i {{}} -i {{}} -map 0 -map 1 -map 2 -map 3 -map 3 -map_metadata 4 \
             -attach {{}} -metadata:s:t mimetype=application/x-truetype-font {H264} -c:a:0 libopus -b:a:0 32k -c:a:1 ac3 -b:a:1 96k \
             -c:s:0 srt -c:s:1 ass -metadata:s:a:0 language=eng -metadata:s:a:1 language=deu \
             -metadata:s:s:0 language=eng -metadata:s:s:1 language=deu"
        ),
        &[&subtitles(), &chapters(), &subtitles()],
    )
}

/// MP4 with audio and cover art.
pub fn with_cover() -> PathBuf {
    make(
        "cover.mp4",
        "-i {} -i {} -map 0 -map 1 -c copy -disposition:v:1 attached_pic",
        &[&cfr_h264_aac(), &picture("rgb24")],
    )
}

/// MP3 with cover art: no video.
pub fn song_with_cover() -> PathBuf {
    make(
        "song.mp3",
        "-f lavfi -i sine=d=1 -i {} -map 0 -map 1 -c:a libmp3lame -c:v copy -disposition:v attached_pic",
        &[&picture("rgb24")],
    )
}

/// A PNG of a pixel format.
pub fn picture(pixel_format: &str) -> PathBuf {
    make(
        &format!("picture_{pixel_format}.png"),
        &format!(
            "-f lavfi -i testsrc2=s=176x144,scale=175:143:flags=neighbor -frames:v 1 -pix_fmt {pixel_format}"
        ),
        &[],
    )
}

/// Audio alone.
pub fn audio_only() -> PathBuf {
    make("audio.m4a", "-f lavfi -i sine=d=1 -c:a aac", &[])
}

/// A transport stream whose second half is larger and whose time stamps start over.
pub fn size_change() -> PathBuf {
    let small = make("small.ts", &format!("-f lavfi -i testsrc2=s=320x180:r=25:d=1 {H264}"), &[]);
    let large = make("large.ts", &format!("-f lavfi -i testsrc2=s=480x270:r=25:d=1 {H264}"), &[]);
    let large = std::fs::read(large).unwrap();
    derive("sizes.ts", &small, |mut bytes| {
        bytes.extend(large);
        bytes
    })
}

/// A transport stream with a key frame every 60 frames, which begins at 1.4 s.
pub fn long_groups_ts() -> PathBuf {
    make(
        "groups.ts",
        &format!(
            "-f lavfi -i testsrc2=s=160x90:r=30:d=10 -f lavfi -i sine=d=10 {H264} -g 90 -keyint_min 90 -c:a aac"
        ),
        &[],
    )
}

/// One frame.
pub fn one_frame() -> PathBuf {
    make("one.mp4", &format!("-f lavfi -i testsrc2=s=320x180:r=25:d=1 -frames:v 1 {H264}"), &[])
}

/// An animation with a palette and transparency.
pub fn gif() -> PathBuf {
    make("animation.gif", "-f lavfi -i testsrc2=s=160x90:r=10:d=1", &[])
}

/// H.264 without a container, hence without time stamps.
pub fn elementary_stream() -> PathBuf {
    make("elementary.h264", &format!("-f lavfi -i testsrc2=s=160x90:r=30:d=1 {H264}"), &[])
}

/// An MP4 with an edit list that hides its first frames.
pub fn edit_list() -> PathBuf {
    make("edited.mp4", "-ss 0.5 -i {} -c copy", &[&cfr_h264_aac()])
}

fn fast_start() -> PathBuf {
    make("faststart.mp4", "-i {} -c copy -movflags +faststart", &[&cfr_h264_aac()])
}

/// The first half of an MP4 whose index is at the beginning.
pub fn truncated() -> PathBuf {
    derive("truncated.mp4", &fast_start(), |mut bytes| {
        bytes.truncate(bytes.len() / 2);
        bytes
    })
}

/// The first part of an MP4 whose index was at the end.
pub fn no_moov() -> PathBuf {
    derive("no_moov.mp4", &cfr_h264_aac(), |mut bytes| {
        bytes.truncate(20_000);
        bytes
    })
}

/// An MP4 with 60 flipped bits.
pub fn bit_flips() -> PathBuf {
    derive("flips.mp4", &fast_start(), |mut bytes| {
        let length = bytes.len();
        let mut state = 1u64;
        for _ in 0..60 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let position = length / 3 + (state >> 33) as usize % (length - length / 3);
            bytes[position] ^= 1 << (state >> 60 & 7);
        }
        bytes
    })
}

/// A text that claims to be a video.
pub fn text() -> PathBuf {
    derive("text.mp4", &subtitles(), |_| b"not a video\n".to_vec())
}

/// A file of no bytes.
pub fn empty() -> PathBuf {
    derive("empty.mp4", &subtitles(), |_| Vec::new())
}
