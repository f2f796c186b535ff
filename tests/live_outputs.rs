//! Outputs of `framecast live` that fail, and those that cannot work.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(unix)]

mod support;

use std::process::Command;
use support::{clip, frame_times, outcome, raw, scratch};

/// `framecast live` with CPU kernels, run by a shell below a limit on the size of files, in blocks of 1 KiB.
fn below_limit(blocks: u32, arguments: &str) -> Command {
    let program = env!("CARGO_BIN_EXE_framecast");
    let mut command = Command::new("bash");
    command.args(["-c", &format!("ulimit -f {blocks}; exec '{program}' live --kernels cpu {arguments}")]);
    command
}

#[test]
fn a_recording_that_finds_no_room_is_completed_and_kept_and_the_others_go_on() {
    const FRAME: usize = 320 * 180 * 3 / 2;
    for (name, encoder) in [("recording.mkv", "--codec ffv1"), ("recording.mp4", "--codec libx264 --crf 2")] {
        let folder = scratch();
        let full = folder.path().join(name);
        let arguments = format!(
            "--json --upscale 1 --max-latency 2s {encoder} -f lavfi -i 'nullsrc=s=320x180:r=25:d=8,format=yuv420p,\
             noise=alls=100:allf=t:all_seed=7' -o '{}' -f null -o other",
            full.display()
        );
        let result = outcome(&mut below_limit(17 << 10, &arguments));
        assert_eq!(result.code, Some(4), "{}", result.stderr);
        let told = result.stderr.lines().last().unwrap();
        assert!(
            told.contains(name) && told.contains("what came before was completed and kept; raise the"),
            "{told}"
        );
        // A complete file of whole pictures.
        let times = frame_times(&full, "v:0");
        let checked = Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin", "-xerror", "-i"])
            .arg(&full)
            .args(["-f", "null", "-"])
            .output()
            .unwrap();
        assert!(checked.status.success() && checked.stderr.is_empty(), "{checked:?}");
        assert_eq!(raw(&full).len(), times.len() * FRAME);
        assert!((20..190).contains(&times.len()), "{}", times.len());
        let left: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, [name]);
        let events = String::from_utf8(result.stdout).unwrap();
        let events: Vec<serde_json::Value> =
            events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let [.., summary, error] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!((&summary["event"], &error["event"]), (&"summary".into(), &"error".into()));
        assert_eq!(error["exit_code"], 4);
        assert_eq!(summary["outputs"][0]["shown"], times.len(), "what is in the file");
        let outputs = summary["outputs"].clone();
        assert!(outputs[0]["failure"].is_string() && outputs[1]["failure"].is_null(), "{outputs}");
        assert!(outputs[1]["shown"].as_u64() > outputs[0]["shown"].as_u64(), "{outputs}");
    }
}

#[test]
fn the_summary_names_the_output_that_failed() {
    let folder = scratch();
    let full = folder.path().join("full.mkv");
    let arguments = format!(
        "--upscale 1 --max-latency 2s --codec ffv1 -f lavfi -i 'nullsrc=s=320x180:r=25:d=8,format=yuv420p,\
         noise=alls=100:allf=t:all_seed=7' -o '{}' -f null -o other",
        full.display()
    );
    let result = outcome(&mut below_limit(17 << 10, &arguments));
    assert_eq!(result.code, Some(4), "{}", result.stderr);
    let failed = format!("{}: ", full.display());
    let line = result.stderr.lines().find(|line| line.contains(&failed) && line.contains(" shown, "));
    assert!(line.is_some_and(|line| line.contains("; it failed: ")), "{}", result.stderr);
    assert!(result.stderr.contains("other: "), "{}", result.stderr);
}

#[test]
fn pages_at_ports_of_their_own_work_together() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framecast"));
    command.args(["live", "--kernels", "cpu", "--upscale", "1", "-f", "lavfi", "-i"]);
    command.args(["testsrc2=s=64x36:r=25:d=1", "-o", "web:0", "-o", "web:0"]);
    let result = outcome(&mut command);
    assert_eq!(result.code, Some(0), "{}", result.stderr);
    assert_eq!(result.stderr.matches("shown at http://127.0.0.1:").count(), 2, "{}", result.stderr);
}

#[test]
fn outputs_that_cannot_work_are_refused_with_what_to_do() {
    let folder = scratch();
    for (options, code, reason) in [
        ("-o x.png", 2, "such as x%05d.png"),
        ("-o /dev/video7777", 4, "sudo modprobe v4l2loopback video_nr=7777"),
        ("-o window -o window", 2, "there is one window"),
        ("-o web -o web", 2, "found web and web, both at port 8080"),
        ("-o web:8123 -o web:127.0.0.1:8123", 2, "both at port 8123"),
        ("-o web:8123 --metrics 0.0.0.0:8123", 2, "found web:8123 and --metrics 0.0.0.0:8123"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_framecast"));
        command.current_dir(folder.path()).args(["live", "--kernels", "cpu", "--upscale", "1"]);
        command.args(["-f", "lavfi", "-i", "testsrc2=s=64x36:r=25:d=1"]).args(options.split_whitespace());
        let result = outcome(&mut command);
        assert_eq!(result.code, Some(code), "{options}: {}", result.stderr);
        assert!(result.stderr.contains(reason), "{options}: {}", result.stderr);
    }
    support::assert_nothing_in(folder.path());
}

#[test]
fn a_variable_rate_is_shown_at_a_fixed_one_to_outputs_that_need_it() {
    let source = clip(
        "live-variable.mkv",
        "-f lavfi -i testsrc2=s=64x48:r=30:d=2 -vf select=not(eq(mod(n\\,7)\\,3)) -fps_mode vfr -pix_fmt yuv420p -c:v ffv1",
    );
    let folder = scratch();
    let output = folder.path().join("out.y4m");
    let arguments =
        format!("--upscale 1 --max-latency 2s --fps 30 -i '{}' -o '{}'", source.display(), output.display());
    let result = outcome(&mut below_limit(1 << 20, &arguments));
    assert_eq!(result.code, Some(0), "{}", result.stderr);
    let size = 64 * 48 * 3 / 2;
    let (sources, pictures) = (raw(&source), raw(&output));
    let shown = pictures.chunks(size).count();
    assert!((55..=61).contains(&shown), "{shown} of 60 moments");
    // Frames of the source are shown as they are, as far as the machine is in time.
    let known = |picture: &&[u8]| sources.chunks(size).any(|own| own == *picture);
    let known = pictures.chunks(size).filter(known).count();
    assert!(known >= 10, "{known} of 52 frames");
}
