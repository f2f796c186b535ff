//! Frames made of motion, by networks whose motion is that of the clip.

use super::support::clip;
use super::{eval, number};
use serde_json::Value;
use std::path::Path;

/// A picture that moves 8 pixels to the right per frame.
fn moving() -> std::path::PathBuf {
    clip(
        "moving.mkv",
        "-f lavfi -i mandelbrot=size=640x64:rate=20:start_scale=0.02 -vf \
         trim=end_frame=1,loop=loop=12:size=1,setpts=N/20/TB,crop=192:64:320-8*n:0 -frames:v 12 -pix_fmt yuv444p \
         -c:v ffv1",
    )
}

fn report(task: &str, model: &str) -> Value {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/models/{model}.onnx"));
    let output = eval(&format!("--task {task} --json --quiet --model {}", model.display()))
        .arg("--reference")
        .arg(moving())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn psnr(table: &Value, method: &str) -> f64 {
    let rows = table["rows"].as_array().unwrap();
    number(&rows.iter().find(|row| row["method"] == method).unwrap()["mean"]["psnr_rgb"])
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
fn what_is_seen_before_and_after_is_known_between() {
    let report = report("interpolate", "interpolates-right");
    let table = &report["tables"][0];
    assert_eq!(table["protocol"], "between");
    let (repeat, mix, flow) = (psnr(table, "repeat"), psnr(table, "mix"), psnr(table, "flow"));
    assert!(flow > mix + 3.0 && flow > repeat + 3.0, "{repeat} {mix} {flow}");
    assert!(table["rows"][2]["mean"]["bits"].is_number());
}
