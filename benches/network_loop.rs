//! A network alone, run again and again on tensors that stay where its provider wants them: what `framecast run` can reach at
//! most. `cargo bench --bench network_loop -- MODEL DEVICE WIDTHxHEIGHT` prints the time of a run as one line of JSON.

#![allow(clippy::print_stdout, reason = "what is measured is printed")]

use framecast::error::ModelError;
use framecast::frame::{DataType, MemoryPlace, SharedTensor, Tensor, TensorLayout};
use framecast::kernel::SharedKernels;
use framecast::kernel::gpu::GpuKernels;
use framecast::model::{Execution, Model, Runtime, Session, SharedRun};
use std::error::Error;
use std::time::{Duration, Instant};

/// Runs before those that count, and how long and how often those go on.
const WARM_UP: usize = 5;
const LEAST_TIME: Duration = Duration::from_secs(3);
const LEAST_RUNS: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    // Tests of all targets run this too, without a network's name.
    let [name, device, size] = arguments.as_slice() else { return Ok(()) };
    let (width, height) = size.split_once('x').ok_or("expected a size as WIDTHxHEIGHT")?;
    let (width, height): (usize, usize) = (width.parse()?, height.parse()?);
    let model = Model::open(name, None)?;
    let (pack, unpack) = (model.manifest.pack_spec(), model.manifest.unpack_spec(false));
    let shape = pack.shape(width, height);
    let expected = unpack.tensor.shape(width * unpack.scale, height * unpack.scale);
    let execution = Execution { device: device.parse()?, required: true, ..Execution::default() };
    // No stream: nobody else works on the device, so there is nothing to take turns with.
    let streams = &mut |_| Err("nobody takes turns with it".into());
    let runtime = Runtime::load(None)?;
    let mut session = Session::for_shared_tensors(&runtime, &model, execution, 1, shape, streams)?;

    let replays = session.replays();
    let output = (expected, unpack.tensor.layout, unpack.tensor.kind);
    let shared = session.memory_place().and_then(|place| {
        let place = place.ok_or("another provider may still take over")?;
        shared_tensors(place, (shape, pack.layout, pack.kind), output)
    });
    let (tensors, times) = match shared {
        Ok((_kernels, input, mut output)) => {
            let mut runs = |replay| {
                let how = || SharedRun { turns: None, replay };
                measured(|| session.run_shared(&input, &mut output, expected, how()))
            };
            // Whichever is faster is what runs can reach; a graph that cannot be captured is none.
            let plain = runs(false)?;
            let replayed = if replays { runs(true).ok() } else { None };
            let faster = replayed.filter(|times| times.get(times.len() / 2) < plain.get(plain.len() / 2));
            let graph = if faster.is_some() { ", replayed as a CUDA graph" } else { "" };
            (format!("stay in {}{graph}", input.place()), faster.unwrap_or(plain))
        }
        Err(reason) => {
            let mut input = Tensor::empty();
            input.reset(shape, pack.layout, pack.kind);
            let times = measured(|| session.run(&input, expected, |_| ()))?;
            (format!("in the program's memory: {reason}"), times)
        }
    };
    let milliseconds = |time: Option<&Duration>| time.map_or(f64::NAN, |time| time.as_secs_f64() * 1e3);
    let median = milliseconds(times.get(times.len() / 2));
    let result = serde_json::json!({
        "model": name,
        "size": [width, height],
        "network": session.running().report().to_string(),
        "tensors": tensors,
        "runs": times.len(),
        "least_ms": milliseconds(times.first()),
        "median_ms": median,
        "fps": 1e3 / median,
    });
    println!("{result}");
    Ok(())
}

type Kind = ([usize; 3], TensorLayout, DataType);

/// Tensors at `place`, with the kernels that own their memory.
fn shared_tensors(
    place: MemoryPlace,
    input: Kind,
    output: Kind,
) -> Result<(GpuKernels, SharedTensor, SharedTensor), String> {
    let mut kernels = GpuKernels::new().map_err(|error| error.to_string())?;
    let mut tensor = |(shape, layout, kind): Kind| {
        let length = shape.iter().product::<usize>() * size_of::<f32>();
        let mut tensor = kernels.allocate(place, length).map_err(|error| error.to_string())?;
        if tensor.reset(shape, layout, kind) { Ok(tensor) } else { Err(format!("no room for {shape:?}")) }
    };
    let (input, output) = (tensor(input)?, tensor(output)?);
    Ok((kernels, input, output))
}

/// The times of runs, from the shortest one to the longest one.
fn measured(mut run: impl FnMut() -> Result<(), ModelError>) -> Result<Vec<Duration>, ModelError> {
    (0..WARM_UP).try_for_each(|_| run())?;
    let mut times = Vec::new();
    while times.len() < LEAST_RUNS || times.iter().sum::<Duration>() < LEAST_TIME {
        let started = Instant::now();
        run()?;
        times.push(started.elapsed());
    }
    times.sort();
    Ok(times)
}
