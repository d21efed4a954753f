//! Sorting by planes: stable radix sort, least significant digit first.
