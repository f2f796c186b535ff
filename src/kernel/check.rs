//! Checks that a kernel's arguments fit each other, shared by the backends.

use super::{
    Composition, Region, ResamplePlan, Skip, Taps, TensorColor, TensorLayout, TensorSpec, TilePlace,
    UnpackSpec,
};
use crate::error::{ConfigError, KernelError};
use crate::frame::{DataType, Frame, MotionField, Plane, Sharpness, SmallFrame, Tensor, TensorView};

/// Checks the arguments of [`super::Kernels::pack`].
pub(super) fn pack(frame: &Frame, region: Region, spec: &TensorSpec) -> Result<(), KernelError> {
    const OPERATION: &str = "pack";
    check_frame(OPERATION, frame)?;
    let block = spec.block;
    require(
        OPERATION,
        block > 0
            && region.width > 0
            && region.height > 0
            && region.width.is_multiple_of(block)
            && region.height.is_multiple_of(block),
        || format!("a region of multiples of {block} pixels"),
        || format!("{} x {}", region.width, region.height),
    )
}

/// Checks the arguments of [`super::Kernels::unpack`].
pub(super) fn unpack(
    tensor: TensorView<'_>,
    spec: &UnpackSpec,
    source: &Frame,
    out: &Frame,
) -> Result<(), KernelError> {
    check_tensor("unpack", tensor)?;
    unpack_shape((tensor.shape, tensor.layout), spec, source, out)
}

/// As [`unpack`], for a tensor whose elements are elsewhere.
pub(super) fn unpack_shape(
    (shape, layout): ([usize; 3], TensorLayout),
    spec: &UnpackSpec,
    source: &Frame,
    out: &Frame,
) -> Result<(), KernelError> {
    const OPERATION: &str = "unpack";
    check_frame(OPERATION, source)?;
    check_frame(OPERATION, out)?;
    let (width, height) = (out.info.width as usize, out.info.height as usize);
    let [channels, rows, columns] = shape;
    let block = spec.tensor.block;
    require(
        OPERATION,
        block > 0
            && channels == spec.tensor.channels()
            && layout == spec.tensor.layout
            && columns.saturating_mul(block) >= width
            && rows.saturating_mul(block) >= height,
        || {
            let (channels, layout) = (spec.tensor.channels(), spec.tensor.layout);
            format!("{layout} of {channels} channels that cover {width} x {height} in blocks of {block}")
        },
        || format!("{layout} of {channels} x {rows} x {columns}"),
    )?;
    if spec.skip == Skip::None {
        return Ok(());
    }
    let (source_width, source_height) = (source.info.width as usize, source.info.height as usize);
    require(
        OPERATION,
        spec.tensor.color == TensorColor::Luma
            && source_width.saturating_mul(spec.scale) >= width
            && source_height.saturating_mul(spec.scale) >= height,
        || format!("for a skip connection, luma of a picture that covers {width} x {height}"),
        || format!("{:?} of {source_width} x {source_height} times {}", spec.tensor.color, spec.scale),
    )
}

/// Checks the arguments of [`super::Kernels::blend_tile`].
pub(super) fn blend(tile: TensorView<'_>, place: &TilePlace, canvas: &Tensor) -> Result<(), KernelError> {
    const OPERATION: &str = "blend_tile";
    check_tensor(OPERATION, tile)?;
    check_tensor(OPERATION, canvas.view())?;
    blend_shapes((tile.shape, tile.layout), place, (canvas.shape, canvas.layout, canvas.kind()))
}

/// As [`blend`], for tensors whose elements are elsewhere.
pub(super) fn blend_shapes(
    (shape, layout): ([usize; 3], TensorLayout),
    place: &TilePlace,
    (canvas, canvas_layout, canvas_kind): ([usize; 3], TensorLayout, DataType),
) -> Result<(), KernelError> {
    const OPERATION: &str = "blend_tile";
    require(
        OPERATION,
        shape[0] == canvas[0] && layout == canvas_layout && canvas_kind == DataType::F32,
        || format!("an f32 {layout} canvas of {} channels", shape[0]),
        || format!("{canvas_kind} {canvas_layout} of {canvas:?}"),
    )?;
    let limit = i64::from(i32::MAX);
    require(
        OPERATION,
        place.x.abs() <= limit && place.y.abs() <= limit,
        || format!("a position within ±{limit}"),
        || format!("({}, {})", place.x, place.y),
    )
}

/// Checks the arguments of [`super::Kernels::resample`].
pub(super) fn resample(plan: &ResamplePlan, source: &Plane, out: &Plane) -> Result<(), KernelError> {
    const OPERATION: &str = "resample";
    for (role, plane, size, depth) in
        [("source", source, plan.source, plan.source_depth), ("output", out, plan.output, plan.output_depth)]
    {
        check_plane(OPERATION, plane)?;
        let bytes = if depth <= 8 { 1 } else { 2 };
        require(
            OPERATION,
            (plane.width as usize, plane.height as usize, plane.sample_bytes) == (size.0, size.1, bytes),
            || format!("a {role} of {} x {} with {bytes} bytes per sample", size.0, size.1),
            || format!("{} x {} with {}", plane.width, plane.height, plane.sample_bytes),
        )?;
    }
    check_taps(OPERATION, &plan.horizontal, plan.output.0)?;
    check_taps(OPERATION, &plan.vertical, plan.output.1)
}

