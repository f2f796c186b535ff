//! Python's pickle format, as far as lists of weights need it. Nothing is ever called: what a file asks for by name is
//! compared with a short list, and anything else is refused by its name.

use std::collections::HashMap;
use std::rc::Rc;

/// Objects of a file, which can refer to each other.
#[derive(Debug, Default)]
pub(super) struct Pickle {
    objects: Vec<Object>,
}

/// A value; mutable ones are found in the [`Pickle`] by number.
#[derive(Clone, Debug)]
pub(super) enum Value {
    None,
    Bool,
    /// Also the large number that old files of PyTorch begin with.
    Int(i128),
    Float,
    Text(Rc<str>),
    Object(usize),
    Global(Global),
    Storage(Rc<Storage>),
    Tensor(Rc<Tensor>),
}

#[derive(Debug)]
enum Object {
    Tuple(Vec<Value>),
    List(Vec<Value>),
    Dict(Vec<(Value, Value)>),
}

/// What files may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    StorageType(ElementType),
}

/// Elements of a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ElementType {
    F32,
    F64,
    F16,
    /// Something that is no weight, of this many bytes.
    Other(usize),
}

/// Memory that tensors are views of; its contents are elsewhere in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Storage {
    pub(super) kind: ElementType,
    pub(super) key: Rc<str>,
    /// Number of elements.
    pub(super) count: usize,
}

/// A view of a storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tensor {
    pub(super) storage: Rc<Storage>,
    pub(super) offset: usize,
    pub(super) size: Vec<usize>,
    pub(super) stride: Vec<usize>,
}

/// No legal file nests or stacks deeper.
const STACK_LIMIT: usize = 1 << 20;

/// Nor has a tensor more axes: a list of sizes that is in the file once could be copied for any number of tensors.
const AXIS_LIMIT: usize = 16;

impl ElementType {
    /// Bytes of an element.
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 => 2,
            Self::Other(bytes) => bytes,
        }
    }
}

impl Global {
    fn named(module: &str, name: &str) -> Result<Self, String> {
        let kind = match (module, name) {
            ("collections", "OrderedDict") => return Ok(Self::OrderedDict),
            ("torch._utils", "_rebuild_tensor_v2") => return Ok(Self::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => return Ok(Self::RebuildParameter),
            ("torch", "FloatStorage") => ElementType::F32,
            ("torch", "DoubleStorage") => ElementType::F64,
            ("torch", "HalfStorage") => ElementType::F16,
            ("torch", "LongStorage") => ElementType::Other(8),
            ("torch", "IntStorage") => ElementType::Other(4),
            ("torch", "ShortStorage" | "BFloat16Storage") => ElementType::Other(2),
            ("torch", "CharStorage" | "ByteStorage" | "BoolStorage") => ElementType::Other(1),
            _ => {
                return Err(format!(
                    "it asks for {module}.{name}, which a list of weights has no need of; it is refused, for such a \
                     file could run any program"
                ));
            }
        };
        Ok(Self::StorageType(kind))
    }
}

impl Pickle {
    /// Reads one pickle from the beginning of `bytes`; returns its value and how many bytes it takes.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, Value, usize), String> {
        let mut machine = Machine {
            rest: bytes,
            pickle: Self::default(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
        };
        let value = machine.run()?;
        let taken = bytes.len() - machine.rest.len();
        Ok((machine.pickle, value, taken))
    }

    /// The pairs of a dictionary.
    pub(super) fn dict(&self, value: &Value) -> Option<&[(Value, Value)]> {
        match value {
            Value::Object(index) => match self.objects.get(*index)? {
                Object::Dict(pairs) => Some(pairs),
                _ => None,
            },
            _ => None,
        }
    }

    /// The elements of a list or tuple.
    pub(super) fn list(&self, value: &Value) -> Option<&[Value]> {
        match value {
            Value::Object(index) => match self.objects.get(*index)? {
                Object::Tuple(values) | Object::List(values) => Some(values),
                Object::Dict(_) => None,
            },
            _ => None,
        }
    }

    /// The sizes of a tensor's axes, or its strides along them.
    fn sizes(&self, value: &Value) -> Option<Vec<usize>> {
        let list = self.list(value).filter(|list| list.len() <= AXIS_LIMIT)?;
        list.iter().map(Value::size).collect()
    }

    fn add(&mut self, object: Object) -> Value {
        self.objects.push(object);
        Value::Object(self.objects.len() - 1)
    }
}

impl Value {
    fn size(&self) -> Option<usize> {
        match self {
            Self::Int(value) => usize::try_from(*value).ok(),
            _ => None,
        }
    }

