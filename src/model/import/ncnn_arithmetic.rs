//! What ncnn's layers are in ONNX: arithmetic, sizes and places of pixels.

use super::graph::Resampling;
use super::ncnn::{Layer, TO_THE_END};
use super::ncnn_layers::Translation;
use super::ncnn_weights::WeightReader;

impl Translation {
    pub(super) fn simple(&mut self, layer: &Layer, operator: &str) -> Result<String, String> {
        layer.allow(&[])?;
        let input = self.name(layer.input()?)?;
        self.graph.node(operator, &[&input], vec![])
    }

    pub(super) fn swish(&mut self, layer: &Layer) -> Result<String, String> {
        let gate = self.simple(layer, "Sigmoid")?;
        let input = self.name(layer.input()?)?;
        self.graph.node("Mul", &[&input, &gate], vec![])
    }

    pub(super) fn clip(&mut self, layer: &Layer) -> Result<String, String> {
        layer.allow(&[0, 1])?;
        let input = self.name(layer.input()?)?;
        let low = layer.number(0, f64::from(f32::MIN))? as f32;
        self.clip_to(&input, low, layer.number(1, f64::from(f32::MAX))? as f32)
    }

    pub(super) fn clip_to(&mut self, input: &str, low: f32, high: f32) -> Result<String, String> {
        let (low, high) = (self.graph.scalar(low)?, self.graph.scalar(high)?);
        self.graph.node("Clip", &[input, &low, &high], vec![])
    }

    pub(super) fn binary(&mut self, index: usize, layer: &Layer) -> Result<String, String> {
        layer.allow(&[0, 1, 2])?;
        if self.absorbed.contains(&index) {
            let factor = scalar_factor(layer).ok_or("its factor is missing")?;
            self.input_factors.insert(layer.output()?.into(), factor);
            return self.name(layer.input()?);
        }
        let operation = layer.size(0, 0)?;
        let (left, right) = if layer.size(1, 0)? == 0 {
            let [left, right] = layer.pair()?;
            (self.name(left)?, self.name(right)?)
        } else {
            let scalar = self.graph.scalar(layer.number(2, 0.0)? as f32)?;
            (self.name(layer.input()?)?, scalar)
        };
        let (operator, left, right) = match operation {
            0 => ("Add", left, right),
            1 => ("Sub", left, right),
            2 => ("Mul", left, right),
            3 => ("Div", left, right),
            4 => ("Max", left, right),
            5 => ("Min", left, right),
            6 => ("Pow", left, right),
            7 => ("Sub", right, left),
            8 => ("Div", right, left),
            other => return Err(format!("its operation {other} is not supported")),
        };
        self.graph.node(operator, &[&left, &right], vec![])
    }

    pub(super) fn eltwise(&mut self, layer: &Layer) -> Result<String, String> {
        layer.allow(&[0, 1])?;
        let coefficients = layer.list(1)?;
        let operator = match layer.size(0, 0)? {
            0 => "Mul",
            1 => "Add",
            2 => "Max",
            other => return Err(format!("its operation {other} is not supported")),
        };
        if !coefficients.is_empty() && (operator != "Add" || coefficients.len() != layer.inputs.len()) {
            return Err(format!("its coefficients {coefficients:?} do not fit {operator}"));
        }
        let mut result: Option<String> = None;
        for (index, input) in layer.inputs.iter().enumerate() {
            let mut operand = self.name(input)?;
            let coefficient = coefficients.get(index).map_or(1.0, |&value| value as f32);
            if !is_one(coefficient) && !self.output_factors.contains_key(input) {
                let factor = self.graph.scalar(coefficient)?;
                operand = self.graph.node("Mul", &[&operand, &factor], vec![])?;
            }
            result = Some(match result {
                Some(before) => self.graph.node(operator, &[&before, &operand], vec![])?,
                None => operand,
            });
        }
        result.ok_or_else(|| "it has no inputs".into())
    }

    pub(super) fn concatenate(&mut self, layer: &Layer) -> Result<String, String> {
        layer.allow(&[0])?;
        if layer.size(0, 0)? != 0 {
            return Err("pictures can be joined along their channels only".into());
        }
        let names = layer.inputs.iter().map(|input| self.name(input)).collect::<Result<Vec<_>, _>>()?;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.graph.concatenate(&names)
    }

    pub(super) fn crop(&mut self, layer: &Layer) -> Result<String, String> {
        if layer.inputs.len() == 2 {
            return self.crop_to_reference(layer);
        }
        layer.allow(&[9, 10, 11])?;
        let [starts, ends, axes] = [layer.list(9)?, layer.list(10)?, layer.list(11)?];
        if starts.is_empty() || starts.len() != ends.len() || starts.len() != axes.len() {
            return Err("it needs starts, ends and axes of one length".into());
        }
        let whole = |values: &[f64]| values.iter().map(|&value| value as i64).collect::<Vec<_>>();
        let open = |&end: &f64| if end == TO_THE_END { i64::MAX } else { end as i64 };
        let ends: Vec<i64> = ends.iter().map(open).collect();
        // ncnn's axes leave the batch out: 0 to 2 or -3 to -1 for channels, rows, columns.
        let axes = axes.iter().map(|&axis| if axis < 0.0 { axis as i64 + 4 } else { axis as i64 + 1 });
        let input = self.name(layer.input()?)?;
        self.graph.slice(&input, &whole(starts), &ends, &axes.collect::<Vec<_>>())
    }

