//! The program `conjoin`.

pub mod demo;