/// Checks the arguments of [`super::Kernels::steady`].
pub(super) fn steady(
    luma: &Tensor,
    before: &Tensor,
    kept: &Tensor,
    values: &Tensor,
) -> Result<(), KernelError> {
    const OPERATION: &str = "steady";
    let [channels, rows, columns] = values.shape;
    for (tensor, shape, layout) in [
        (luma, [1, rows, columns], TensorLayout::Nchw),
        (before, [1, rows, columns], TensorLayout::Nchw),
        (kept, values.shape, values.layout),
        (values, [channels, rows, columns], values.layout),
    ] {
        check_tensor(OPERATION, tensor.view())?;
        require(
            OPERATION,
            tensor.shape == shape && tensor.layout == layout && tensor.as_f32().is_some(),
            || format!("an f32 {layout} tensor of {shape:?}"),
            || format!("{tensor:?}"),
        )?;
    }
    Ok(())
}

/// Checks the arguments of [`super::Kernels::apply_curves`].
pub(super) fn curves(maps: &Tensor, picture: &Tensor) -> Result<(), KernelError> {
    const OPERATION: &str = "apply_curves";
    for (tensor, fits, expected) in [
        (maps, maps.shape[0].is_multiple_of(3), "maps: an f32 NCHW tensor of a multiple of 3 channels"),
        (picture, picture.shape[0] == 3, "picture: an f32 NCHW tensor of 3 channels"),
    ] {
        check_tensor(OPERATION, tensor.view())?;
        require(
            OPERATION,
            fits && tensor.layout == TensorLayout::Nchw && tensor.as_f32().is_some(),
            || expected.to_owned(),
            || format!("{tensor:?}"),
        )?;
    }
    Ok(())
}

/// Checks the arguments of [`super::Kernels::mix`].
pub(super) fn mix(from: &Plane, share: f32, into: &Plane) -> Result<(), KernelError> {
    const OPERATION: &str = "mix";
    check_plane(OPERATION, from)?;
    check_plane(OPERATION, into)?;
    require(
        OPERATION,
        (from.width, from.height, from.sample_bytes) == (into.width, into.height, into.sample_bytes),
        || format!("planes of {} x {} with {} bytes per sample", into.width, into.height, into.sample_bytes),
        || format!("{} x {} with {}", from.width, from.height, from.sample_bytes),
    )?;
    require(
        OPERATION,
        (0.0..=1.0).contains(&share),
        || "a share from 0 to 1".to_owned(),
        || share.to_string(),
    )
}

/// Checks the arguments of [`super::Kernels::compose`].
pub(super) fn compose(composition: &Composition<'_>, out: &Frame) -> Result<(), KernelError> {
    const OPERATION: &str = "compose";
    let Composition { field, first, other, gate, still, sharpness } = *composition;
    for frame in [first, other, out] {
        check_frame(OPERATION, frame)?;
        let (info, expected) = (&frame.info, &first.info);
        require(
            OPERATION,
            (info.width, info.height, info.format) == (expected.width, expected.height, expected.format),
            || format!("{} of {} x {}", expected.format, expected.width, expected.height),
            || format!("{} of {} x {}", info.format, info.width, info.height),
        )?;
    }
    let cells = field.width * field.height;
    let planes = field.first.iter().chain(&field.other).chain([&field.blend]);
    let covers = |cells: usize, samples: u32| cells == (samples as usize).div_ceil(field.shrink.max(1));
    require(
        OPERATION,
        cells > 0
            && field.shrink > 0
            && covers(field.width, field.source.0)
            && covers(field.height, field.source.1)
            && planes.clone().all(|plane| plane.len() == cells)
            && gate.is_none_or(|gate| gate.len() == cells),
        || format!("planes of {} x {} cells for {:?}", field.width, field.height, field.source),
        || format!("{:?} and {:?}", planes.map(Vec::len).collect::<Vec<_>>(), gate.map(<[f32]>::len)),
    )?;
    let size = (field.source.0 as usize, field.source.1 as usize);
    require(
        OPERATION,
        still.is_none_or(|mask| (mask.width, mask.height) == size && mask.values.len() == size.0 * size.1),
        || format!("a mask of {} x {}", size.0, size.1),
        || still.map_or(String::new(), |mask| format!("{} x {}", mask.width, mask.height)),
    )?;
    sharpness.map_or(Ok(()), |sharpness| check_sharpness(OPERATION, sharpness, field.source))
}

