//! Bytes of any kind into every decoder that a peer can reach: a bounded run of what `tests/fuzz/` runs without end.
//!
//! Each decoder is given what is right, then thousands of mutations of it, from a seed that a failure names.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::decoders::{ALL, archive};
use crate::testing::{Publisher, archive_of};

/// Mutations of each sample, and the longest that all of one decoder's may take.
const ROUNDS: u64 = 1500;
const LIMIT: Duration = Duration::from_secs(60);

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, below: usize) -> usize {
        if below == 0 { 0 } else { self.next() as usize % below }
    }

    /// `sample` with one to four wrongs: bits, bytes, cuts, repeats, numbers at their ends.
    fn mutate(&mut self, sample: &[u8]) -> Vec<u8> {
        let mut bytes = sample.to_vec();
        for _ in 0..=self.below(4) {
            let (at, length) = (self.below(bytes.len()), self.below(64));
            let end = (at + length).min(bytes.len());
            match self.below(8) {
                0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
                1 => bytes.truncate(at),
                2 => drop(bytes.drain(at..end)),
                3 => {
                    let piece = bytes[at..end].to_vec();
                    let to = self.below(bytes.len() + 1);
                    bytes.splice(to..to, piece);
                }
                4 => drop(bytes.splice(at..end, vec![b'[', b'{', b'"', 0xff, 0, b'9'][self.below(6)..].to_vec())),
                5 => {
                    let numbers = ["0", "-1", "1e999", "18446744073709551616", "null", "[[[[[[[[", "\"\\ud800\""];
                    bytes.splice(at..end, numbers[self.below(7)].bytes());
                }
                6 => drop(bytes.splice(at..end.min(at + 4), [0xff; 4])),
                _ => bytes.extend((0..length).map(|i| (i * 37) as u8)),
            }
        }
        bytes
    }
}

fn framed(value: &Value) -> Vec<u8> {
    let body = value.to_string().into_bytes();
    [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], &body].concat()
}

fn line(value: &Value) -> Vec<u8> {
    format!("{value}\n").into_bytes()
}

/// The answers of a holder: of everything, or of a `part`, which says before each chunk what it has `now`.
fn holder_says(part: &[u8], now: &[u8]) -> Vec<u8> {
    let (archive, bytes) = archive();
    let list = ggen_core::chunks::ChunkList::of(&bytes).to_bytes();
    let mut all = vec![if part.is_empty() { 0 } else { 5 }];
    all.extend(archive.size.to_be_bytes());
    all.extend((list.len() as u32).to_be_bytes());
    all.extend(list);
    all.extend(part);
    for chunk in bytes.chunks(ggen_core::chunks::CHUNK_SIZE as usize) {
        all.extend(now);
        all.push(0);
        all.extend((chunk.len() as u32).to_be_bytes());
        all.extend(chunk);
    }
    all
}

/// What each decoder takes.
fn samples(name: &str) -> Vec<Vec<u8>> {
    let publisher = Publisher::new(1);
    let (id, package) = publisher.package("sample", 2, &archive_of(b"archive"));
    let (head, release) = (json!(package.head), json!(package.releases[0]));
    let told = json!({"roots": package.head.roots, "head": package.head.head, "release": release});
    let (peer, key) = (libp2p::PeerId::random().to_string(), id.publisher.to_string());
    match name {
        "catalog-question" => vec![
            framed(&json!({"search": {"query": "a", "limit": 3}})),
            framed(&json!({"name": {"name": "sample"}})),
            framed(&json!({"package": {"publisher": key, "name": "sample", "from": 1}})),
            framed(&json!({"changes": {"log": "a", "after": 7, "limit": 200}})),
        ],
        "catalog-answer" => vec![
            framed(&json!({"name": {"heads": [head]}})),
            framed(&json!({"package": {"head": head, "releases": [release], "next": null}})),
            framed(&json!({"changes": {"log": "a", "entries": [told], "next": 9, "more": true}})),
            framed(
                &json!({"search": {"hits": [{"name": "a", "version": "1.0.0", "publisher": key, "description": ""}]}}),
            ),
        ],
        "archive-answers" => vec![holder_says(&[], &[]), holder_says(&[0b01], &[5, 0b11])],
        "announcement" => vec![told.to_string().into_bytes(), package.head.to_json()],
        "dht-record" => {
            let key = ggen_core::head::head_key(&id);
            vec![[&key.as_bytes()[..], &package.head.to_json()].concat()]
        }
        "release" => vec![package.releases[0].to_json()],
        "control-request" => vec![
            line(&json!({"v": 1, "op": "status"})),
            line(&json!({"v": 1, "op": {"ban": {"peer": peer, "until": 5, "reason": ""}}})),
            line(&json!({"v": 1, "op": {"put-head": {"head": head}}})),
            line(&json!({"v": 1, "op": {"fetch": {"archive": archive().0, "holders": [{"peer": peer,
                "addresses": ["/ip4/127.0.0.1/tcp/1"]}], "path": "/tmp/a", "proved": [1]}}})),
        ],
        "control-reply" => vec![
            line(&json!({"done": {"peers": 1}})),
            line(&json!({"error": {"code": "all-holders-failed", "message": "x"}})),
            line(&json!({"event": {"head": {"peer": peer, "subnet": null, "head": head}}})),
        ],
        "address" => vec![
            format!("/ip4/127.0.0.1/tcp/4001/p2p/{peer}").into_bytes(),
            b"/ip6/2001:db8::1/tcp/1".to_vec(),
            b"/dns4/seed.example.org/tcp/4001".to_vec(),
        ],
        "identity" => vec![crate::new_identity().unwrap()],
        other => panic!("no sample for {other}"),
    }
}

#[test]
fn no_bytes_of_any_kind_harm_a_decoder() {
    for (number, (name, decode)) in (0u64..).zip(ALL) {
        let begun = Instant::now();
        for sample in samples(name) {
            assert!(decode(&sample), "{name} takes what is right: {}", String::from_utf8_lossy(&sample));
            let rounds = if sample.len() > 100_000 { ROUNDS / 10 } else { ROUNDS };
            let mut taken = 0;
            for round in 0..rounds {
                let mut random = Random(number << 32 | round);
                let bytes = random.mutate(&sample);
                let decoded = std::panic::catch_unwind(|| decode(&bytes));
                let decoded = decoded.unwrap_or_else(|_| panic!("{name} panics at round {round}: {bytes:?}"));
                taken += u64::from(decoded && bytes != sample);
            }
            assert!(taken < rounds, "{name} refuses nothing");
        }
        assert!(begun.elapsed() < LIMIT, "{name} takes {:?}", begun.elapsed());
    }
}

/// A length that promises more than there is costs nothing but the bytes that came.
#[test]
fn a_promise_of_gigabytes_is_refused_before_anything_is_kept() {
    for (name, decode) in ALL {
        for promise in [[0xff; 16], [0x7f; 16], [0; 16]] {
            assert!(!decode(&promise), "{name}");
        }
        assert!(!decode(b""), "{name}");
    }
}

#[test]
fn a_part_with_chunks_past_the_end_is_no_part() {
    let decode = crate::decoders::archive_answers;
    for (part, now) in [([0b100], [5, 0b11]), ([0xff], [5, 0b11]), ([0b11], [5, 0b1000]), ([0b11], [0, 0b11])] {
        assert!(!decode(&holder_says(&part, &now)), "{part:?} {now:?}");
    }
}