    /// A text.
    pub(super) fn text(&self) -> Option<&Rc<str>> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The stack machine that pickles are programs of.
struct Machine<'a> {
    rest: &'a [u8],
    pickle: Pickle,
    stack: Vec<Value>,
    /// Heights of the stack at its marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
}

impl Machine<'_> {
    fn run(&mut self) -> Result<Value, String> {
        loop {
            let operation = self.byte()?;
            if operation == b'.' {
                return self.pop();
            }
            self.step(operation)?;
            if self.stack.len() > STACK_LIMIT {
                return Err("its pickle nests deeper than any list of weights does".into());
            }
        }
    }

    fn step(&mut self, operation: u8) -> Result<(), String> {
        let value = match operation {
            // Protocol and frame: nothing to do with them.
            0x80 => return self.take(1).map(|_| ()),
            0x95 => return self.take(8).map(|_| ()),
            b'(' => {
                self.marks.push(self.stack.len());
                return Ok(());
            }
            b'0' => return self.pop().map(|_| ()),
            b'q' => return self.memoize_as(1),
            b'r' => return self.memoize_as(4),
            0x94 => return self.memoize(self.memo.len() as u32),
            b'a' | b'e' => return self.append(operation == b'e'),
            b's' | b'u' => return self.set_items(operation == b'u'),
            b'b' => return self.build(),
            b'N' => Value::None,
            0x88 | 0x89 => Value::Bool,
            b'K' => Value::Int(self.unsigned(1)?.into()),
            b'M' => Value::Int(self.unsigned(2)?.into()),
            b'J' => Value::Int((self.unsigned(4)? as u32 as i32).into()),
            0x8a => self.long()?,
            b'G' => self.take(8).map(|_| Value::Float)?,
            0x8c => self.text(1)?,
            b'X' => self.text(4)?,
            0x8d => self.text(8)?,
            b']' => self.pickle.add(Object::List(Vec::new())),
            b'}' => self.pickle.add(Object::Dict(Vec::new())),
            b')' => self.pickle.add(Object::Tuple(Vec::new())),
            0x85 => self.tuple(1)?,
            0x86 => self.tuple(2)?,
            0x87 => self.tuple(3)?,
            b't' => {
                let values = self.above_mark()?;
                self.pickle.add(Object::Tuple(values))
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                Value::Global(Global::named(&module, &name)?)
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let names = module.text().zip(name.text()).ok_or("it asks for something without a name")?;
                Value::Global(Global::named(names.0, names.1)?)
            }
            b'h' => self.recall(1)?,
            b'j' => self.recall(4)?,
            b'Q' => self.storage()?,
            b'R' => self.reduce()?,
            other => {
                return Err(format!("its pickle has the operation 0x{other:02x}, which is not supported"));
            }
        };
        self.stack.push(value);
        Ok(())
    }

