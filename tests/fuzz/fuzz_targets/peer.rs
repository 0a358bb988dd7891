//! Every decoder that a peer or another process can reach: the first byte says which, the rest is what it is given.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some((first, rest)) = bytes.split_first() {
        let (_, decode) = ggen_net::decoders::ALL[usize::from(*first) % ggen_net::decoders::ALL.len()];
        decode(rest);
    }
});
