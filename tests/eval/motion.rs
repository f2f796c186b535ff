//! Frames made of motion, by networks whose motion is that of the clip.

use super::support::{clip, outcome, scratch};
use super::{assert_near, eval, number};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A picture that moves 8 pixels to the right per frame.
fn moving() -> PathBuf {
    clip(
        "moving.mkv",
        "-f lavfi -i mandelbrot=size=640x64:rate=20:start_scale=0.02 -vf \
         trim=end_frame=1,loop=loop=12:size=1,setpts=N/20/TB,crop=192:64:320-8*n:0 -frames:v 12 -pix_fmt yuv444p \
         -c:v ffv1",
    )
}

fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/models/{name}.onnx"))
}

/// `framecast eval` of a model with further options, and what it prints as JSON.
fn json(options: &str, model_name: &str, reference: &Path) -> String {
    let mut command = eval(&format!("--json --quiet {options}"));
    let result = outcome(command.arg("--model").arg(model(model_name)).arg("--reference").arg(reference));
    assert_eq!(result.code, Some(0), "{}", result.stderr);
    String::from_utf8(result.stdout).unwrap()
}

fn report(task: &str, model: &str) -> Value {
    serde_json::from_str(&json(&format!("--task {task}"), model, &moving())).unwrap()
}

fn row<'a>(table: &'a Value, method: &str) -> &'a Value {
    let rows = table["rows"].as_array().unwrap();
    rows.iter().find(|row| row["method"] == method).unwrap_or_else(|| panic!("no row {method}"))
}

fn psnr(table: &Value, method: &str) -> f64 {
    number(&row(table, method)["mean"]["psnr_rgb"])
}

fn information_error(table: &Value, method: &str) -> f64 {
    number(&row(table, method)["mean"]["temporal_information_error"])
}

#[test]
fn the_true_motion_is_nearest_to_the_truth() {
    let report = report("predict", "predicts-right");
    assert_eq!(report["tables"][0]["protocol"], "next");
    let table = &report["tables"][0];
    let (repeat, flow, motion) = (psnr(table, "repeat"), psnr(table, "flow"), psnr(table, "predicts-right"));
    // Nothing is known of what comes in at the left edge.
    assert!(motion > repeat + 6.0 && flow > repeat + 3.0, "{repeat} {flow} {motion}");
    let clip = &table["rows"][0]["clips"][0];
    assert!((number(&clip["psnr_rgb"]) - repeat).abs() < 1e-9);
    // Half the motion of two frames is that of one: 8 pixels, where the network says 4.
    assert_eq!(report["tables"][1]["protocol"], "half-step");
}

#[test]
fn networks_with_cells_of_two_sizes_are_judged_side_by_side() {
    let mut command = eval("--json --quiet --task predict");
    command.arg("--model").arg(model("predicts-right")).arg("--model").arg(model("predicts-right-fine"));
    let result = outcome(command.arg("--reference").arg(moving()));
    assert_eq!(result.code, Some(0), "{}", result.stderr);
    let report: Value = serde_json::from_slice(&result.stdout).unwrap();
    for table in report["tables"].as_array().unwrap() {
        // They say the same of every pixel.
        let (coarse, fine) = (psnr(table, "predicts-right"), psnr(table, "predicts-right-fine"));
        assert!((coarse - fine).abs() < 1e-6, "{coarse} {fine}");
    }
    let fine_and_gated = |table: usize| {
        let table = &report["tables"][table];
        (psnr(table, "predicts-right-fine"), psnr(table, "predicts-right-fine, gated"))
    };
    let (fine, gated) = fine_and_gated(0);
    assert!((gated - fine).abs() < 0.5, "{gated} {fine}");
    // In half-steps they are wrong, which the gate finds out at the size of their cells: it repeats, and takes detail away.
    let (fine, gated) = fine_and_gated(1);
    assert!(gated > fine + 1.0, "{gated} {fine}");
}

#[test]
fn what_is_seen_before_and_after_is_known_between() {
    let report = report("interpolate", "interpolates-right");
    let table = &report["tables"][0];
    assert_eq!(table["protocol"], "between");
    let (repeat, mix, flow) = (psnr(table, "repeat"), psnr(table, "mix"), psnr(table, "flow"));
    assert!(flow > mix + 3.0 && flow > repeat + 3.0, "{repeat} {mix} {flow}");
    assert!(table["rows"][2]["mean"]["bits"].is_number());
}

#[test]
fn the_predicted_scale_is_compared_with_the_error() {
    let report = report("predict", "predicts-right");
    let row = row(&report["tables"][1], "predicts-right");
    let points = row["calibration"].as_array().unwrap();
    assert_eq!(points.len(), 1, "the network says one scale everywhere: {points:?}");
    assert_near(&points[0][0], 255.0 * (-4.0f64).exp(), 0.01);
    // Where real and made frames take turns, the error changes by itself at every step.
    assert_near(&points[0][1], number(&row["mean"]["temporal_error"]), 1e-6);
}

#[test]
fn a_sequence_that_changes_as_the_real_one_is_told_from_one_that_stops_and_jumps() {
    let report = report("interpolate", "interpolates-right");
    let table = &report["tables"][0];
    let (repeat, mix, flow) = (
        information_error(table, "repeat"),
        information_error(table, "mix"),
        information_error(table, "flow"),
    );
    assert!(flow < repeat - 2.0 && flow < mix - 2.0, "{repeat} {mix} {flow}");
    let still = clip(
        "still.mkv",
        "-f lavfi -i testsrc2=size=96x64:rate=25 -vf trim=end_frame=1,loop=loop=9:size=1,setpts=N/25/TB \
         -frames:v 7 -pix_fmt yuv420p -c:v ffv1",
    );
    let still: Value =
        serde_json::from_str(&json("--task interpolate", "interpolates-right", &still)).unwrap();
    let mean = &row(&still["tables"][0], "repeat")["mean"];
    assert_eq!((number(&mean["temporal_information_error"]), number(&mean["flicker"])), (0.0, 0.0));
}

