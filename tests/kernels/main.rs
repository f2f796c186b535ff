//! The pixel kernels of every backend against a plain double-precision reference.

mod blend;
mod pack;
mod reference;
mod resample;
mod support;
mod unpack;
