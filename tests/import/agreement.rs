//! Converted networks beside the original programs, whose results `make_expected.py` has stored.

use super::{packages, support};
use framecast::frame::{Tensor, TensorData};
use framecast::model::import::{Imported, Purpose, SourceFile, SourceFormat, convert};
use serde_json::Value;

/// Largest difference allowed, where white is 1.
const TOLERANCE: f32 = 1e-4;

/// The stored results, and the converted network of this name; `None` if its package cannot be had.
fn converted(name: &str) -> Option<(Value, Imported)> {
    let mut expected: Value = serde_json::from_str(include_str!("expected.json")).unwrap();
    let case = expected["cases"][name].take();
    let paths: Vec<&str> =
        case["files"].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect();
    let files: Vec<_> = packages::files(case["package"].as_str().unwrap(), &paths)?
        .into_iter()
        .map(|(name, bytes)| SourceFile { name, bytes })
        .collect();
    let format = SourceFormat::of_file(&files[0].name).unwrap();
    Some((case, convert(format, &files).unwrap()))
}

fn numbers(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|number| number.as_u64().unwrap() as usize).collect()
}

/// Checks every so many values of `output` against the stored ones.
fn assert_near(name: &str, case: &Value, output: &[f32], tolerance: f32) {
    let step = case["step"].as_u64().unwrap() as usize;
    let values: Vec<f32> =
        case["values"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect();
    assert_eq!(values.len(), output.len().div_ceil(step), "{name}");
    let pairs = values.iter().zip(output.iter().step_by(step));
    let worst = pairs.map(|(expected, found)| (expected - found).abs()).fold(0.0, f32::max);
    println!("{name}: worst difference {worst:e}");
    assert!(worst <= tolerance, "{name} differs by {worst}");
}

/// The case of this name; `None` if its package cannot be had.
fn check(name: &str) -> Option<Imported> {
    let (case, imported) = converted(name)?;
    println!("{name}: {imported:?}, margin {}", imported.receptive_margin);
    assert_eq!(imported.border as u64, case["border"].as_u64().unwrap(), "{name}");

    let input = support::picture([3, 16, 24]);
    let output = support::run(&imported, &input);
    let channels = match imported.purpose {
        Purpose::Curves { iterations } => 3 * iterations,
        _ => input.shape[0],
    };
    let shape = [channels, input.shape[1] * imported.scale, input.shape[2] * imported.scale];
    assert_eq!(numbers(&case["output"]), shape);
    assert_near(name, &case, &output, TOLERANCE);
    Some(imported)
}

#[test]
fn animevideov3_at_every_scale() {
    for scale in 2..=4 {
        let Some(imported) = check(&format!("models/realesr-animevideov3-x{scale}")) else { return };
        assert_eq!((imported.scale, imported.multiple, imported.global), (scale, 1, false));
        // 18 convolutions of 3 x 3 in a row, and the reduction's neighbours in the x4 picture.
        assert!((18..=20).contains(&imported.receptive_margin), "{}", imported.receptive_margin);
        assert_eq!(imported.parameters, 621_424);
    }
}

#[test]
fn x4plus_and_its_version_for_drawings() {
    for (name, parameters) in [("x4plus", 16_697_987), ("x4plus-anime", 4_467_779)] {
        let Some(imported) = check(&format!("models/realesrgan-{name}")) else { return };
        assert_eq!((imported.scale, imported.multiple, imported.parameters), (4, 1, parameters));
    }
}

#[test]
fn span_with_48_and_52_channels() {
    for (name, scale, parameters) in
        [("spanx2_ch48", 2, 410_703), ("spanx4_ch52", 4, 498_211), ("ClearReality4x", 4, 426_291)]
    {
        let Some(imported) = check(&format!("models/{name}")) else { return };
        assert_eq!((imported.scale, imported.multiple), (scale, 1));
        assert_eq!(imported.parameters, parameters, "{name}");
    }
}

#[test]
fn waifu2x_with_its_border_repeated() {
    for (name, scale, multiple) in [
        ("models-upconv_7_photo/scale2.0x_model", 2, 1),
        ("models-cunet/noise1_scale2.0x_model", 2, 2),
        ("models-cunet/noise0_model", 1, 4),
    ] {
        let Some(imported) = check(&format!("models/{name}")) else { return };
        assert_eq!((imported.scale, imported.multiple), (scale, multiple), "{name}");
        assert_eq!(imported.global, name.contains("cunet"), "{name}");
    }
}

#[test]
fn real_cugan_at_every_scale() {
    for (name, scale, multiple) in [
        ("models-se/up2x-no-denoise", 2, 2),
        ("models-pro/up3x-conservative", 3, 4),
        ("models-se/up4x-no-denoise", 4, 2),
        ("models-nose/up2x-no-denoise", 2, 2),
    ] {
        let Some(imported) = check(&format!("models/{name}")) else { return };
        assert_eq!((imported.scale, imported.multiple), (scale, multiple), "{name}");
        assert_eq!(imported.global, !name.contains("nose"), "{name}");
    }
}

#[test]
fn anime4k_at_every_size() {
    for (name, scale, margin) in [
        ("2x-s-an", 2, 4),
        ("2x-m-rl", 2, 7),
        ("2x-l-an", 2, 7),
        ("restore-s-an", 1, 4),
        ("restore-m-an", 1, 7),
        ("restore-l-an", 1, 5),
    ] {
        let Some(imported) = check(&format!("anime4k/{name}")) else { return };
        assert_eq!((imported.scale, imported.multiple), (scale, 1), "{name}");
        assert!(
            (margin..=margin + 2).contains(&imported.receptive_margin),
            "{name} {}",
            imported.receptive_margin
        );
    }
}

#[test]
fn zero_dce_from_a_checkpoint_of_pytorch() {
    let Some(imported) = check("zero-dce") else { return };
    assert_eq!(imported.purpose, Purpose::Curves { iterations: 8 });
    assert_eq!((imported.scale, imported.parameters, imported.receptive_margin), (1, 79_416, 7));
}

/// The cells of a motion network's input; the moment is in the middle.
fn frames() -> Tensor {
    let value = |c: usize, y: usize, x: usize| {
        (((37 * c + 3 * y + 5 * x + (x + 2 * (c / 6)) * y / 4) % 128) as f32 - 64.0).abs() / 80.0 - 0.4
    };
    let (channels, height, width) = (16, 64, 96);
    let places = (0..channels).flat_map(|c| (0..height * width).map(move |i| (c, i / width, i % width)));
    let values = places.map(|(c, y, x)| if c == 12 { 0.5 } else { value(c, y, x) }).collect();
    let mut tensor = Tensor::zeros([channels, height, width]);
    tensor.data = TensorData::F32(values);
    tensor
}

#[test]
fn rife_as_a_motion_network() {
    let Some((case, imported)) = converted("rife") else { return };
    assert_eq!(imported.purpose, Purpose::Motion { shrink: 2 });
    assert_eq!((imported.scale, imported.multiple, imported.parameters), (1, 32, 2_275_575));
    let field = support::run_plain(&imported.network, &frames());
    let plane = 64 * 96;
    assert_eq!(field.len(), 8 * plane);
    // Displacements are in the source's pixels, which are half as large; the mask is for the first frame, the blend is not.
    let flows = field[..4 * plane].iter().map(|displacement| displacement / 2.0);
    let mask = field[4 * plane..5 * plane].iter().map(|blend| -blend);
    assert_near("rife", &case, &flows.chain(mask).collect::<Vec<_>>(), 1e-3);
    assert!(field[6 * plane..7 * plane].iter().all(|&logit| logit > 6.0));
}
