//! What is done to the frames of a live run beside enlarging them.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Outcome, agree, clip, outcome, raw, run, scratch};

const FRAME: usize = 128 * 72 * 3 / 2;

/// Noise over a still picture: the same in all frames, or another in each.
fn noisy(name: &str, noise: &str) -> PathBuf {
    clip(
        name,
        &format!(
            "-f lavfi -i testsrc2=s=128x72:r=25:d=2 -vf select=eq(n\\,0),loop=49:1,\
             setpts=N/25/TB,noise={noise} -pix_fmt yuv420p -c:v ffv1"
        ),
    )
}

fn live(source: &Path, output: &Path, options: &str) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framecast"));
    command.args(["live", "--kernels", "cpu", "--json", "--codec", "ffv1", "--max-latency", "2s"]);
    command.arg("-i").arg(source).args(options.split_whitespace()).arg("-o").arg(output);
    let result = outcome(command.env("FRAMECAST_PROVIDERS", ""));
    assert_eq!(result.code, Some(0), "{}", result.stderr);
    result
}

#[test]
fn noise_is_removed_as_in_other_runs() {
    let (source, folder) = (noisy("fixed-noise.mkv", "alls=8:allf=p"), scratch());
    let (shown, truth) = (folder.path().join("live.mkv"), folder.path().join("run.mkv"));
    for order in ["denoise,enhance,style,upscale", "upscale,denoise,enhance,style"] {
        let options = format!("--denoise 0.7 --order {order} --model nano-x2 -y");
        let summary = live(&source, &shown, &options).summary();
        let providers = summary["providers"].as_array().unwrap();
        assert!(providers.iter().any(|network| network["model"] == "denoise-x1"), "{summary}");
        let offline = run(&source, &truth, &format!("{options} --codec ffv1"));
        assert_eq!(offline.code, Some(0), "{}", offline.stderr);
        let (shown, truth) = (raw(&shown), raw(&truth));
        assert!(agree(&shown[..4 * FRAME], &truth[..4 * FRAME], false), "{order}");
    }
}

#[test]
fn noise_of_a_camera_is_held_still() {
    let (source, folder) = (noisy("camera-noise.mkv", "alls=3:allf=t"), scratch());
    let output = folder.path().join("out.mkv");
    let changes = |options: &str| {
        live(&source, &output, &format!("--upscale 1 -y {options}"));
        let shown = raw(&output);
        assert!(shown.len() >= 20 * FRAME, "{}", shown.len());
        let frames: Vec<&[u8]> = shown.chunks(FRAME).collect();
        frames.windows(2).filter(|pair| pair[0] != pair[1]).count()
    };
    // A run that falls behind does less, and begins with another picture then.
    let (moving, held) = (changes(""), changes("--static-threshold 16"));
    assert!(moving >= 10 && held <= 3, "{moving} and {held} changes");
}
