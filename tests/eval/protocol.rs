//! What `--task sr` does with a folder and with models.

use super::pictures::colour;
use super::support::{clip, ffmpeg, outcome, scratch};
use super::{assert_near, eval, mean, number, scores};
use std::path::Path;

fn test_model(name: &str) -> String {
    format!("{}/tests/models/{name}.onnx", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_method_is_a_row_and_every_picture_an_item() {
    let folder = scratch();
    colour(&folder.path().join("b.png"), 97, 83);
    colour(&folder.path().join("a.png"), 64, 80);
    let report = scores("--no-timing --model live-x2", folder.path());
    let rows = report["tables"][0]["rows"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["method"].as_str().unwrap()).collect();
    assert_eq!(names, ["nearest", "bilinear", "bicubic", "lanczos", "live-x2"]);
    for row in rows {
        let items = row["items"].as_array().unwrap();
        assert_eq!(
            items.iter().map(|item| item["name"].as_str().unwrap()).collect::<Vec<_>>(),
            ["a.png", "b.png"]
        );
        let expected = items.iter().map(|item| number(&item["mean"]["psnr_y"])).sum::<f64>() / 2.0;
        assert_near(&row["mean"]["psnr_y"], expected, 1e-9);
        assert!(row["mean"]["flicker"].is_null(), "single pictures do not flicker");
    }
    let model = &report["methods"][4];
    assert_eq!((&model["scale"], &model["time"]), (&2.into(), &serde_json::Value::Null));
    assert!(model["licence"].is_string());
    let notes = report["notes"].to_string();
    assert!(notes.contains("MS-SSIM") && notes.contains("a.png"), "{notes}");
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let folder = scratch();
    for name in ["a.png", "b.png", "c.png"] {
        colour(&folder.path().join(name), 80, 64 + 2 * u32::from(name.as_bytes()[0] - b'a'));
    }
    let one = scores("--no-timing --threads 1", folder.path());
    assert_eq!(one["tables"], scores("--no-timing --threads 3", folder.path())["tables"]);
}

/// The network repeats pixels, so its row is that of nearest, but for the rounding of colours on their way to RGB.
#[test]
fn a_network_on_rgb_is_scored_through_the_programs_own_conversion() {
    let folder = scratch();
    colour(&folder.path().join("a.png"), 120, 96);
    let report = scores(&format!("--no-timing --model {}", test_model("rgb-nearest-x2")), folder.path());
    let (nearest, network) = (mean(&report, "nearest"), mean(&report, "rgb-nearest-x2"));
    assert_near(&network["psnr_y"], number(&nearest["psnr_y"]), 0.02);
    assert_near(&network["ssimulacra2"], number(&nearest["ssimulacra2"]), 0.5);
}

/// A luma network that blurs by 5x5 at the small size; x2 is reached by resampling, and said so.
#[test]
fn a_network_of_another_scale_is_resampled_and_noted() {
    let folder = scratch();
    colour(&folder.path().join("a.png"), 120, 96);
    let report = scores(&format!("--no-timing --model {}", test_model("luma-blur")), folder.path());
    let (lanczos, network) = (mean(&report, "lanczos"), mean(&report, "luma-blur"));
    assert!(number(&network["psnr_y"]) < number(&lanczos["psnr_y"]) - 1.0);
    assert!(report["notes"].to_string().contains("luma-blur enlarges by 1"), "{}", report["notes"]);
}

#[test]
fn models_are_timed_on_one_thread_and_on_several() {
    let folder = scratch();
    colour(&folder.path().join("a.png"), 64, 64);
    let report = scores("--threads 2 --timing-size 64x48", folder.path());
    let time = &report["methods"][4]["time"];
    assert_eq!((&time["width"], &time["height"], &time["threads"]), (&64.into(), &48.into(), &2.into()));
    assert!(number(&time["one_thread_ms"]) > 0.0 && number(&time["threads_ms"]) > 0.0);
}

/// Frames 3 to 7 as numbered pictures, and the same as a video.
fn frames(folder: &Path, video: &Path) {
    std::fs::create_dir(folder).unwrap();
    let pattern = folder.join("%03d.png");
    let status = ffmpeg().arg("-i").arg(video).args(["-start_number", "3"]).arg(pattern).status().unwrap();
    assert!(status.success());
}

#[test]
fn numbered_frames_are_a_clip_and_subfolders_are_items() {
    let folder = scratch();
    let video =
        clip("five.mkv", "-f lavfi -i testsrc2=size=96x64:rate=25 -frames:v 5 -pix_fmt rgb24 -c:v ffv1");
    frames(&folder.path().join("shot"), &video);
    colour(&folder.path().join("single.png"), 64, 64);
    let items = |options: &str| -> Vec<(String, usize)> {
        let report = scores(&format!("--no-timing {options}"), folder.path());
        let items = report["tables"][0]["rows"][2]["items"].as_array().unwrap().clone();
        let item = |item: &serde_json::Value| {
            (item["name"].as_str().unwrap().to_owned(), item["frames"].as_array().unwrap().len())
        };
        items.iter().map(item).collect()
    };
    assert_eq!(items(""), [("single.png".into(), 1), ("shot".into(), 5)]);
    assert_eq!(items("--limit 2"), [("single.png".into(), 1), ("shot".into(), 2)]);
    assert_eq!(items("--content pictures").len(), 6);
    let as_clip = scores("--no-timing", &folder.path().join("shot"));
    let as_video = scores("--no-timing", &video);
    assert_eq!(mean(&as_clip, "bicubic"), mean(&as_video, "bicubic"));
    assert!(mean(&as_clip, "bicubic")["temporal_error"].is_number());
    assert!(mean(&as_clip, "bicubic")["flicker"].is_number(), "much of the test picture stands still");
}

#[test]
fn pictures_that_are_no_clip_are_not_taken_for_one() {
    let folder = scratch();
    let video =
        clip("gap.mkv", "-f lavfi -i testsrc2=size=96x64:rate=25 -frames:v 5 -pix_fmt rgb24 -c:v ffv1");
    let shot = folder.path().join("shot");
    frames(&shot, &video);
    std::fs::remove_file(shot.join("005.png")).unwrap();
    let run = |options: &str| outcome(eval(options).arg("--reference").arg(&shot));
    let refused = run("--no-timing --content clips");
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    assert!(refused.stderr.contains("no clip: 005.png is missing"), "{}", refused.stderr);
    let told = run("--no-timing --json");
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert!(told.stderr.contains("one by one") && told.stderr.contains("005.png"), "{}", told.stderr);
    assert_eq!(told.summary()["tables"][0]["rows"][0]["items"].as_array().unwrap().len(), 4);
    assert!(!run("--no-timing --content pictures").stderr.contains("005.png"));
    // A frame of another size.
    colour(&shot.join("005.png"), 64, 64);
    let refused = run("--no-timing --content clips");
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    assert!(refused.stderr.contains("their sizes differ"), "{}", refused.stderr);
}

#[test]
fn a_network_without_a_manifest_is_probed_once() {
    let folder = scratch();
    for name in ["a.png", "b.png"] {
        colour(&folder.path().join(name), 96, 80);
    }
    let network = folder.path().join("network.onnx");
    std::fs::copy(test_model("rgb-nearest-x2"), &network).unwrap();
    let result =
        outcome(eval("--no-timing --json --model").arg(&network).arg("--reference").arg(folder.path()));
    assert_eq!(result.code, Some(0), "{}", result.stderr);
    assert_eq!(result.stderr.matches("has no manifest beside it").count(), 1, "{}", result.stderr);
    let report = result.summary();
    let (nearest, network) = (mean(&report, "nearest"), mean(&report, "network"));
    assert_near(&network["psnr_y"], number(&nearest["psnr_y"]), 0.02);
}
