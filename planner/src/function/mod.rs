//! SQL functions: what may be called, and our own.

pub mod nonzero;
mod table_function;

pub use table_function::{LassoArguments, Number, TableFunction, TableFunctionName, Variable};
