//! Super-resolution of one frame: planes to tensor, network, tensor to planes, in tiles where memory asks for it.

use super::cover::Window;
use super::reuse::{Parts, Patch, Reuse, ReuseCount, Work};
use super::shared::{self, Job, Shared};
use super::tile::{NETWORK_MEMORY, TileGrid, TileRules, tile_limit};
use crate::error::{Error, ModelError};
use crate::frame::{BufferPool, Frame, FrameInfo, Tensor};
use crate::kernel::{Kernels, Region, TensorSpec, UnpackSpec};
use crate::model::{Execution, Model, RunningNetwork, Runtime, Session};
use std::time::Duration;

/// A frame with what a network made of it.
#[derive(Debug)]
pub struct Upscaled {
    /// The frame as it was decoded.
    pub source: Frame,
    /// The network's picture: luma only, or all colour planes. `None` without a network.
    pub network: Option<Frame>,
}

/// Runs one network over frames of one size.
pub struct Upscaler {
    kernels: Box<dyn Kernels>,
    session: Session,
    model: String,
    scale: usize,
    padding: usize,
    pack: TensorSpec,
    unpack: UnpackSpec,
    grid: TileGrid,
    pool: BufferPool,
    input: Tensor,
    canvas: Tensor,
    shared: Shared,
    reuse: Option<Reuse>,
    patch: Option<Patch>,
    checked: bool,
}

impl std::fmt::Debug for Upscaler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Upscaler({} x{})", self.model, self.scale)
    }
}

/// What an [`Upscaler`] is made of.
#[derive(Debug)]
pub struct UpscalerOptions<'a> {
    /// The network.
    pub model: &'a Model,
    /// Where it runs.
    pub execution: Execution,
    /// Threads of its session.
    pub threads: usize,
    /// Width and height of the frames.
    pub size: (u32, u32),
    /// Largest side of a tile; what suits the network and [`NETWORK_MEMORY`] if `None`.
    pub tile: Option<usize>,
    /// Dithers the network's output.
    pub dither: bool,
    /// Keeps output pixels where the source did not change.
    pub reuse: bool,
}

impl Upscaler {
    /// Prepares `options.model` for frames of `options.size`.
    pub fn new(
        runtime: &Runtime,
        options: &UpscalerOptions<'_>,
        mut kernels: Box<dyn Kernels>,
        pool: BufferPool,
    ) -> Result<Self, Error> {
        let manifest = &options.model.manifest;
        let (width, height) = (options.size.0 as usize, options.size.1 as usize);
        let limit = options.tile.unwrap_or_else(|| tile_limit(manifest, NETWORK_MEMORY));
        let grid = TileGrid::new((width, height), &TileRules::new(manifest, limit));
        let pack = manifest.pack_spec();
        let padding = manifest.input.padding;
        let seen = pack.shape(grid.tile.0 + 2 * padding, grid.tile.1 + 2 * padding);
        let session = session(runtime, options, kernels.as_mut(), seen)?;
        let parts = if session.takes_any_size() { Parts::Windows } else { Parts::WholeOnly };
        let reuse =
            Reuse::new(manifest, options.dither, (width, height), &grid, parts).filter(|_| options.reuse);
        Ok(Self {
            kernels,
            session,
            model: manifest.name.clone(),
            scale: manifest.scale,
            padding,
            pack,
            unpack: manifest.unpack_spec(options.dither),
            grid,
            pool,
            input: Tensor::empty(),
            canvas: Tensor::empty(),
            shared: Shared::default(),
            reuse,
            patch: None,
            checked: false,
        })
    }

    /// As [`Kernels::keep_on_device`].
    pub fn keep_on_device(&mut self) {
        self.kernels.keep_on_device();
    }

    /// Enlarges `source` by the network's factor. Time stamps and tags are `source`'s.
    pub fn process(&mut self, source: &Frame) -> Result<Frame, Error> {
        let work = self.reuse.as_mut().map_or(Work::Everything, |reuse| reuse.plan(source));
        let out = match work {
            Work::Everything => self.process_everything(source)?,
            Work::Windows(windows, last) => self.process_windows(source, &windows, last)?,
        };
        if let Some(reuse) = &mut self.reuse {
            reuse.keep(source, &out);
        }
        Ok(out)
    }

    /// How much was copied so far; of nothing where reuse is off.
    pub fn reuse_count(&self) -> ReuseCount {
        self.reuse.as_ref().map_or_else(ReuseCount::default, Reuse::count)
    }

    fn process_everything(&mut self, source: &Frame) -> Result<Frame, Error> {
        let mut out = Frame::allocate(self.output_info(&source.info), Some(&self.pool));
        let (tile, canvas) = (self.output_shape(self.grid.tile), self.output_shape(self.grid.padded));
        let job = Job { grid: &self.grid, pack: &self.pack, unpack: &self.unpack, tile, canvas };
        let (kernels, session) = (self.kernels.as_mut(), &mut self.session);
        if self.shared.process(job, kernels, session, source, &mut out) {
            return Ok(out);
        }
        if self.grid.is_whole() {
            self.process_whole(source, &mut out)?;
        } else {
            self.process_tiles(source, &mut out)?;
        }
        if self.checked {
            // Not with the first frame: of a single picture there is no second one to gain by it.
            let job = Job { grid: &self.grid, pack: &self.pack, unpack: &self.unpack, tile, canvas };
            self.shared.try_out(job, self.kernels.as_mut(), &mut self.session, source, &out);
        } else {
            self.check_not_black(source, &out)?;
            self.checked = true;
        }
        Ok(out)
    }

    /// Time spent inside ONNX Runtime so far.
    pub const fn network_time(&self) -> Duration {
        self.session.time()
    }