    fn take(&mut self, length: usize) -> Result<&[u8], String> {
        let (taken, rest) =
            self.rest.split_at_checked(length).ok_or("its pickle ends early: the file is cut off")?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, String> {
        self.unsigned(1).map(|value| value as u8)
    }

    fn unsigned(&mut self, bytes: usize) -> Result<u64, String> {
        Ok(self.take(bytes)?.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    fn long(&mut self) -> Result<Value, String> {
        let length = self.byte()?.into();
        let bytes = self.take(length)?;
        if length > 15 {
            return Err("its pickle has a number of more than 15 bytes".into());
        }
        let magnitude = bytes.iter().rev().fold(0i128, |value, &byte| value << 8 | i128::from(byte));
        let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
        Ok(Value::Int(if negative { magnitude - (1 << (8 * length)) } else { magnitude }))
    }

    fn text(&mut self, length_bytes: usize) -> Result<Value, String> {
        let length = usize::try_from(self.unsigned(length_bytes)?).map_err(|error| error.to_string())?;
        let text =
            std::str::from_utf8(self.take(length)?).map_err(|_| "its pickle has a text that is no UTF-8")?;
        Ok(Value::Text(text.into()))
    }

    fn line(&mut self) -> Result<String, String> {
        let length = self.rest.iter().position(|&byte| byte == b'\n').ok_or("its pickle ends early")?;
        let line = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.take(1)?;
        Ok(line)
    }

    fn pop(&mut self) -> Result<Value, String> {
        self.stack.pop().ok_or_else(|| "its pickle takes more from its stack than is there".into())
    }

    fn above_mark(&mut self) -> Result<Vec<Value>, String> {
        let height = self.marks.pop().ok_or("its pickle has no mark where it needs one")?;
        if height > self.stack.len() {
            return Err("its pickle takes more from its stack than is there".into());
        }
        Ok(self.stack.split_off(height))
    }

    fn tuple(&mut self, length: usize) -> Result<Value, String> {
        let height = self.stack.len().checked_sub(length).ok_or("its pickle makes a tuple of nothing")?;
        let values = self.stack.split_off(height);
        Ok(self.pickle.add(Object::Tuple(values)))
    }

    fn memoize_as(&mut self, bytes: usize) -> Result<(), String> {
        let place = self.unsigned(bytes)? as u32;
        self.memoize(place)
    }

    fn memoize(&mut self, place: u32) -> Result<(), String> {
        let value = self.stack.last().ok_or("its pickle remembers nothing")?.clone();
        self.memo.insert(place, value);
        Ok(())
    }

    fn recall(&mut self, bytes: usize) -> Result<Value, String> {
        let place = self.unsigned(bytes)? as u32;
        self.memo.get(&place).cloned().ok_or_else(|| "its pickle recalls what it never made".into())
    }

    fn target(&mut self) -> Result<&mut Object, String> {
        match self.stack.last() {
            Some(Value::Object(index)) => self.pickle.objects.get_mut(*index),
            _ => None,
        }
        .ok_or_else(|| "its pickle fills something that is no list".into())
    }

    fn append(&mut self, many: bool) -> Result<(), String> {
        let values = if many { self.above_mark()? } else { vec![self.pop()?] };
        match self.target()? {
            Object::List(list) => list.extend(values),
            _ => return Err("its pickle appends to something that is no list".into()),
        }
        Ok(())
    }

    fn set_items(&mut self, many: bool) -> Result<(), String> {
        let mut values = if many { self.above_mark()? } else { self.tail(2)? }.into_iter();
        let Object::Dict(pairs) = self.target()? else {
            return Err("its pickle fills something that is no dictionary".into());
        };
        while let (Some(key), Some(value)) = (values.next(), values.next()) {
            pairs.push((key, value));
        }
        Ok(())
    }

    fn tail(&mut self, length: usize) -> Result<Vec<Value>, String> {
        let height = self.stack.len().checked_sub(length).ok_or("its pickle takes more than is there")?;
        Ok(self.stack.split_off(height))
    }

    /// Attributes of a dictionary (PyTorch's version numbers) are of no interest.
    fn build(&mut self) -> Result<(), String> {
        self.pop()?;
        match self.target()? {
            Object::Dict(_) => Ok(()),
            _ => Err("its pickle sets attributes of something that is no dictionary".into()),
        }
    }

    /// A persistent object: ('storage', type, key, device, number of elements).
    fn storage(&mut self) -> Result<Value, String> {
        let identity = self.pop()?;
        let parts = self.pickle.list(&identity).unwrap_or_default();
        match parts {
            [Value::Text(word), Value::Global(Global::StorageType(kind)), Value::Text(key), _, count, ..]
                if &**word == "storage" =>
            {
                let count = count.size().ok_or("a storage has no size")?;
                Ok(Value::Storage(Rc::new(Storage { kind: *kind, key: key.clone(), count })))
            }
            _ => Err("its pickle refers to something that is no storage".into()),
        }
    }

    fn reduce(&mut self) -> Result<Value, String> {
        let (arguments, called) = (self.pop()?, self.pop()?);
        let arguments = self.pickle.list(&arguments).unwrap_or_default();
        match (called, arguments) {
            (Value::Global(Global::OrderedDict), []) => Ok(self.pickle.add(Object::Dict(Vec::new()))),
            (Value::Global(Global::RebuildParameter), [tensor @ Value::Tensor(_), ..]) => Ok(tensor.clone()),
            (Value::Global(Global::RebuildTensor), [Value::Storage(storage), offset, size, stride, ..]) => {
                let parts = (offset.size(), self.pickle.sizes(size), self.pickle.sizes(stride));
                let (Some(offset), Some(size), Some(stride)) = parts else {
                    return Err(format!("a tensor has no shape of at most {AXIS_LIMIT} axes"));
                };
                let storage = Rc::clone(storage);
                Ok(Value::Tensor(Rc::new(Tensor { storage, offset, size, stride })))
            }
            _ => Err("its pickle calls something with arguments that do not fit it".into()),
        }
    }
}
