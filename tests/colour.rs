//! What the numbers of a picture mean, and that they stay the same numbers.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use serde_json::Value;
use std::path::{Path, PathBuf};
use support::{Probe, clip, decoded_hash, derived, frame_times, psnr, raw, rotated, scratch, succeed};

const TAGS: [&str; 5] =
    ["color_range", "color_space", "color_transfer", "color_primaries", "chroma_location"];

/// Colour tags of the video as `ffprobe` names them.
fn tags(path: &Path) -> Vec<Value> {
    let probe = Probe::new(path);
    TAGS.iter().map(|tag| probe.video()[*tag].clone()).collect()
}

/// A ten-bit H.265 clip in BT.2020 with this transfer function and these further x265 parameters.
fn high_dynamic_range(name: &str, transfer: &str, parameters: &str) -> PathBuf {
    clip(
        name,
        &format!(
            "-f lavfi -i gradients=s=128x96:r=25:d=0.4:speed=0.02:seed=1 -pix_fmt yuv420p10le -c:v libx265 -tag:v hvc1 \
             -crf 30 -color_primaries bt2020 -color_trc {transfer} -colorspace bt2020nc -color_range tv -x265-params \
             log-level=none:repeat-headers=1:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc{parameters}"
        ),
    )
}

/// Side data of the stream and of its first frame, by FFmpeg's name.
fn side_data(path: &Path, name: &str) -> Option<Value> {
    let output = std::process::Command::new("ffprobe")
        .args(["-v", "error", "-of", "json", "-select_streams", "v:0", "-read_intervals", "%+#1"])
        .args(["-show_streams", "-show_frames"])
        .arg(path)
        .output()
        .unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lists = [&answer["streams"][0]["side_data_list"], &answer["frames"][0]["side_data_list"]];
    let mut entries = lists.into_iter().filter_map(Value::as_array).flatten();
    entries.rfind(|entry| entry["side_data_type"] == name).cloned()
}

#[test]
fn hdr10_metadata_arrives() {
    let input = high_dynamic_range(
        "hdr10.mp4",
        "smpte2084",
        ":hdr10=1:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400",
    );
    for name in ["out.mp4", "out.mkv"] {
        let folder = scratch();
        let output = folder.path().join(name);
        succeed(&input, &output, "--codec libx265 --preset ultrafast");
        assert_eq!(tags(&output)[..4], tags(&input)[..4], "{name}");
        assert_eq!(Probe::new(&output).video()["pix_fmt"], "yuv420p10le");
        for kind in ["Mastering display metadata", "Content light level metadata"] {
            let (before, after) = (side_data(&input, kind).unwrap(), side_data(&output, kind));
            assert_eq!(after, Some(before), "{name}");
        }
    }
}

#[test]
fn hlg_and_ten_bit_survive_the_default_encoder() {
    let input = high_dynamic_range("hlg.mp4", "arib-std-b67", "");
    let folder = scratch();
    let output = folder.path().join("out.mp4");
    succeed(&input, &output, "");
    assert_eq!(tags(&output)[..4], tags(&input)[..4]);
    assert_eq!(Probe::new(&output).video()["pix_fmt"], "yuv420p10le");
}

#[test]
fn colour_tags_are_kept() {
    for (matrix, transfer, primaries, range) in [
        ("bt709", "bt709", "bt709", "tv"),
        ("smpte170m", "smpte170m", "smpte170m", "tv"),
        ("bt470bg", "gamma28", "bt470bg", "tv"),
        ("bt2020nc", "bt2020-10", "bt2020", "tv"),
        ("bt709", "bt709", "bt709", "pc"),
    ] {
        let recipe = format!(
            "-f lavfi -i testsrc2=s=96x64:r=25:d=0.2 -vf format=yuv420p -c:v libx264 -crf 20 -colorspace {matrix} \
             -color_trc {transfer} -color_primaries {primaries} -color_range {range}"
        );
        let input = clip(&format!("{matrix}-{range}.mp4"), &recipe);
        for name in ["out.mp4", "out.mkv"] {
            let folder = scratch();
            let output = folder.path().join(name);
            succeed(&input, &output, "");
            assert_eq!(tags(&output), tags(&input), "{matrix} {range} {name}");
        }
    }
}

