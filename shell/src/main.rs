//! The `conjoin` program.
fn main() {}
