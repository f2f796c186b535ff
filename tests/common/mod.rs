//! What integration tests share.
#![allow(dead_code)]

pub mod clips;
pub mod oracle;