#[test]
fn untagged_video_stays_untagged() {
    let input = clip("untagged.mp4", "-f lavfi -i testsrc2=s=96x64:r=25:d=0.2 -c:v libx264 -pix_fmt yuv420p");
    let folder = scratch();
    let output = folder.path().join("out.mp4");
    succeed(&input, &output, "");
    assert_eq!(tags(&output)[1..4], tags(&input)[1..4]);
}

#[test]
fn samples_pass_a_plain_transcode_bit_for_bit() {
    for format in [
        "yuv420p",
        "yuv422p",
        "yuv444p",
        "yuv420p10le",
        "yuv422p10le",
        "yuv444p10le",
        "yuv420p12le",
        "yuv444p16le",
        "gray",
    ] {
        let recipe =
            format!("-f lavfi -i testsrc2=s=98x66:r=25:d=0.2,noise=alls=20 -pix_fmt {format} -c:v ffv1");
        let input = clip(&format!("{format}.mkv"), &recipe);
        let folder = scratch();
        let output = folder.path().join("out.mkv");
        succeed(&input, &output, "--upscale 1 --codec ffv1");
        assert_eq!(Probe::new(&output).video()["pix_fmt"], format);
        assert_eq!(decoded_hash(&output, "0:v", ""), decoded_hash(&input, "0:v", ""), "{format}");
    }
}

#[test]
fn semi_planar_samples_are_only_rearranged() {
    let input = clip("nv12.nut", "-f lavfi -i testsrc2=s=98x66:r=25:d=0.2 -pix_fmt nv12 -c:v rawvideo");
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    succeed(&input, &output, "--upscale 1 --codec ffv1");
    let planar = |path: &Path| decoded_hash(path, "0:v", "-pix_fmt yuv420p");
    assert_eq!(planar(&output), planar(&input));
}

#[test]
fn full_range_keeps_its_blacks_and_whites() {
    let recipe = "-f lavfi -i color=s=128x96:r=25:d=0.08 -vf \
                  format=yuvj420p,geq=lum=if(lt(X\\,64)\\,0\\,255):cb=128:cr=128 -c:v ffv1 -color_range pc";
    let input = clip("full.mkv", recipe);
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    succeed(&input, &output, "--codec ffv1");
    assert_eq!(Probe::new(&output).video()["color_range"], "pc");
    let row = &raw(&output)[..256];
    assert!(
        row[..100].iter().all(|&value| value < 8) && row[156..].iter().all(|&value| value > 247),
        "{row:?}"
    );
}

#[test]
fn every_size_and_chroma_format_keeps_its_colours_when_enlarged() {
    for (size, format) in [
        ("96x64", "yuv420p"),
        ("321x181", "yuv444p"),
        ("175x143", "yuv420p"),
        ("322x182", "yuv422p"),
        ("18x16", "yuv420p"),
        ("2x2", "yuv420p"),
        ("90x320", "yuv420p10le"),
    ] {
        let (width, height) = size.split_once('x').unwrap();
        let recipe = format!("-f lavfi -i smptehdbars=s={size}:r=25:d=0.08 -c:v ffv1 -pix_fmt {format}");
        let input = clip(&format!("bars-{size}-{format}.mkv"), &recipe);
        let folder = scratch();
        let output = folder.path().join("out.mkv");
        succeed(&input, &output, "--codec ffv1");
        let probe = Probe::new(&output);
        assert_eq!(probe.video()["pix_fmt"], format, "{size}");
        let doubled = (width.parse::<i64>().unwrap() * 2, height.parse::<i64>().unwrap() * 2);
        assert_eq!(probe.size(), doubled);
        if size == "2x2" {
            continue;
        }
        for component in ['y', 'u', 'v'] {
            let found = psnr(&output, &format!("scale={width}:{height}:flags=area"), &input, component);
            assert!(found > 25.0, "{size} {format} {component}: {found} dB");
        }
    }
}

