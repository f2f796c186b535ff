//! ncnn's `.param` text: layers in the order of their work, with numbered parameters.

use super::finish::{Meaning, finish};
use super::ncnn_layers::Translation;
use super::ncnn_weights::WeightReader;
use super::{Imported, Purpose, SourceFile, file_of};
use std::collections::{BTreeMap, HashMap};

const MAGIC: &str = "7767517";
/// Keys of array parameters are this minus their number.
const ARRAY_BASE: i64 = -23300;
/// A value of an array that means "to the end".
pub(super) const TO_THE_END: f64 = -233.0;

/// Real-CUGAN x4, the only network of valid convolutions with this scale, gives what is added to the enlarged picture
/// (its program does so after the network).
const MEANING: Meaning =
    Meaning { purpose: Purpose::Picture, residual_scale: Some(4), architecture: "ncnn network" };

/// A layer, with the names of what it takes and gives. `Split` and the like are resolved already.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
    parameters: BTreeMap<i64, Parameter>,
}

#[derive(Clone, Debug, PartialEq)]
enum Parameter {
    Number(f64),
    List(Vec<f64>),
}

pub(super) fn convert(files: &[SourceFile]) -> Result<Imported, String> {
    let text = file_of(files, ".param")?;
    let weights = file_of(files, ".bin")?;
    let text = std::str::from_utf8(&text.bytes)
        .map_err(|_| format!("{} is no text; binary .param files are not read", text.name))?;
    let layers = resolve_copies(parse(text)?)?;
    let mut reader = WeightReader::new(&weights.bytes);
    let mut translation = Translation::new(&layers);
    for (index, layer) in layers.iter().enumerate() {
        translation
            .layer(index, layer, &mut reader)
            .map_err(|problem| format!("layer {} ({}): {problem}", layer.name, layer.kind))?;
    }
    if reader.remaining() > 0 {
        return Err(format!("{} bytes of {} belong to no layer", reader.remaining(), weights.name));
    }
    let (graph, output) = translation.result(&layers)?;
    finish(graph, &output, MEANING)
}

/// Reads the text, without knowing what the layers mean.
fn parse(text: &str) -> Result<Vec<Layer>, String> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let magic = lines.next().unwrap_or_default();
    if magic != MAGIC {
        let found: String = magic.chars().take(20).collect();
        return Err(format!("it begins with {found:?}, expected {MAGIC}"));
    }
    let counts = lines.next().unwrap_or_default();
    let expected: usize = counts
        .split_whitespace()
        .next()
        .and_then(|count| count.parse().ok())
        .ok_or_else(|| format!("expected the numbers of layers and tensors, found {counts:?}"))?;
    let layers = lines.map(parse_layer).collect::<Result<Vec<_>, _>>()?;
    if layers.len() != expected {
        return Err(format!("it announces {expected} layers and has {}", layers.len()));
    }
    Ok(layers)
}

fn parse_layer(line: &str) -> Result<Layer, String> {
    let fault = |what: &str| {
        let start: String = line.chars().take(60).collect();
        format!("{what} in the line {start:?}")
    };
    let mut words = line.split_whitespace();
    let mut word = || words.next().ok_or_else(|| fault("too few words"));
    let (kind, name) = (word()?.to_owned(), word()?.to_owned());
    let mut count = || word()?.parse::<usize>().map_err(|_| fault("no number of tensors"));
    let (taken, given) = (count()?, count()?);
    // Collected one by one: an absurd number ends with the line.
    let names = |count: usize, words: &mut std::str::SplitWhitespace<'_>| {
        (0..count)
            .map(|_| words.next().map(str::to_owned).ok_or_else(|| fault("too few tensors")))
            .collect::<Result<Vec<_>, _>>()
    };
    let inputs = names(taken, &mut words)?;
    let outputs = names(given, &mut words)?;
    let mut parameters = BTreeMap::new();
    for word in words {
        let (key, value) = word.split_once('=').ok_or_else(|| fault("a parameter without a value"))?;
        let key: i64 = key.parse().map_err(|_| fault("a parameter without a number"))?;
        let (key, value) = parameter(key, value).ok_or_else(|| fault("a parameter that is no number"))?;
        parameters.insert(key, value);
    }
    Ok(Layer { kind, name, inputs, outputs, parameters })
}

