//! `trust.log`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ggen_store::fuzz::log(bytes));
