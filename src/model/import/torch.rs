//! PyTorch's checkpoints: the zip archives of today and the concatenated pickles of old.

use super::pickle::{ElementType, Pickle, Storage, Tensor, Value};
use super::{Imported, SourceFile, rife, zero_dce};
use half::f16;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::io::{Cursor, Read};
use std::rc::Rc;

/// The first pickle of an old file.
const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
/// Keys under which training programs put the weights.
const WEIGHT_KEYS: [&str; 6] = ["model_state_dict", "state_dict", "params_ema", "params", "model", "net"];

/// Named tensors of a checkpoint.
#[derive(Debug)]
pub(super) struct Checkpoint<'a> {
    tensors: BTreeMap<String, Rc<Tensor>>,
    storages: HashMap<String, Contents<'a>>,
}

/// Where a storage's elements are.
#[derive(Debug)]
enum Contents<'a> {
    Slice(&'a [u8]),
    Owned(Vec<u8>),
}

pub(super) fn convert(files: &[SourceFile]) -> Result<Imported, String> {
    let [file] = files else { return Err(format!("there are {} files, expected 1", files.len())) };
    let checkpoint =
        if file.bytes.starts_with(b"PK") { read_archive(&file.bytes) } else { read_old(&file.bytes) }?;
    if zero_dce::fits(&checkpoint) {
        return zero_dce::convert(&checkpoint);
    }
    if rife::fits(&checkpoint) {
        return rife::convert(&checkpoint);
    }
    let names: Vec<&str> = checkpoint.names().take(3).collect();
    Err(format!(
        "its architecture is not known (it begins with {}); known are Zero-DCE and RIFE HDv3",
        names.join(", ")
    ))
}

fn read_archive(bytes: &[u8]) -> Result<Checkpoint<'_>, String> {
    let fault = |error: zip::result::ZipError| format!("it is no intact zip archive: {error}");
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(fault)?;
    let mut names = archive.file_names().filter_map(Result::ok).map(std::borrow::Cow::into_owned);
    let name = names.find(|name| name.ends_with("data.pkl"));
    drop(names);
    let name = name.ok_or("the archive has no data.pkl, which PyTorch's checkpoints have")?;
    let root = name.trim_end_matches("data.pkl").to_owned();
    let pickled = entry(&mut archive, &name)?;
    let (pickle, value, _) = Pickle::read(&pickled)?;
    let tensors = named_tensors(&pickle, &value)?;
    let mut storages = HashMap::new();
    for tensor in tensors.values() {
        if let Entry::Vacant(place) = storages.entry(tensor.storage.key.to_string()) {
            let contents = entry(&mut archive, &format!("{root}data/{}", tensor.storage.key))?;
            place.insert(Contents::Owned(contents));
        }
    }
    Ok(Checkpoint { tensors, storages })
}

