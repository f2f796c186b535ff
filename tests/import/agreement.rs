//! Converted networks beside the original programs, whose results `make_expected.py` has stored.

use super::{packages, support};
use framecast::model::import::{Imported, Purpose, SourceFile, SourceFormat, convert};
use serde_json::Value;

/// Largest difference allowed, where white is 1.
const TOLERANCE: f32 = 1e-4;

/// The case of this name; `None` if its package cannot be had.
fn check(name: &str) -> Option<Imported> {
    let expected: Value = serde_json::from_str(include_str!("expected.json")).unwrap();
    let case = &expected["cases"][name];
    let numbers = |value: &Value| -> Vec<usize> {
        value.as_array().unwrap().iter().map(|number| number.as_u64().unwrap() as usize).collect()
    };
    let paths: Vec<&str> =
        case["files"].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect();
    let files: Vec<_> = packages::files(case["package"].as_str().unwrap(), &paths)?
        .into_iter()
        .map(|(name, bytes)| SourceFile { name, bytes })
        .collect();
    let format = SourceFormat::of_file(&files[0].name).unwrap();
    let imported = convert(format, &files).unwrap();
    assert_eq!(imported.border as u64, case["border"].as_u64().unwrap(), "{name}");

    let input = support::picture(numbers(&expected["input"]).try_into().unwrap());
    let output = support::run(&imported, &input);
    let shape = numbers(&case["output"]);
    let channels = match imported.purpose {
        Purpose::Curves { iterations } => 3 * iterations,
        _ => input.shape[0],
    };
    assert_eq!(shape, [channels, input.shape[1] * imported.scale, input.shape[2] * imported.scale]);
    let step = case["step"].as_u64().unwrap() as usize;
    let values: Vec<f32> =
        case["values"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect();
    assert_eq!(values.len(), output.len().div_ceil(step), "{name}");
    let worst = values
        .iter()
        .zip(output.iter().step_by(step))
        .map(|(expected, found)| (expected - found).abs())
        .fold(0.0, f32::max);
    println!("{name}: {imported:?}, margin {}, worst difference {worst:e}", imported.receptive_margin);
    assert!(worst <= TOLERANCE, "{name} differs by {worst}");
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
