//! Sharing schemes. All linear operations are local.

mod additive;
mod bits;
mod column;
mod combine;

pub use additive::Shared;
pub use bits::SharedBits;
pub(crate) use column::Shape;
pub use column::{Column, Part};
pub use combine::{combine, combine_bits};