    /// Where the network's nodes run.
    pub const fn running(&self) -> &RunningNetwork {
        self.session.running()
    }

    /// A luma network gives a grey picture: composition takes the other planes from the source.
    fn output_info(&self, source: &FrameInfo) -> FrameInfo {
        let format = self.unpack.tensor.color.picture_format(source.format);
        let scale = self.scale as u32;
        let (width, height) = (source.width * scale, source.height * scale);
        FrameInfo {
            width,
            height,
            format,
            color: source.color.for_size((source.width, source.height), (width, height)),
            side_data: Vec::new(),
            ..source.clone()
        }
    }

    fn process_whole(&mut self, source: &Frame, out: &mut Frame) -> Result<(), Error> {
        let Some(tile) = self.grid.tiles.first() else { return Ok(()) };
        self.kernels.pack(source, tile.region, &self.pack, &mut self.input)?;
        let expected = self.output_shape(self.grid.padded);
        let (kernels, unpack, model, checked) = (&mut self.kernels, &self.unpack, &self.model, self.checked);
        self.session.run(&self.input, expected, |output| {
            if !checked && !output.is_finite() {
                return Err(not_finite(model));
            }
            kernels.unpack(output, unpack, source, out).map_err(Error::from)
        })?
    }

    fn process_tiles(&mut self, source: &Frame, out: &mut Frame) -> Result<(), Error> {
        let canvas_shape = self.output_shape(self.grid.padded);
        let tile_shape = self.output_shape(self.grid.tile);
        self.canvas.clear(canvas_shape, self.unpack.tensor.layout);
        for tile in &self.grid.tiles {
            self.kernels.pack(source, tile.region, &self.pack, &mut self.input)?;
            let (kernels, canvas, model, checked) =
                (&mut self.kernels, &mut self.canvas, &self.model, self.checked);
            self.session.run(&self.input, tile_shape, |output| {
                if !checked && !output.is_finite() {
                    return Err(not_finite(model));
                }
                kernels.blend_tile(output, &tile.place, canvas).map_err(Error::from)
            })??;
        }
        self.kernels.unpack(self.canvas.view(), &self.unpack, source, out)?;
        Ok(())
    }

    /// Infers `windows` of `source`; all other pixels are those of `last`.
    fn process_windows(&mut self, source: &Frame, windows: &[Window], last: Frame) -> Result<Frame, Error> {
        let info = self.output_info(&source.info);
        if windows.is_empty() {
            return Ok(Frame { info, data: last.data });
        }
        let mut out = Frame::allocate(info, Some(&self.pool));
        for (to, from) in out.planes_mut().iter_mut().zip(last.planes()) {
            to.buffer.bytes_mut().copy_from_slice(from.buffer.bytes());
        }
        for window in windows {
            let (area, padding) = (&window.input, self.padding);
            let region = Region {
                x: area.x as i64 - padding as i64,
                y: area.y as i64 - padding as i64,
                width: area.width + 2 * padding,
                height: area.height + 2 * padding,
            };
            self.kernels.pack(source, region, &self.pack, &mut self.input)?;
            let expected = self.output_shape((area.width, area.height));
            let patch = Patch::cut(&mut self.patch, window, source, &out, self.scale);
            let (kernels, unpack) = (&mut self.kernels, &self.unpack);
            self.session.run(&self.input, expected, |output| {
                kernels.unpack(output, unpack, &patch.source, &mut patch.output)
            })??;
            patch.paste(window, &mut out, self.scale);
        }
        Ok(out)
    }

    const fn output_shape(&self, (width, height): (usize, usize)) -> [usize; 3] {
        self.unpack.tensor.shape(width * self.scale, height * self.scale)
    }

    /// A network that turns a picture into black has the wrong value range or damaged weights.
    fn check_not_black(&self, source: &Frame, out: &Frame) -> Result<(), Error> {
        let peak = |frame: &Frame| frame.planes().first().map_or(0, peak_value);
        let black = 1 << (source.info.format.depth - 4);
        if peak(source) > 4 * black && peak(out) <= black {
            return Err(ModelError::Model {
                model: self.model.clone(),
                problem: "it turned the first frame into black".into(),
                remedy: "check range and mean in its manifest, or use another model (--model)".into(),
            }
            .into());
        }
        Ok(())
    }
}

/// A session for inputs of `shape`; for shared tensors where the kernels may share them.
fn session(
    runtime: &Runtime,
    options: &UpscalerOptions<'_>,
    kernels: &mut dyn Kernels,
    shape: [usize; 3],
) -> Result<Session, ModelError> {
    let UpscalerOptions { model, execution, threads, .. } = *options;
    let Some(kernels) = kernels.shared() else {
        return Session::new(runtime, model, execution, threads, shape);
    };
    let mut streams = |place| kernels.stream(place).map_err(|error| shared::reason(error.into()));
    Session::for_shared_tensors(runtime, model, execution, threads, shape, &mut streams)
}

fn peak_value(plane: &crate::frame::Plane) -> u32 {
    let wide = plane.sample_bytes == 2;
    let row_peak = |row: &[u8]| {
        if wide {
            bytemuck::cast_slice::<u8, u16>(row).iter().copied().max().map(u32::from)
        } else {
            row.iter().copied().max().map(u32::from)
        }
    };
    plane.rows().filter_map(row_peak).max().unwrap_or(0)
}

pub(super) fn not_finite(model: &str) -> Error {
    ModelError::Model {
        model: model.into(),
        problem: "its first output holds values that are not numbers (NaN or infinite)".into(),
        remedy: "use its 32-bit version, or another model (--model)".into(),
    }
    .into()
}
