//! `--degrade camera`: what blur, 4:2:0 and x264 leave.

use super::pictures::colour;
use super::support::{clip, scratch};
use super::{number, scores};
use serde_json::Value;

fn row<'a>(table: &'a Value, method: &str) -> &'a Value {
    table["rows"].as_array().unwrap().iter().find(|row| row["method"] == method).unwrap()
}

#[test]
fn every_rate_factor_is_a_table_and_a_higher_one_costs_quality() {
    let video = clip(
        "film.mkv",
        "-f lavfi -i mandelbrot=size=132x100:rate=25 -frames:v 4 -pix_fmt yuv420p -c:v ffv1",
    );
    let clean = scores("--no-timing", &video);
    let camera = scores("--no-timing --degrade camera --crf 10 --crf 40", &video);
    let tables = camera["tables"].as_array().unwrap();
    let names: Vec<&str> = tables.iter().map(|table| table["degradation"].as_str().unwrap()).collect();
    assert_eq!(names, ["camera-crf10", "camera-crf40"]);
    for method in ["bicubic", "lanczos", "live-x2-int8"] {
        let psnr = |table: &Value| number(&row(table, method)["mean"]["psnr_y"]);
        let (clean, good, bad) = (psnr(&clean["tables"][0]), psnr(&tables[0]), psnr(&tables[1]));
        assert!(clean > good + 0.1 && good > bad + 1.0, "{method}: {clean}, {good}, {bad}");
        assert_eq!(row(&tables[0], method)["items"][0]["frames"].as_array().unwrap().len(), 4);
    }
    assert_eq!(
        tables,
        scores("--no-timing --degrade camera --crf 10 --crf 40", &video)["tables"].as_array().unwrap()
    );
}

/// Without blur and nearly without loss, what is left is the shrinking: luma alone is compared, so 4:2:0 costs nothing.
#[test]
fn a_lossless_camera_without_blur_is_the_bicubic_protocol() {
    let folder = scratch();
    colour(&folder.path().join("a.png"), 128, 96);
    let psnr = |options: &str| {
        let report = scores(&format!("--no-timing {options}"), folder.path());
        number(&row(&report["tables"][0], "lanczos")["mean"]["psnr_y"])
    };
    let (clean, lossless) = (psnr(""), psnr("--degrade camera --crf 0 --blur 0"));
    assert!((clean - lossless).abs() < 0.05, "{clean} and {lossless}");
    assert!(psnr("--degrade camera --crf 0 --blur 2") < lossless - 1.0);
}
