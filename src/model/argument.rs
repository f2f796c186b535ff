//! Inputs of a network beside the picture: strengths, weights of styles, switches.

use serde::{Deserialize, Deserializer, Serialize};

/// Element type of an [`Argument`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ArgumentType {
    /// 32-bit float.
    #[default]
    F32,
    /// 16-bit float.
    F16,
    /// 64-bit float.
    F64,
    /// 8-bit unsigned integer.
    U8,
    /// 32-bit signed integer.
    I32,
    /// 64-bit signed integer.
    I64,
    /// Truth value; 0 is false.
    Bool,
}

/// One input of a network beside the picture, as its manifest declares it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Argument {
    /// Name of the graph input.
    pub name: String,
    /// Shape of the tensor; empty for a single number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shape: Vec<usize>,
    /// Element type.
    #[serde(default)]
    pub dtype: ArgumentType,
    /// Values unless the user gives others: one for every element, or one for all. Without it, the user must.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub default: Vec<f64>,
    /// Smallest legal value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<f64>,
    /// Largest legal value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<f64>,
    /// One sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

/// `default = 1` means the same as `default = [1]`.
fn one_or_many<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Values {
        One(f64),
        Many(Vec<f64>),
    }
    Ok(match Values::deserialize(from)? {
        Values::One(value) => vec![value],
        Values::Many(values) => values,
    })
}

impl Argument {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// True if the tensor has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks `values`, and repeats a single one for every element. The error says what is legal and what was found.
    pub fn values(&self, values: &[f64]) -> Result<Vec<f64>, String> {
        let count = self.len();
        let all = match values {
            [value] => vec![*value; count],
            values => values.to_vec(),
        };
        let whole = matches!(self.dtype, ArgumentType::U8 | ArgumentType::I32 | ArgumentType::I64);
        let legal = |value: &f64| {
            value.is_finite()
                && (!whole || value.fract() == 0.0)
                && self.minimum.is_none_or(|minimum| *value >= minimum)
                && self.maximum.is_none_or(|maximum| *value <= maximum)
        };
        match all.iter().find(|value| !legal(value)) {
            _ if all.len() != count => Err(format!("{self}; found {} numbers", values.len())),
            Some(value) => Err(format!("{self}; found {value}")),
            None => Ok(all),
        }
    }

    /// Checks the declaration itself.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.is_empty() || self.len() > 1 << 20 {
            return Err(format!("argument {:?}: its shape must hold 1 to 1048576 numbers", self.name));
        }
        if !self.default.is_empty() {
            self.values(&self.default).map_err(|problem| format!("default of argument {problem}"))?;
        }
        Ok(())
    }
}

impl std::fmt::Display for Argument {
    /// Name and legal values, for lists and errors: `strength (1 number from 0 to 1, default 0.5)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.dtype {
            ArgumentType::F32 | ArgumentType::F16 | ArgumentType::F64 => "number",
            ArgumentType::U8 | ArgumentType::I32 | ArgumentType::I64 => "whole number",
            ArgumentType::Bool => "truth value",
        };
        match self.len() {
            1 => write!(f, "{} (1 {kind}", self.name)?,
            count => write!(f, "{} (1 or {count} {kind}s", self.name)?,
        }
        match (self.minimum, self.maximum) {
            (Some(low), Some(high)) => write!(f, " from {low} to {high}")?,
            (Some(low), None) => write!(f, ", at least {low}")?,
            (None, Some(high)) => write!(f, ", at most {high}")?,
            (None, None) => {}
        }
        match self.default.as_slice() {
            [] => write!(f, ", must be given)"),
            [first, rest @ ..] if rest.iter().all(|value| value.total_cmp(first).is_eq()) => {
                write!(f, ", default {first})")
            }
            _ => write!(f, ", with a default)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argument(text: &str) -> Argument {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn one_number_stands_for_all() {
        let weights = argument("name = \"weights\"\nshape = [1, 3]");
        assert_eq!(weights.values(&[0.5]).unwrap(), [0.5; 3]);
        assert_eq!(weights.values(&[1.0, 2.0, 3.0]).unwrap(), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn what_is_not_legal_is_refused_with_what_is() {
        let strength = argument("name = \"strength\"\nminimum = 0\nmaximum = 1\ndefault = 1");
        assert_eq!(strength.to_string(), "strength (1 number from 0 to 1, default 1)");
        for wrong in [&[1.5][..], &[f64::NAN], &[0.0, 0.0], &[]] {
            let problem = strength.values(wrong).unwrap_err();
            assert!(problem.contains("from 0 to 1"), "{problem}");
        }
        let level = argument("name = \"level\"\ndtype = \"i64\"");
        assert!(level.values(&[0.5]).unwrap_err().contains("whole number"));
        assert!(level.to_string().contains("must be given"));
    }
}
