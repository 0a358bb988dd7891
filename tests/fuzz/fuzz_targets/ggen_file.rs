//! `.ggen` files, and whatever else `inspect` is given.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ggen_store::fuzz::ggen_file(bytes));
