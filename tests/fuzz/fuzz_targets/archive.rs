//! Archives as peers send them, read and unpacked.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ggen_store::fuzz::archive(bytes));
