//! Pictures and the running of networks.

use framecast::frame::{Tensor, TensorData, TensorSlice};
use framecast::model::import::{Imported, Purpose};
use framecast::model::{Execution, Manifest, Model, Runtime, Session};
use ort::environment::Environment;
use std::path::Path;
use std::sync::OnceLock;

/// ONNX Runtime, for the library and for networks that are no business of its `Session`.
fn environment() -> &'static Environment {
    static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let set_up = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/onnxruntime/lib/libonnxruntime.so");
        let library = std::env::var_os("ORT_DYLIB_PATH").map_or(set_up, Into::into);
        ort::init_from(library).unwrap().build().unwrap()
    })
}

/// The picture that `make_expected.py` gives to the original programs.
pub(crate) fn picture([channels, height, width]: [usize; 3]) -> Tensor {
    let value = |c: usize, y: usize, x: usize| {
        (((29 * c + 3 * y + 5 * x + x * y / 4) % 128) as f32 - 64.0).abs() / 64.0
    };
    let mut values = Vec::new();
    for c in 0..channels {
        for y in 0..height {
            values.extend((0..width).map(|x| value(c, y, x)));
        }
    }
    let mut tensor = Tensor::zeros([channels, height, width]);
    tensor.data = TensorData::F32(values);
    tensor
}

/// What an imported network makes of `input`.
pub(crate) fn run(imported: &Imported, input: &Tensor) -> Vec<f32> {
    match imported.purpose {
        Purpose::Picture => run_session(imported, input),
        _ => run_plain(&imported.network, input),
    }
}

/// What any network with one input makes of `input`.
pub(crate) fn run_plain(network: &[u8], input: &Tensor) -> Vec<f32> {
    let mut session =
        ort::session::Session::builder(environment()).unwrap().commit_from_memory(network).unwrap();
    let TensorData::F32(values) = &input.data else { panic!("expected 32-bit floats") };
    let [channels, height, width] = input.shape;
    let shape = [1, channels, height, width];
    let value = ort::value::TensorRef::from_array_view((shape, values.as_slice())).unwrap();
    let outputs = session.run(ort::inputs!["input" => value]).unwrap();
    outputs["output"].try_extract_tensor::<f32>().unwrap().1.to_vec()
}

/// Through the library, as its pipeline does.
fn run_session(imported: &Imported, input: &Tensor) -> Vec<f32> {
    let manifest = format!(
        r#"
        name = "imported"
        task = "super-resolution"
        file = "imported.onnx"
        licence = "MIT"
        scale = {}
        receptive_margin = {}
        [input]
        name = "{}"
        colour = "{}"
        multiple = {}
        [output]
        name = "{}"
        "#,
        imported.scale,
        imported.receptive_margin,
        imported.inputs[0],
        if input.shape[0] == 3 { "rgb" } else { "luma" },
        imported.multiple,
        imported.outputs[0],
    );
    let manifest = Manifest::parse(&manifest, "imported").unwrap();
    let model = Model::new(manifest, imported.network.clone().into());
    let runtime = Runtime::from_environment(environment().clone());
    let mut session = Session::new(&runtime, &model, Execution::CPU, 1, input.shape).unwrap();
    let [channels, height, width] = input.shape;
    let expected = [channels, height * imported.scale, width * imported.scale];
    let copy = |output: framecast::frame::TensorView<'_>| match output.data {
        TensorSlice::F32(values) => values.to_vec(),
        _ => panic!("a network of 32-bit floats gave something else"),
    };
    session.run(input, expected, copy).unwrap()
}