fn parameter(key: i64, value: &str) -> Option<(i64, Parameter)> {
    let number = |text: &str| text.parse::<f64>().ok().filter(|value| value.is_finite());
    if key > ARRAY_BASE {
        return Some((key, Parameter::Number(number(value)?)));
    }
    let mut values = value.split(',');
    let count: usize = values.next()?.parse().ok()?;
    let values = values.map(number).collect::<Option<Vec<_>>>()?;
    (values.len() == count).then_some((ARRAY_BASE.checked_sub(key)?, Parameter::List(values)))
}

/// Drops the layers that only hand tensors on, and checks that every tensor is made once, before it is used.
fn resolve_copies(layers: Vec<Layer>) -> Result<Vec<Layer>, String> {
    // The tensor that each name stands for.
    let mut made: HashMap<String, String> = HashMap::new();
    let mut kept = Vec::with_capacity(layers.len());
    for mut layer in layers {
        for input in &mut layer.inputs {
            let origin = made.get(input).ok_or_else(|| {
                format!("layer {} takes the tensor {input:?}, which no layer before it gives", layer.name)
            })?;
            input.clone_from(origin);
        }
        let copied = match (layer.kind.as_str(), &layer.inputs[..]) {
            ("Split" | "Noop" | "Dropout", [origin]) => Some(origin.clone()),
            _ => None,
        };
        for output in &layer.outputs {
            let origin = copied.as_ref().unwrap_or(output).clone();
            if made.insert(output.clone(), origin).is_some() {
                return Err(format!("two layers give the tensor {output:?}"));
            }
        }
        if copied.is_none() {
            kept.push(layer);
        }
    }
    Ok(kept)
}

impl Layer {
    /// The only input.
    pub(super) fn input(&self) -> Result<&str, String> {
        match &self.inputs[..] {
            [input] => Ok(input),
            other => Err(format!("it has {} inputs, expected 1", other.len())),
        }
    }

    /// Both inputs.
    pub(super) fn pair(&self) -> Result<[&str; 2], String> {
        match &self.inputs[..] {
            [left, right] => Ok([left, right]),
            other => Err(format!("it has {} inputs, expected 2", other.len())),
        }
    }

    /// The only output.
    pub(super) fn output(&self) -> Result<&str, String> {
        match &self.outputs[..] {
            [output] => Ok(output),
            other => Err(format!("it has {} outputs, expected 1", other.len())),
        }
    }

    /// Refuses parameters that the translation does not look at.
    pub(super) fn allow(&self, known: &[i64]) -> Result<(), String> {
        match self.parameters.iter().find(|(key, _)| !known.contains(key)) {
            Some((key, value)) => Err(format!("its parameter {key} ({value}) is not supported")),
            None => Ok(()),
        }
    }

    /// A number.
    pub(super) fn number(&self, key: i64, default: f64) -> Result<f64, String> {
        match self.parameters.get(&key) {
            None => Ok(default),
            Some(Parameter::Number(value)) => Ok(*value),
            Some(list) => Err(format!("its parameter {key} is a list ({list}), expected a number")),
        }
    }

    /// A whole number from 0 up.
    pub(super) fn size(&self, key: i64, default: usize) -> Result<usize, String> {
        let value = self.number(key, default as f64)?;
        if value.fract() == 0.0 && (0.0..=1e9).contains(&value) {
            return Ok(value as usize);
        }
        Err(format!("its parameter {key} is {value}, expected a whole number from 0 to 10^9"))
    }

    /// A list of numbers; empty if absent.
    pub(super) fn list(&self, key: i64) -> Result<&[f64], String> {
        match self.parameters.get(&key) {
            None => Ok(&[]),
            Some(Parameter::List(values)) => Ok(values),
            Some(number) => Err(format!("its parameter {key} is {number}, expected a list")),
        }
    }
}

impl std::fmt::Display for Parameter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(value) => write!(f, "{value}"),
            Self::List(values) => write!(f, "{values:?}"),
        }
    }
}
