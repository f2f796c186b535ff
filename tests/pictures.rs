//! Still pictures, picture sequences and animations.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use image::codecs::{jpeg::JpegEncoder, png::PngEncoder, tiff::TiffEncoder, webp::WebPEncoder};
use image::{ExtendedColorType, ImageDecoder, ImageEncoder, ImageReader};
use std::path::{Path, PathBuf};
use support::{Probe, clip, derived, ffmpeg, frame_times, psnr, raw, refuse, rotated, run, scratch, succeed};

fn photo(name: &str, format: &str) -> PathBuf {
    clip(name, &format!("-f lavfi -i mandelbrot=s=120x80:r=1 -frames:v 1 -pix_fmt {format}"))
}

/// Five numbered pictures in a folder of the test's own.
fn sequence(folder: &Path) -> PathBuf {
    let pattern = folder.join("shot-%03d.png");
    let made =
        ffmpeg().args(["-f", "lavfi", "-i", "testsrc2=s=64x48:r=5:d=1"]).arg(&pattern).status().unwrap();
    assert!(made.success());
    pattern
}

/// Checks size, format and, against a plain enlargement, contents of a doubled picture.
fn doubled(input: &Path, name: &str, format: &str) {
    let folder = scratch();
    let output = folder.path().join(name);
    succeed(input, &output, "");
    let probe = Probe::new(&output);
    assert_eq!(probe.size(), (240, 160), "{name}");
    assert_eq!(probe.video()["pix_fmt"], format, "{name}");
    // Brought to one form without loss; the colours of a wrong matrix or range are far from this.
    let forms = [
        derived("a.mkv", "-i @0 -c:v ffv1 -pix_fmt gbrp", &[&output]),
        derived("b.mkv", "-i @0 -c:v ffv1 -pix_fmt gbrp", &[input]),
    ];
    for component in ['r', 'g', 'b'] {
        let found = psnr(&forms[0], "scale=120:80:flags=area", &forms[1], component);
        assert!(found > 27.0, "{name} {component}: {found} dB");
    }
}

#[test]
fn a_picture_is_doubled_in_its_own_format() {
    doubled(&photo("rgb.png", "rgb24"), "out.png", "rgb24");
    // JPEG is read as RGB, so its chroma is written in full.
    doubled(&photo("photo.jpg", "yuvj420p"), "out.jpg", "yuvj444p");
    doubled(&photo("photo.bmp", "bgr24"), "out.bmp", "bgr24");
    doubled(&photo("photo.tiff", "rgb24"), "out.tiff", "rgb24");
}

#[test]
fn a_picture_can_change_its_format() {
    doubled(&photo("rgb.png", "rgb24"), "out.jpg", "yuvj444p");
    doubled(&photo("photo.jpg", "yuvj420p"), "out.png", "rgb24");
}

#[test]
fn grey_and_deep_pictures_keep_their_kind() {
    let folder = scratch();
    for (format, kept) in [("gray", "gray"), ("rgb48be", "rgb48be"), ("gray16be", "gray16be")] {
        let input = photo(&format!("{format}.png"), format);
        let output = folder.path().join(format!("{format}.png"));
        succeed(&input, &output, "");
        assert_eq!(Probe::new(&output).size(), (240, 160), "{format}");
        assert_eq!(Probe::new(&output).video()["pix_fmt"], kept, "{format}");
    }
}

#[test]
fn one_picture_leaves_one_file() {
    let folder = scratch();
    succeed(&photo("rgb.png", "rgb24"), &folder.path().join("out.png"), "");
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["out.png"]);
}

#[test]
fn a_sequence_becomes_a_video_and_back() {
    let folder = scratch();
    let input = sequence(folder.path());
    let video = folder.path().join("out.mkv");
    succeed(&input, &video, "--rate 5 --codec ffv1");
    assert_eq!(Probe::new(&video).size(), (128, 96));
    assert_eq!(frame_times(&video, "v:0"), [(0, 1), (1, 5), (2, 5), (3, 5), (4, 5)]);

    let results = scratch();
    let pattern = results.path().join("big-%02d.png");
    let done = support::run(&video, &pattern, "--upscale 1");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let mut names: Vec<_> = std::fs::read_dir(results.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["big-01.png", "big-02.png", "big-03.png", "big-04.png", "big-05.png"]);
    assert_eq!(Probe::new(&results.path().join("big-05.png")).size(), (128, 96));
}

#[test]
fn an_animation_becomes_a_video() {
    let input = clip("anim.gif", "-f lavfi -i testsrc2=s=64x48:r=10:d=1");
    let folder = scratch();
    let output = folder.path().join("out.mp4");
    succeed(&input, &output, "");
    assert_eq!(Probe::new(&output).size(), (128, 96));
    assert_eq!(frame_times(&output, "v:0"), frame_times(&input, "v:0"));
}

