//! `package.toml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ggen_core::fuzz::manifest(bytes));
