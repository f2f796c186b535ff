//! Scores that `reference_scores.py` computed with scikit-image, SciPy and NumPy.

use super::pictures::{HEIGHT, WIDTH, colour, grey_pair};
use super::support::scratch;
use super::{assert_near, compared, mean, number, scores};

#[test]
fn metrics_agree_with_scikit_image_and_scipy() {
    let folder = scratch();
    let (plain, damaged) = grey_pair(folder.path());
    let scores = &compared(&damaged, &plain, "")["mean"];
    assert_near(&scores["psnr_y"], 30.959281, 1e-6);
    assert_near(&scores["ssim_y"], 0.82686025, 1e-7);
    assert_near(&scores["ms_ssim_y"], 0.98486832, 1e-7);
}

#[test]
fn equal_pictures_have_the_best_scores() {
    let folder = scratch();
    let (plain, damaged) = grey_pair(folder.path());
    let same = &compared(&plain, &plain, "")["mean"];
    assert!(same["psnr_y"].is_null(), "the PSNR of equal pictures is infinite, null in JSON");
    for (name, best) in [("ssim_y", 1.0), ("ms_ssim_y", 1.0), ("ssim_y_ffmpeg", 1.0), ("ssimulacra2", 100.0)]
    {
        assert_near(&same[name], best, 1e-9);
    }
    assert!(number(&compared(&damaged, &plain, "")["mean"]["ssimulacra2"]) < 90.0);
}

#[test]
fn the_bicubic_row_is_that_of_the_written_out_protocol() {
    let folder = scratch();
    colour(&folder.path().join("a.png"), WIDTH, HEIGHT);
    for (scale, psnr, ssim) in EXPECTED_BICUBIC {
        let report = scores(&format!("--scale {scale} --no-timing --kernels cpu"), folder.path());
        let bicubic = mean(&report, "bicubic");
        // The order of the sums differs, so a few samples are rounded to the other side.
        assert_near(&bicubic["psnr_y"], psnr, 2e-3);
        assert_near(&bicubic["ssim_y"], ssim, 2e-5);
    }
}

/// Scale, PSNR and SSIM of the colour picture.
const EXPECTED_BICUBIC: [(u32, f64, f64); 3] =
    [(2, 33.7967, 0.971713), (3, 27.6265, 0.881576), (4, 24.0366, 0.737477)];