/// Frames would be lost without a word where only the first picture was read.
#[test]
fn an_animation_that_is_named_like_a_picture_is_one() {
    let input = clip("moving.png", "-f lavfi -i testsrc2=s=64x48:r=10:d=1 -f apng");
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    succeed(&input, &output, "--upscale 1 --codec ffv1");
    assert_eq!(
        frame_times(&output, "v:0"),
        (0..10).map(|n| support::fraction(&format!("{n}/10"))).collect::<Vec<_>>()
    );
    let colours = |path: &Path| support::decoded_hash(path, "0:v:0", "-pix_fmt rgb24");
    assert_eq!(colours(&output), colours(&input));

    let input = clip("moving.webp", "-f lavfi -i testsrc2=s=64x48:r=10:d=1 -c:v libwebp_anim");
    let folder = scratch();
    let message = refuse(&input, &folder.path().join("out.mkv"), "", 3);
    assert!(message.contains("animated WebP") && message.contains("APNG"), "{message}");
}

/// The same picture once more: its directory is copied to the end of the file.
fn with_second_page(page: &Path, file: &Path) {
    let mut bytes = std::fs::read(page).unwrap();
    let number = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let first = number(&bytes, 4);
    let entries = usize::from(u16::from_le_bytes([bytes[first], bytes[first + 1]]));
    let directory = bytes[first..first + 2 + 12 * entries + 4].to_vec();
    let second = (bytes.len() as u32).to_le_bytes();
    let link = first + 2 + 12 * entries;
    bytes[link..link + 4].copy_from_slice(&second);
    bytes.extend(directory);
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn further_pages_of_a_tiff_are_told_once() {
    let folder = scratch();
    let page = folder.path().join("page.tif");
    let pixels: Vec<u8> = (0..32 * 24 * 3).map(|n| n as u8).collect();
    let file = std::fs::File::create(&page).unwrap();
    TiffEncoder::new(file).write_image(&pixels, 32, 24, ExtendedColorType::Rgb8).unwrap();
    for number in 0..3 {
        with_second_page(&page, &folder.path().join(format!("both-{number}.tif")));
    }
    let output = folder.path().join("out.mkv");
    let told = |input: &str| {
        let stderr = succeed(&folder.path().join(input), &output, "-y --upscale 1 --codec ffv1").stderr;
        stderr.lines().filter(|line| line.contains("pages")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(told("page.tif"), [""; 0]);
    for input in ["both-0.tif", "both-%d.tif"] {
        let [line] = &told(input)[..] else { panic!("{input} is not told once") };
        assert!(line.contains("both-0.tif: holds 2 pages") && line.contains("page-%03d.tif"), "{line}");
    }
}

#[test]
fn pictures_of_hdr_video_are_said_to_lack_it() {
    let recipe = "-f lavfi -i testsrc2=s=64x48:r=2:d=1 -pix_fmt yuv420p10le -c:v ffv1 -color_trc smpte2084";
    let input = clip("pq.mkv", recipe);
    let folder = scratch();
    let result = succeed(&input, &folder.path().join("out-%d.png"), "--upscale 1");
    assert!(result.stderr.contains("png does not say that its pictures are HDR"), "{}", result.stderr);
}

#[test]
fn existing_pictures_of_a_sequence_are_replaced_only_when_asked() {
    let (folder, results) = (scratch(), scratch());
    let input = sequence(folder.path());
    let existing = results.path().join("z-003.png");
    std::fs::write(&existing, "precious").unwrap();
    let pattern = results.path().join("z-%03d.png");
    let refused = run(&input, &pattern, "--upscale 1");
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    assert!(refused.stderr.contains("z-003.png: exists already; add -y"), "{}", refused.stderr);
    assert_eq!(std::fs::read(&existing).unwrap(), b"precious");
    assert_eq!(std::fs::read_dir(results.path()).unwrap().count(), 1);
    // Numbers before the first one, and names that the pattern does not write, are not in the way.
    let result = run(&input, &pattern, "--upscale 1 --muxer-opt start_number=4");
    assert_eq!(result.code, Some(0), "{}", result.stderr);
    assert_eq!(std::fs::read_dir(results.path()).unwrap().count(), 6);
    let result = run(&input, &pattern, "--upscale 1 -y");
    assert_eq!(result.code, Some(0), "{}", result.stderr);
    assert_eq!(Probe::new(&existing).size(), (64, 48));
}

/// As much of a colour profile as is looked at.
fn profile(space: &[u8; 4]) -> Vec<u8> {
    let mut profile: Vec<u8> = (0..600).map(|n| (n % 251) as u8).collect();
    profile[16..20].copy_from_slice(space);
    profile
}

fn profile_of(path: &Path) -> Option<Vec<u8>> {
    let reader = ImageReader::open(path).unwrap().with_guessed_format().unwrap();
    reader.into_decoder().unwrap().icc_profile().unwrap()
}

#[test]
fn colour_profiles_are_kept_or_their_loss_is_told() {
    fn write(path: &Path, profile: &[u8], color: ExtendedColorType) {
        fn with(mut encoder: impl ImageEncoder, profile: &[u8], color: ExtendedColorType) {
            encoder.set_icc_profile(profile.to_vec()).unwrap();
            let pixels = vec![90; 32 * 16 * usize::from(color.channel_count())];
            encoder.write_image(&pixels, 32, 16, color).unwrap();
        }
        let file = std::fs::File::create(path).unwrap();
        match path.extension().unwrap().to_str().unwrap() {
            "png" => with(PngEncoder::new(file), profile, color),
            "jpg" => with(JpegEncoder::new(file), profile, color),
            "tiff" => with(TiffEncoder::new(file), profile, color),
            _ => with(WebPEncoder::new_lossless(file), profile, color),
        }
    }
    let folder = scratch();
    let path = |name: &str| folder.path().join(name);
    let rgb = profile(b"RGB ");
    for (input, output) in [
        ("a.png", "1.jpg"),
        ("a.jpg", "2.png"),
        ("a.webp", "3.webp"),
        ("a.webp", "4.tiff"),
        ("a.png", "5.png"),
        ("a.tiff", "6.png"),
        ("a.tiff", "7.tiff"),
    ] {
        write(&path(input), &rgb, ExtendedColorType::Rgb8);
        let told = succeed(&path(input), &path(output), "").stderr;
        let bytes = std::fs::read(path(output)).unwrap();
        // Found as it is in TIFF; PNG compresses it.
        let is_kept = bytes.windows(rgb.len()).any(|part| part == rgb)
            || profile_of(&path(output)) == Some(rgb.clone());
        assert!(is_kept, "{input} to {output}");
        assert!(!told.contains("profile"), "{told}");
    }
    let told = succeed(&path("a.png"), &path("out.bmp"), "").stderr;
    assert!(told.contains("the colour profile is lost"), "{told}");
    // Most programs mark the profile of a TIFF as bytes of an undefined type (7), not as numbers (1).
    let mut bytes = std::fs::read(path("a.tiff")).unwrap();
    let field = bytes.windows(4).position(|field| field == [0x73, 0x87, 1, 0]).unwrap();
    bytes[field + 2] = 7;
    std::fs::write(path("undefined.tiff"), bytes).unwrap();
    succeed(&path("undefined.tiff"), &path("8.png"), "");
    assert_eq!(profile_of(&path("8.png")), Some(rgb.clone()));
    let gray = profile(b"GRAY");
    write(&path("gray.png"), &gray, ExtendedColorType::L8);
    succeed(&path("gray.png"), &path("gray-out.png"), "");
    assert_eq!(profile_of(&path("gray-out.png")), Some(gray.clone()));
    // One that describes other colours than those of the picture would be wrong.
    write(&path("other.png"), &profile(b"CMYK"), ExtendedColorType::Rgb8);
    succeed(&path("other.png"), &path("other-out.png"), "");
    assert_eq!(profile_of(&path("other-out.png")), None);
}

#[test]
fn pictures_of_a_turned_video_are_upright() {
    let flat = clip("flat.mp4", "-f lavfi -i testsrc2=s=64x48:r=5:d=0.4 -c:v libx264 -pix_fmt yuv444p -qp 0");
    for (degrees, filter) in [(90, "transpose=clock"), (180, "hflip,vflip"), (270, "transpose=cclock")] {
        let folder = scratch();
        let pictures = |source: &Path, name: &str| {
            let done = run(source, &folder.path().join(name), "--upscale 1");
            assert_eq!(done.code, Some(0), "{}", done.stderr);
            done.stderr
        };
        let told = pictures(&rotated("turned.mp4", &flat, degrees), "turned-%d.png");
        assert!(told.contains("upright"), "{told}");
        pictures(&flat, "flat-%d.png");
        let expected = folder.path().join("expected.png");
        let lies = folder.path().join("flat-2.png");
        let made = ffmpeg().arg("-i").arg(&lies).args(["-vf", filter]).arg(&expected).status().unwrap();
        assert!(made.success());
        let found = folder.path().join("turned-2.png");
        assert_eq!(Probe::new(&found).size(), Probe::new(&expected).size(), "{degrees}");
        assert!(raw(&found) == raw(&expected), "{degrees}");
    }
}

#[test]
fn a_picture_of_an_unknown_kind_is_not_called_damaged() {
    let input = photo("video-colours.tiff", "yuv420p");
    let folder = scratch();
    let message = support::refuse(&input, &folder.path().join("out.png"), "", 3);
    assert!(message.contains("does not support") && message.contains("convert it"), "{message}");
}

#[test]
fn a_picture_that_is_not_there_is_not_called_damaged() {
    let folder = scratch();
    for name in ["none.png", "no*.png"] {
        let results = scratch();
        let message = refuse(&folder.path().join(name), &results.path().join("out.png"), "", 3);
        assert!(message.contains("check the path") && !message.contains("completely"), "{message}");
    }
}
