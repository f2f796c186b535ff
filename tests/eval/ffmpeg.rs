//! The metrics of clips beside those of FFmpeg's filters.

use super::support::{clip, derived, ffmpeg, scratch};
use super::{assert_near, compared, mean, number, scores};
use std::path::{Path, PathBuf};

/// A moving picture and what x264 makes of it.
fn pair() -> (PathBuf, PathBuf) {
    let source = clip(
        "source.mkv",
        "-f lavfi -i mandelbrot=size=322x242:rate=25 -frames:v 6 -pix_fmt yuv420p -c:v ffv1",
    );
    let coded = derived("coded.mkv", "-i @0 -c:v libx264 -crf 33 -threads 1", &[&source]);
    (source, coded)
}

/// What a filter of FFmpeg writes for every frame: the value after `key:`.
fn filter(name: &str, key: &str, a: &Path, b: &Path) -> Vec<f64> {
    let folder = scratch();
    let log = folder.path().join("log");
    let graph = format!("[0:v][1:v]{name}=stats_file={}", log.display());
    let status =
        ffmpeg().arg("-i").arg(a).arg("-i").arg(b).args(["-lavfi", &graph, "-f", "null", "-"]).status();
    assert!(status.unwrap().success());
    let text = std::fs::read_to_string(log).unwrap();
    let value =
        |line: &str| line.split(' ').find_map(|field| field.strip_prefix(key)).unwrap().parse().unwrap();
    text.lines().map(value).collect()
}

#[test]
fn psnr_and_ssim_of_every_frame_are_those_of_ffmpegs_filters() {
    let (source, coded) = pair();
    let frames = compared(&coded, &source, "")["frames"].clone();
    let (psnr, ssim) = (filter("psnr", "psnr_y:", &coded, &source), filter("ssim", "Y:", &coded, &source));
    assert_eq!(frames.as_array().unwrap().len(), 6);
    assert_eq!((psnr.len(), ssim.len()), (6, 6));
    for (frame, (psnr, ssim)) in frames.as_array().unwrap().iter().zip(psnr.iter().zip(&ssim)) {
        // FFmpeg prints two and six digits.
        assert_near(&frame["psnr_y"], *psnr, 0.0051);
        assert_near(&frame["ssim_y_ffmpeg"], *ssim, 2e-6);
        // The windows differ, the picture does not.
        assert_near(&frame["ssim_y"], *ssim, 0.05);
    }
    let spread = psnr.iter().fold(0.0_f64, |most, value| most.max((value - psnr[0]).abs()));
    assert!(spread > 0.1, "the frames must differ, or their order is not tested");
}

#[test]
fn ten_bits_are_compared_on_their_own_scale() {
    let source = clip(
        "deep.mkv",
        "-f lavfi -i mandelbrot=size=64x48:rate=25 -frames:v 2 -pix_fmt yuv420p10 -c:v ffv1",
    );
    let coded =
        derived("deep-coded.mkv", "-i @0 -pix_fmt yuv420p10 -c:v libx264 -crf 33 -threads 1", &[&source]);
    let frames = compared(&coded, &source, "")["frames"].clone();
    for (frame, psnr) in frames.as_array().unwrap().iter().zip(filter("psnr", "psnr_y:", &coded, &source)) {
        assert_near(&frame["psnr_y"], psnr, 0.0051);
    }
}

#[test]
fn a_shimmering_copy_flickers_and_a_clean_one_does_not() {
    let still = clip(
        "still.mkv",
        "-f lavfi -i testsrc2=size=128x96:rate=25 -vf trim=end_frame=1,loop=loop=5:size=1 -frames:v 6 -pix_fmt yuv420p -c:v ffv1",
    );
    let shimmering = derived(
        "shimmering.mkv",
        "-i @0 -vf noise=c0s=12:c0f=t -bitexact -pix_fmt yuv420p -c:v ffv1",
        &[&still],
    );
    let darker = derived("darker.mkv", "-i @0 -vf lutyuv=y=val-9 -pix_fmt yuv420p -c:v ffv1", &[&still]);
    let noisy = compared(&shimmering, &still, "")["mean"].clone();
    assert!(number(&noisy["flicker"]) > 1.0 && number(&noisy["temporal_error"]) > 1.0, "{noisy}");
    let steady = compared(&darker, &still, "")["mean"].clone();
    assert!(number(&steady["psnr_y"]) < 30.0, "{steady}");
    assert_near(&steady["flicker"], 0.0, 0.0);
    assert_near(&steady["temporal_error"], 0.0, 0.0);
}

#[test]
fn changes_are_told_in_code_values_of_eight_bits() {
    let (source, coded) = pair();
    let deep = |name: &str, of: &Path| derived(name, "-i @0 -pix_fmt yuv420p10 -c:v ffv1", &[of]);
    let eight = compared(&coded, &source, "")["mean"].clone();
    let ten = compared(&deep("ten-coded.mkv", &coded), &deep("ten-source.mkv", &source), "")["mean"].clone();
    for score in ["temporal_error", "flicker"] {
        // 1023 is not quite 4 x 255.
        assert_near(&ten[score], number(&eight[score]), 0.01 * number(&eight["temporal_error"]));
    }
}

#[test]
fn files_of_both_ranges_are_compared_by_what_they_show() {
    let (source, _) = pair();
    let full = derived("full.mkv", "-i @0 -vf scale=out_range=full -color_range pc -c:v ffv1", &[&source]);
    for (input, reference) in [(&full, &source), (&source, &full)] {
        let report = compared(input, reference, "");
        assert!(number(&report["mean"]["psnr_y"]) > 45.0, "{}", report["mean"]);
        assert!(report["notes"].to_string().contains("limited range, the other full"), "{}", report["notes"]);
    }
    assert_eq!(compared(&full, &full, "")["notes"].as_array().unwrap().len(), 0);
}

#[test]
fn hdr_has_no_score_of_a_metric_that_does_not_know_it() {
    let hdr = clip(
        "hdr.mkv",
        "-f lavfi -i testsrc2=size=64x48:rate=25 -frames:v 2 -pix_fmt yuv420p10 -color_primaries bt2020 \
         -color_trc smpte2084 -colorspace bt2020nc -c:v ffv1",
    );
    assert!(compared(&hdr, &hdr, "")["mean"]["ssimulacra2"].is_null());
    let report = scores("--no-timing", &hdr);
    assert!(mean(&report, "bicubic")["ssimulacra2"].is_null());
    assert!(
        report["notes"].to_string().contains("knows no HDR and leaves out hdr.mkv"),
        "{}",
        report["notes"]
    );
}