#[test]
fn rgb_survives_the_way_through_yuv() {
    let input = clip("rgb.nut", "-f lavfi -i testsrc2=s=98x66:r=25:d=0.2 -pix_fmt rgb24 -c:v rawvideo");
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    succeed(&input, &output, "--upscale 1 --codec ffv1");
    for component in ['r', 'g', 'b'] {
        let found = psnr(
            &output,
            "format=gbrp",
            &derived("rgb.mkv", "-i @0 -c:v ffv1 -pix_fmt gbrp", &[&input]),
            component,
        );
        assert!(found > 42.0, "{component}: {found} dB");
    }
}

#[test]
fn the_shape_of_a_sample_is_kept() {
    let recipe = "-f lavfi -i testsrc2=s=90x72:r=25:d=0.2 -vf setsar=64/45 -c:v libx264 -pix_fmt yuv420p";
    for extension in ["mp4", "mkv"] {
        let input = clip(&format!("sar.{extension}"), recipe);
        let folder = scratch();
        let output = folder.path().join(format!("out.{extension}"));
        succeed(&input, &output, "");
        let probe = Probe::new(&output);
        assert_eq!(probe.size(), (180, 144));
        assert_eq!(probe.video()["sample_aspect_ratio"], "64:45");
        assert_eq!(probe.video()["display_aspect_ratio"], Probe::new(&input).video()["display_aspect_ratio"]);
    }
}

#[test]
fn rotation_is_kept_as_metadata() {
    let upright =
        clip("upright.mp4", "-f lavfi -i testsrc2=s=96x64:r=25:d=0.2 -c:v libx264 -pix_fmt yuv420p");
    for degrees in [90, 180, 270] {
        let input = rotated("turned.mp4", &upright, degrees);
        let folder = scratch();
        let output = folder.path().join("out.mp4");
        succeed(&input, &output, "");
        assert_eq!(Probe::new(&output).size(), (192, 128));
        let turn = |path: &Path| side_data(path, "Display Matrix").map(|matrix| matrix["rotation"].clone());
        assert!(turn(&input).is_some());
        assert_eq!(turn(&output), turn(&input), "{degrees}");
    }
}

#[test]
fn changes_in_mid_stream_give_one_size_and_format_and_are_told() {
    let part = |size: &str, format: &str| {
        let recipe = format!(
            "-f lavfi -i testsrc2=s={size}:r=25:d=0.4 -c:v libx264 -crf 30 -pix_fmt {format} -f mpegts"
        );
        std::fs::read(clip(&format!("part-{size}-{format}.ts"), &recipe)).unwrap()
    };
    for (size, format, told) in [
        ("144x96", "yuv420p", "the picture changes to 144x96 in mid-stream; it is scaled to 96x64"),
        (
            "96x64",
            "yuv420p10le",
            "the pixel format changes to yuv420p10le in mid-stream; it is converted to yuv420p",
        ),
    ] {
        let folder = scratch();
        let input = folder.path().join("change.ts");
        std::fs::write(&input, [part("96x64", "yuv420p"), part(size, format)].concat()).unwrap();
        let output = folder.path().join("out.mkv");
        let result = succeed(&input, &output, "--json");
        assert_eq!(frame_times(&output, "v:0").len(), 20);
        assert_eq!(Probe::new(&output).size(), (192, 128));
        assert_eq!(result.summary()["rescaled"], 10);
        assert!(result.stderr.contains(told), "{}", result.stderr);
    }
}