    /// Cuts the first input to the size of the second one, from given offsets on.
    fn crop_to_reference(&mut self, layer: &Layer) -> Result<String, String> {
        layer.allow(&[0, 1])?;
        let [input, reference] = layer.pair()?;
        let (input, reference) = (self.name(input)?, self.name(reference)?);
        let extent = |name: &String| self.graph.scope.extents.get(name).copied().ok_or("it cuts a constant");
        let (from, to) = (extent(&input)?, extent(&reference)?);
        if from.channels != to.channels {
            return Err(format!("cutting {} channels to {} is not supported", from.channels, to.channels));
        }
        let (left, top) = (layer.size(0, 0)?, layer.size(1, 0)?);
        // What is cut off at the end is the same for every size of picture.
        let right = from.columns.length.checked_sub(left + to.columns.length);
        let bottom = from.rows.length.checked_sub(top + to.rows.length);
        let (Some(right), Some(bottom)) = (right, bottom) else {
            return Err("it cuts to a picture that is larger than its input".into());
        };
        let end = |cut: usize| if cut == 0 { i64::MAX } else { -(cut as i64) };
        self.graph.slice(&input, &[top as i64, left as i64], &[end(bottom), end(right)], &[2, 3])
    }

    pub(super) fn interpolate(&mut self, layer: &Layer) -> Result<String, String> {
        layer.allow(&[0, 1, 2])?;
        let resampling = match layer.size(0, 0)? {
            1 => Resampling::Nearest,
            2 => Resampling::Linear,
            3 => Resampling::Cubic,
            other => return Err(format!("its resampling {other} is not supported")),
        };
        let scales = [layer.number(1, 1.0)? as f32, layer.number(2, 1.0)? as f32];
        let input = self.name(layer.input()?)?;
        self.graph.resize(&input, scales, resampling)
    }

    pub(super) fn pixel_shuffle(&mut self, layer: &Layer) -> Result<String, String> {
        layer.allow(&[0])?;
        let input = self.name(layer.input()?)?;
        self.graph.depth_to_space(&input, layer.size(0, 1)?)
    }

    pub(super) fn pool(&mut self, layer: &Layer) -> Result<String, String> {
        layer.allow(&[0, 4])?;
        if layer.size(4, 0)? != 1 {
            return Err("pooling of windows is not supported, only that of the whole picture".into());
        }
        let operator = if layer.size(0, 0)? == 1 { "GlobalAveragePool" } else { "GlobalMaxPool" };
        let input = self.name(layer.input()?)?;
        self.graph.node(operator, &[&input], vec![])
    }

    pub(super) fn scale(&mut self, layer: &Layer, weights: &mut WeightReader<'_>) -> Result<String, String> {
        layer.allow(&[0, 1])?;
        if layer.number(0, 0.0)? == TO_THE_END {
            let [input, factors] = layer.pair()?;
            let (input, factors) = (self.name(input)?, self.name(factors)?);
            return self.graph.node("Mul", &[&input, &factors], vec![]);
        }
        let count = layer.size(0, 0)?;
        let factors = weights.plain(count)?;
        let factors = self.graph.floats(&[count, 1, 1], &factors)?;
        let input = self.name(layer.input()?)?;
        let scaled = self.graph.node("Mul", &[&input, &factors], vec![])?;
        if layer.size(1, 0)? == 0 {
            return Ok(scaled);
        }
        let shift = weights.plain(count)?;
        let shift = self.graph.floats(&[count, 1, 1], &shift)?;
        self.graph.node("Add", &[&scaled, &shift], vec![])
    }
}

/// The number by which a layer multiplies its only input.
pub(super) fn scalar_factor(layer: &Layer) -> Option<f32> {
    let multiplies = layer.kind == "BinaryOp" && layer.size(0, 0) == Ok(2) && layer.size(1, 0) == Ok(1);
    layer.number(2, 0.0).ok().filter(|_| multiplies).map(|factor| factor as f32)
}

/// The coefficient other than 1 that a weighted sum gives to `tensor`.
pub(super) fn eltwise_factor(layer: &Layer, tensor: &str) -> Option<f32> {
    let sums = layer.kind == "Eltwise" && layer.size(0, 0) == Ok(1);
    let place = layer.inputs.iter().position(|input| input == tensor).filter(|_| sums)?;
    let factor = *layer.list(1).ok()?.get(place)? as f32;
    (!is_one(factor)).then_some(factor)
}

fn is_one(factor: f32) -> bool {
    factor.to_bits() == 1f32.to_bits()
}