/// Checks the arguments of [`super::cpu::shrink`].
pub(super) fn shrink(frame: &Frame, shrink: usize) -> Result<(), KernelError> {
    const OPERATION: &str = "shrink";
    check_frame(OPERATION, frame)?;
    require(
        OPERATION,
        matches!(shrink, 2 | 4 | 8),
        || "a factor of 2, 4 or 8".to_owned(),
        || shrink.to_string(),
    )
}

/// Checks the arguments of [`super::cpu::pack_pair`].
pub(super) fn pack_pair(
    first: &SmallFrame,
    other: &SmallFrame,
    estimate: &[Vec<f32>; 2],
    multiple: usize,
) -> Result<(), KernelError> {
    const OPERATION: &str = "pack_pair";
    let cells = first.width * first.height;
    require(
        OPERATION,
        estimate.iter().all(|plane| plane.len() == cells),
        || format!("an estimate for {cells} cells"),
        || format!("one for {}", estimate.each_ref().map(Vec::len).iter().min().unwrap_or(&0)),
    )?;
    for small in [first, other] {
        let cells = first.width * first.height;
        require(
            OPERATION,
            (small.width, small.height, small.shrink) == (first.width, first.height, first.shrink)
                && cells > 0
                && small.luma.len() == 4 * cells
                && small.chroma.iter().all(|plane| plane.len() == cells),
            || format!("two pictures of {} x {} cells of {}", first.width, first.height, first.shrink),
            || format!("{} x {} of {}", small.width, small.height, small.shrink),
        )?;
    }
    require(OPERATION, multiple > 0, || "a multiple of at least 1".to_owned(), || "0".to_owned())
}

/// Checks the arguments of [`super::cpu::StillDetector::update`].
pub(super) fn still(before: &Frame, frame: &Frame) -> Result<(), KernelError> {
    const OPERATION: &str = "still";
    check_frame(OPERATION, before)?;
    check_frame(OPERATION, frame)?;
    let (info, expected) = (&frame.info, &before.info);
    require(
        OPERATION,
        (info.width, info.height, info.format) == (expected.width, expected.height, expected.format),
        || format!("{} of {} x {}", expected.format, expected.width, expected.height),
        || format!("{} of {} x {}", info.format, info.width, info.height),
    )
}

/// Checks the arguments of [`super::cpu::StillDetector::mask`].
pub(super) fn mask(size: (usize, usize), field: Option<&MotionField>) -> Result<(), KernelError> {
    let fits = |field: &MotionField| {
        (field.source.0 as usize, field.source.1 as usize) == size
            && field.shrink > 0
            && field.width == size.0.div_ceil(field.shrink)
            && field.first.iter().all(|plane| plane.len() == field.width * field.height)
    };
    require(
        "still",
        size.0 > 0 && field.is_none_or(fits),
        || format!("a field for {} x {}", size.0, size.1),
        || field.map_or(String::new(), |field| format!("{:?}", field.source)),
    )
}

fn check_sharpness(
    operation: &'static str,
    sharpness: &Sharpness,
    wanted: (u32, u32),
) -> Result<(), KernelError> {
    let Sharpness { source, side, width, height, values } = sharpness;
    let blocks = |samples: u32| (samples as usize).div_ceil(*side);
    require(
        operation,
        *source == wanted
            && *side > 0
            && (*width, *height) == (blocks(source.0), blocks(source.1))
            && values.len() == width * height,
        || format!("sharpness of blocks of {wanted:?}"),
        || format!("{} of {width} x {height} for {source:?}, {side} along a side", values.len()),
    )
}

fn check_taps(operation: &'static str, taps: &Taps, output: usize) -> Result<(), KernelError> {
    require(
        operation,
        taps.width > 0
            && taps.first.len() == output
            && taps.weights.len() == output * taps.width
            && taps.first.is_sorted(),
        || format!("ascending taps for {output} samples"),
        || format!("{} rows of {} in {}", taps.first.len(), taps.width, taps.weights.len()),
    )
}

fn check_frame(operation: &'static str, frame: &Frame) -> Result<(), KernelError> {
    frame.validate().map_err(|ConfigError { setting, expected, found }| KernelError::Shape {
        operation,
        expected: format!("{setting} with {expected}"),
        found,
    })
}

fn check_plane(operation: &'static str, plane: &Plane) -> Result<(), KernelError> {
    require(
        operation,
        plane.is_sound(),
        || "a plane with samples".to_owned(),
        || format!("{} x {} in {:?}", plane.width, plane.height, plane.buffer),
    )
}

fn check_tensor(operation: &'static str, tensor: TensorView<'_>) -> Result<(), KernelError> {
    let stored = tensor.data.len();
    let expected = tensor.shape.iter().product::<usize>();
    require(
        operation,
        stored == expected && stored > 0,
        || format!("{expected} elements"),
        || stored.to_string(),
    )
}

fn require(
    operation: &'static str,
    holds: bool,
    expected: impl FnOnce() -> String,
    found: impl FnOnce() -> String,
) -> Result<(), KernelError> {
    if holds {
        return Ok(());
    }
    Err(KernelError::Shape { operation, expected: expected(), found: found() })
}
