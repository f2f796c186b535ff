//! Files of a network become ONNX and a manifest.

use super::source::{Converter, Source};
use crate::error::ModelError;
use crate::frame::{DataType, Skip, TensorLayout};
use crate::model::import::{self, Imported, Purpose, SourceFile, SourceFormat};
use crate::model::{InputManifest, Manifest, OutputManifest, Runtime, Scores, Task, probe};

/// The network of a package, and the manifest with what the conversion found.
pub(super) fn convert(
    manifest: &Manifest,
    source: &Source,
    files: Vec<SourceFile>,
) -> Result<(Manifest, Vec<u8>), ModelError> {
    let mismatch = |problem: String| ModelError::Model {
        model: manifest.name.clone(),
        problem,
        remedy: "mend the manifest (models/README.md describes it)".into(),
    };
    let format = match source.converter {
        Converter::Onnx => {
            let [file] = <[SourceFile; 1]>::try_from(files).map_err(|files| {
                mismatch(format!("converter \"onnx\" takes one file, found {}", files.len()))
            })?;
            return Ok((manifest.clone(), file.bytes));
        }
        Converter::Ncnn => SourceFormat::Ncnn,
        Converter::Anime4k => SourceFormat::Anime4k,
        Converter::Torch => SourceFormat::Torch,
    };
    let imported = import::convert(format, &files)?;
    let found = describe(&imported, &manifest.name);
    let mut manifest = manifest.clone();
    let facts = |manifest: &Manifest| {
        let input = &manifest.input;
        let scales = (manifest.scale, manifest.shrink);
        (scales, input.colour, input.range.to_bits(), manifest.parameters, manifest.global)
    };
    if facts(&found) != facts(&manifest) || !manifest.input.multiple.is_multiple_of(found.input.multiple) {
        return Err(mismatch(format!("its manifest does not fit the network, which is {}", found.summary())));
    }
    manifest.input.name = found.input.name;
    manifest.output.name = found.output.name;
    Ok((manifest, imported.network))
}

/// Makes a network of any known format, which one or two files hold, a model named `name`.
pub(super) fn read(
    runtime: &Runtime,
    files: &[SourceFile],
    name: &str,
) -> Result<(Manifest, Vec<u8>), ModelError> {
    if let Some(format) = format_of(files) {
        let imported = import::convert(format, files)?;
        return Ok((describe(&imported, name), imported.network));
    }
    match files {
        [file] => Ok((probe(runtime, &file.bytes, name)?, file.bytes.clone())),
        _ => Err(ModelError::Model {
            model: name.into(),
            problem: format!("{} files do not make one network", files.len()),
            remedy: "give one .onnx, .json or .pth file, or a .param and its .bin".into(),
        }),
    }
}

/// The format by the files' endings, or by what they begin with; none means ONNX.
fn format_of(files: &[SourceFile]) -> Option<SourceFormat> {
    let first = files.first()?;
    if first.name.to_ascii_lowercase().ends_with(".onnx") {
        return None;
    }
    let by_ending = files.iter().find_map(|file| SourceFormat::of_file(&file.name));
    by_ending.or(match first.bytes.as_slice() {
        [b'{', ..] => Some(SourceFormat::Anime4k),
        // A zip archive, or a pickle.
        [b'P', b'K', ..] | [0x80, ..] => Some(SourceFormat::Torch),
        _ => None,
    })
}

/// The manifest of an imported network.
fn describe(imported: &Imported, name: &str) -> Manifest {
    let task = match imported.purpose {
        Purpose::Curves { .. } => Task::LowLight,
        Purpose::Motion { .. } => Task::Interpolation,
        Purpose::Picture if imported.scale > 1 => Task::SuperResolution,
        Purpose::Picture => Task::Restoration,
    };
    let first = |names: &[String]| names.first().cloned().unwrap_or_default();
    Manifest {
        name: name.into(),
        task,
        file: format!("{name}.onnx"),
        sha256: None,
        licence: "unknown".into(),
        description: format!("Imported: {}.", imported.architecture),
        scale: imported.scale,
        parameters: Some(imported.parameters),
        gflop_per_megapixel: Some((imported.gflop_per_megapixel * 10.0).round() / 10.0),
        bytes_per_pixel: None,
        tile: None,
        // The largest that a manifest may say; what lies farther off weighs nothing.
        receptive_margin: imported.receptive_margin.min(1024),
        global: imported.global,
        detail: None,
        shrink: match imported.purpose {
            Purpose::Motion { shrink } => Some(shrink),
            _ => None,
        },
        input: InputManifest {
            name: first(&imported.inputs),
            colour: imported.colour,
            layout: TensorLayout::default(),
            dtype: DataType::F32,
            space_to_depth: 1,
            mean: 0.0,
            range: imported.range,
            multiple: imported.multiple,
            padding: 0,
            width: None,
            height: None,
        },
        output: OutputManifest {
            name: first(&imported.outputs),
            colour: None,
            layout: None,
            dtype: None,
            mean: None,
            range: None,
            depth_to_space: 1,
            skip: Skip::None,
        },
        arguments: Vec::new(),
        scores: Scores::default(),
        source: None,
        self_test: None,
    }
}