/// PyTorch stores without compression, so that no entry can be larger than the archive.
fn entry(archive: &mut zip::ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<Vec<u8>, String> {
    let fault = |problem: String| format!("its entry {name} cannot be read: {problem}");
    let mut entry = archive.by_name(name).map_err(|error| fault(error.to_string()))?;
    if entry.compression() != zip::CompressionMethod::Stored {
        return Err(fault("it is compressed, which PyTorch does not do".into()));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(|error| fault(error.to_string()))?;
    Ok(bytes)
}

/// Magic number, version, machine, weights, order of the storages; then the storages.
fn read_old(bytes: &[u8]) -> Result<Checkpoint<'_>, String> {
    let mut rest = bytes;
    let mut next = || -> Result<(Pickle, Value), String> {
        let (pickle, value, taken) = Pickle::read(rest)?;
        rest = rest.get(taken..).unwrap_or_default();
        Ok((pickle, value))
    };
    let begins = next().map_err(|_| "it is neither a zip archive nor a pickle of PyTorch")?;
    if !matches!(begins.1, Value::Int(MAGIC)) {
        return Err("it is neither a zip archive nor a pickle of PyTorch".into());
    }
    next()?;
    next()?;
    let (pickle, value) = next()?;
    let tensors = named_tensors(&pickle, &value)?;
    let (keys_pickle, keys) = next()?;
    let keys = keys_pickle.list(&keys).ok_or("its list of storages is missing")?;
    let kinds: HashMap<&str, &Rc<Storage>> =
        tensors.values().map(|tensor| (&*tensor.storage.key, &tensor.storage)).collect();
    let mut storages = HashMap::new();
    for key in keys {
        let key = key.text().ok_or("a storage has no name")?;
        let storage = kinds.get(&**key).ok_or_else(|| format!("the storage {key} is part of no tensor"))?;
        let (count, after) = rest.split_first_chunk::<8>().ok_or("it ends before its storages")?;
        let count = usize::try_from(u64::from_le_bytes(*count)).map_err(|error| error.to_string())?;
        let length = count.checked_mul(storage.kind.bytes());
        let split = length.and_then(|length| after.split_at_checked(length));
        let (contents, after) = split.ok_or("it ends within its storages")?;
        storages.insert(key.to_string(), Contents::Slice(contents));
        rest = after;
    }
    Ok(Checkpoint { tensors, storages })
}

/// The tensors of a dictionary, or of the dictionary of weights in it.
fn named_tensors(pickle: &Pickle, value: &Value) -> Result<BTreeMap<String, Rc<Tensor>>, String> {
    let pairs = pickle.dict(value).ok_or("it holds no dictionary of weights")?;
    let within = WEIGHT_KEYS.iter().find_map(|key| {
        let named = |pair: &&(Value, Value)| pair.0.text().is_some_and(|text| &**text == *key);
        pickle.dict(&pairs.iter().find(named)?.1)
    });
    let mut tensors = BTreeMap::new();
    for (key, value) in within.unwrap_or(pairs) {
        if let (Value::Text(key), Value::Tensor(tensor)) = (key, value) {
            // Models that were trained on several devices have a prefix.
            let name = key.strip_prefix("module.").unwrap_or(key);
            tensors.insert(name.to_owned(), Rc::clone(tensor));
        }
    }
    if tensors.is_empty() { Err("it holds no tensors".into()) } else { Ok(tensors) }
}

impl Checkpoint<'_> {
    /// Names of all tensors.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Shape of a tensor.
    pub(super) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|tensor| &tensor.size[..])
    }

    /// The elements of a tensor of this shape, in the usual order.
    pub(super) fn floats(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let tensor = self.tensors.get(name).ok_or_else(|| format!("the tensor {name} is missing"))?;
        if tensor.size != shape || tensor.stride.len() != shape.len() {
            return Err(format!("the tensor {name} has shape {:?}, expected {shape:?}", tensor.size));
        }
        let bytes = match self.storages.get(&*tensor.storage.key) {
            Some(Contents::Slice(bytes)) => bytes,
            Some(Contents::Owned(bytes)) => &bytes[..],
            None => return Err(format!("the contents of the tensor {name} are missing")),
        };
        let count = shape.iter().try_fold(1usize, |count, &length| count.checked_mul(length));
        // No more elements than the storage has: a stride of 0 could ask for any number.
        let count = count.filter(|&count| count <= tensor.storage.count);
        let count = count.ok_or_else(|| format!("the tensor {name} is larger than its storage"))?;
        let element = |index: usize| {
            let (mut rest, mut place) = (index, tensor.offset);
            for (&length, &stride) in tensor.size.iter().zip(&tensor.stride).rev() {
                place = place.checked_add((rest % length).checked_mul(stride)?)?;
                rest /= length;
            }
            read_element(bytes, place, tensor.storage.kind)
        };
        (0..count)
            .map(element)
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| format!("the tensor {name} reaches beyond its storage, or has no floats"))
    }
}

fn read_element(bytes: &[u8], place: usize, kind: ElementType) -> Option<f32> {
    let start = place.checked_mul(kind.bytes())?;
    let rest = bytes.get(start..)?;
    match kind {
        ElementType::F32 => rest.first_chunk().map(|&bytes| f32::from_le_bytes(bytes)),
        ElementType::F64 => rest.first_chunk().map(|&bytes| f64::from_le_bytes(bytes) as f32),
        ElementType::F16 => rest.first_chunk().map(|&bytes| f16::from_le_bytes(bytes).to_f32()),
        ElementType::Other(_) => None,
    }
}
