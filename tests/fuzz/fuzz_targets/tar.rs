//! The inside of archives, without the compression that hides most mutations.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ggen_store::fuzz::tar(bytes));
