//! The protocols: one functionality a file.

pub mod arrange;
pub mod bits;
pub mod compare;
pub mod convert;
pub mod divide;
pub mod fill;
pub mod fixed;
pub mod gather;
pub mod group;
pub mod input;
pub mod join;
mod ladder;
pub mod lasso;
pub mod merge;
pub mod one_hot;
pub mod open;
pub mod permute;
pub mod product;
pub mod quantile;
pub mod quotient;
mod roles;
pub mod segmented;
pub mod select;
pub mod shuffle;
pub mod sort;
pub mod truncate;
pub mod verify;