#[test]
fn the_report_shows_the_worst_frames_with_their_numbers() {
    let folder = scratch();
    let path = folder.path().join("report.html");
    let options = format!("--task predict --samples 3 --html {}", path.display());
    let report: Value = serde_json::from_str(&json(&options, "predicts-right", &moving())).unwrap();
    let html = std::fs::read_to_string(&path).unwrap();
    for outside in ["http:", "https:", "href=", "@import", "<script"] {
        assert!(!html.contains(outside), "{outside} in the report");
    }
    assert_eq!(html.matches("src=").count(), html.matches("src=\"data:image/").count());
    // Calibration and the frames of the clip, for each of the two protocols; five methods of each and the clip's row.
    assert_eq!(html.matches("<svg class=\"plot\"").count(), 4);
    assert_eq!(html.matches("class=\"diagonal\"").count(), 2);
    assert_eq!(html.matches("<th scope=\"row\">").count(), 2 * (6 + 1));
    // Two frames of the one clip: truth, prediction, error, scale and share.
    assert_eq!(html.matches("<img").count(), 2 * 2 * 5);
    assert_eq!(html.matches("absolute error of luma, 4 times as bright\"").count(), 2 * 2);
    let table = &report["tables"][0];
    let values = row(table, "predicts-right, gated")["psnr_rgb"][0].as_array().unwrap();
    let (worst, psnr) = values.iter().map(number).enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    let clip = moving().file_name().unwrap().to_string_lossy().into_owned();
    let title = format!("<h3>{clip}, frame {}: {psnr:.2} dB</h3>", table["frames"][0][worst]);
    assert!(html.contains(&title), "{title}");
    let pictures: Vec<image::RgbImage> = html.split(";base64,").skip(1).take(2).map(decoded).collect();
    assert_eq!(pictures[0].dimensions(), (192, 64));
    // As far from each other as the score says, but for what JPEG adds.
    assert!((psnr_of(&pictures[0], &pictures[1]) - psnr).abs() < 1.0, "{psnr}");
}

fn decoded(text: &str) -> image::RgbImage {
    let bytes = STANDARD.decode(text.split('"').next().unwrap()).unwrap();
    image::load_from_memory(&bytes).unwrap().to_rgb8()
}

fn psnr_of(a: &image::RgbImage, b: &image::RgbImage) -> f64 {
    let squares = a.iter().zip(b.iter()).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2));
    10.0 * (255.0f64.powi(2) * a.len() as f64 / squares.sum::<f64>()).log10()
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let folder = scratch();
    for (index, name) in ["a.mkv", "b.mkv", "c.mkv"].into_iter().enumerate() {
        // Of different lengths, so that the clips end in another order than they begin.
        let recipe = format!(
            "-f lavfi -i testsrc2=size=96x64:rate=25 -frames:v {} -pix_fmt yuv420p -c:v ffv1",
            12 - 3 * index
        );
        std::fs::copy(clip(name, &recipe), folder.path().join(name)).unwrap();
    }
    let with = |threads: usize| {
        let path = folder.path().join(format!("{threads}.html"));
        let options = format!("--task predict --threads {threads} --samples 4 --html {}", path.display());
        let scores = json(&options, "predicts-right", folder.path());
        (scores, std::fs::read_to_string(path).unwrap())
    };
    let (one, two) = (with(1), with(2));
    assert!(one == two);
    let report: Value = serde_json::from_str(&one.0).unwrap();
    assert_eq!(report["tables"][0]["clips"].as_array().unwrap().len(), 3);
    assert_eq!(report["tables"][0]["frames"][2], serde_json::json!([2, 3, 4, 5]));
}

#[test]
fn minterpolate_makes_the_same_frames() {
    let options = "--task interpolate --compare minterpolate";
    let report: Value = serde_json::from_str(&json(options, "interpolates-right", &moving())).unwrap();
    let table = &report["tables"][0];
    assert_eq!(table["frames"][0], serde_json::json!([3, 5, 7, 9]));
    let values = row(table, "minterpolate")["psnr_rgb"][0].as_array().unwrap();
    let mixed = row(table, "mix")["psnr_rgb"][0].as_array().unwrap();
    // Frames of another moment would be further away than the mixture; the last one needs what is shown again.
    assert_eq!(values.len(), 4);
    for (value, mixed) in values.iter().zip(mixed) {
        assert!(number(value) > number(mixed) + 2.0, "{values:?} {mixed:?}");
    }
    assert!(row(table, "minterpolate")["mean"]["bits"].is_null());
}

#[test]
fn what_motion_cannot_be_judged_by_is_refused() {
    for (options, expected) in [
        ("--task predict --compare minterpolate", "--task interpolate"),
        ("--task interpolate --limit 4", "at least 5"),
    ] {
        let result = outcome(eval(options).arg("--reference").arg(moving()));
        assert_eq!(result.code, Some(2), "{}", result.stderr);
        assert!(result.stderr.contains(expected), "{}", result.stderr);
    }
    let folder = scratch();
    let report = folder.path().join("report.html");
    std::fs::write(&report, "mine").unwrap();
    let result = outcome(eval("--task predict --html").arg(&report).arg("--reference").arg(moving()));
    assert_eq!(result.code, Some(4), "{}", result.stderr);
    assert_eq!(std::fs::read_to_string(&report).unwrap(), "mine");
}
