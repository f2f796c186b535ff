//! The style of a picture, in the numbers that a network describes it with.

use crate::error::{ConfigError, Error, ModelError};
use crate::frame::{DataType, Tensor, TensorData, TensorLayout, TensorSlice};
use crate::model::{Execution, Model, Runtime, Session};
use image::imageops::FilterType;
use image::{DynamicImage, ImageReader};
use std::path::Path;

/// Describes the style of the picture in file `path`: of the largest square in its middle.
pub fn describe_style(
    runtime: &Runtime,
    predictor: &Model,
    execution: Execution,
    threads: usize,
    path: &Path,
) -> Result<Vec<f64>, Error> {
    let manifest = &predictor.manifest;
    let fault = |problem: String| ModelError::Model {
        model: manifest.name.clone(),
        problem,
        remedy: "fetch it again: framecast models pull".into(),
    };
    let input = &manifest.input;
    let (Some(width), Some(height)) = (input.width, input.height) else {
        return Err(
            fault("expected the width and height of its input in the manifest, found none".into()).into()
        );
    };
    let mut session = Session::new(runtime, predictor, execution, threads, [3, height, width])?;
    let numbers = session
        .output_channels()
        .ok_or_else(|| fault("expected an output of known length, found an open one".into()))?;
    let tensor = tensor(&square(&read(path)?), (width, height), input.range, input.layout);
    let style = session.run(&tensor, [numbers, 1, 1], |output| match output.data {
        TensorSlice::F32(values) => values.iter().copied().map(f64::from).collect(),
        _ => Vec::new(),
    })?;
    Ok(style)
}

fn read(path: &Path) -> Result<DynamicImage, ConfigError> {
    let fault = |reason: String| ConfigError {
        setting: "--style".into(),
        expected: "a style's number, a mix of numbers, or a picture (PNG, JPEG, WebP, TIFF, BMP)".into(),
        found: format!("{}: {reason}", path.display()),
    };
    let reader = ImageReader::open(path).map_err(|error| fault(error.to_string()))?;
    let reader = reader.with_guessed_format().map_err(|error| fault(error.to_string()))?;
    reader.decode().map_err(|error| fault(error.to_string()))
}

fn square(picture: &DynamicImage) -> DynamicImage {
    let (width, height) = (picture.width(), picture.height());
    let side = width.min(height);
    picture.crop_imm((width - side) / 2, (height - side) / 2, side, side)
}

fn tensor(
    picture: &DynamicImage,
    (width, height): (usize, usize),
    range: f32,
    layout: TensorLayout,
) -> Tensor {
    let small = picture.resize_exact(width as u32, height as u32, FilterType::Lanczos3).to_rgb8();
    let samples = small.as_raw();
    let mut tensor = Tensor::empty();
    tensor.reset([3, height, width], layout, DataType::F32);
    if let TensorData::F32(values) = &mut tensor.data {
        let plane = width * height;
        for (index, value) in values.iter_mut().enumerate() {
            let place = match layout {
                TensorLayout::Nhwc => index,
                TensorLayout::Nchw => index % plane * 3 + index / plane,
            };
            *value = samples.get(place).map_or(0.0, |sample| f32::from(*sample) / 255.0 * range);
        }
    }
    tensor
}
