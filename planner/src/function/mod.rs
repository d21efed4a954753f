//! SQL functions: what may be called, and our own.

pub(crate) mod call;
pub mod hashed;
pub mod nonzero;
pub(crate) mod registry;
mod table_function;

pub use table_function::{LassoArguments, Number, TableFunction, TableFunctionName, Variable};
