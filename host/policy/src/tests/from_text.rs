//! Components as text: a core module around the bodies that a test is about, encoded for one of the contract's worlds.
//!
//! Decides nothing. Knows no crate of the house, so that the tests through the program make theirs here too.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, WorldId};

/// Answers `allow` for each item.
pub const ALLOW_ALL: &str = "
    (local $at i32) (local $i i32)
    (local.set $at (call $realloc (i32.const 0) (i32.const 0) (i32.const 4) (i32.mul (local.get $count) (i32.const 12))))
    (block $done (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $count)))
        (i32.store8 (i32.add (local.get $at) (i32.mul (local.get $i) (i32.const 12))) (i32.const 1))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (i32.store (i32.const 300) (local.get $at))
    (i32.store (i32.const 304) (local.get $count))
    (i32.const 300)";

/// Parameters of a hook function that takes a job and a list: `$list` and `$count`.
pub const JOB_AND_LIST: &str =
    "(param i64 i32 i32 i32 i64 i32 i32 i32 i32) (param $list i32) (param $count i32) (result i32)";

/// A policy as text: its name, and the bodies of what it does.
pub struct Wat<'a> {
    pub world: &'a str,
    pub name: &'a str,
    pub schema: &'a str,
    /// More of the core module: its hook's functions.
    pub functions: String,
    /// More imports.
    pub imports: &'a str,
    /// Body of `configure`; address 400 is an `ok`.
    pub configure: &'a str,
}

impl<'a> Wat<'a> {
    pub fn new(world: &'a str, functions: String) -> Self {
        Self { world, name: "sample", schema: "{}", functions, imports: "", configure: "(i32.const 400)" }
    }

    /// A verifier whose `review-plan` has this body.
    pub fn verifier(body: &str) -> Self {
        let name = "ggen:policy/verification@0.1.0#review-plan";
        Self::new("verifier", format!("(func (export \"{name}\") {JOB_AND_LIST} {body})"))
    }

    /// A scorer whose `score` has this body, with `$list` and `$count` of peers.
    pub fn scorer(body: &str) -> Self {
        Self::new(
            "peer-scorer",
            format!(
                "(func (export \"ggen:policy/peer-scoring@0.1.0#score\")
                    (param i64 i32 i32 i32 i64 i32 i32 i32 i32) (param i64 i32 i64)
                    (param $list i32) (param $count i32) (result i32) {body})
                 (func (export \"ggen:policy/peer-scoring@0.1.0#judge\") (param i32) (result i32) (i32.const 400))"
            ),
        )
    }

    /// A ranker whose `rank` has this body; address 400 is a ranking without order and exclusions.
    pub fn ranker(body: &str) -> Self {
        let name = "ggen:policy/version-resolution@0.1.0#rank";
        Self::new("version-resolver", format!("(func (export \"{name}\") (param i32) (result i32) {body})"))
    }

    /// A ranker whose order of each package's versions is these places.
    pub fn order(places: &[u32]) -> Self {
        let store = |(n, place): (usize, &u32)| format!("(i32.store (i32.const {}) (i32.const {place}))", 512 + 4 * n);
        let stores: String = places.iter().enumerate().map(store).collect();
        let count = places.len();
        Self::ranker(&format!(
            "{stores} (i32.store8 (i32.const 320) (i32.const 1))
             (i32.store (i32.const 324) (i32.const 512)) (i32.store (i32.const 328) (i32.const {count}))
             (i32.store (i32.const 332) (i32.const 512)) (i32.store (i32.const 336) (i32.const 0)) (i32.const 320)"
        ))
    }

    /// An adviser with these bodies.
    pub fn adviser(route: &str, decide: &str) -> Self {
        Self::new(
            "fallback-adviser",
            format!(
                "(func (export \"ggen:policy/fallback-policy@0.1.0#route\") {JOB_AND_LIST} {route})
                 (func (export \"ggen:policy/fallback-policy@0.1.0#decide\") (param i32) (result i32) {decide})"
            ),
        )
    }

    pub fn named(mut self, name: &'a str) -> Self {
        self.name = name;
        self
    }

    pub fn module(&self) -> String {
        let Self { name, schema, functions, imports, configure, .. } = self;
        let (name_len, schema_len) = (name.len(), schema.len());
        let schema = schema.replace('"', "\\22");
        format!(
            "(module
                (import \"ggen:policy/log@0.1.0\" \"emit\" (func $emit (param i32 i32 i32)))
                {imports}
                (memory (export \"memory\") 2)
                (global $next (mut i32) (i32.const 8192))
                (data (i32.const 16) \"{name}\")
                (data (i32.const 100) \"1.2.3\")
                (data (i32.const 120) \"no\")
                (data (i32.const 1024) \"{schema}\")
                (func $realloc (export \"cabi_realloc\") (param i32 i32 i32) (param $size i32) (result i32)
                    (local $at i32)
                    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
                    (global.set $next (i32.add (local.get $at) (local.get $size)))
                    (block $fits (loop $more
                        (br_if $fits (i32.le_u (global.get $next) (i32.shl (memory.size) (i32.const 16))))
                        (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
                        (br $more)))
                    (local.get $at))
                (func (export \"ggen:policy/plugin@0.1.0#describe\") (result i32)
                    (i32.store (i32.const 200) (i32.const 16)) (i32.store (i32.const 204) (i32.const {name_len}))
                    (i32.store (i32.const 208) (i32.const 100)) (i32.store (i32.const 212) (i32.const 5))
                    (i32.store (i32.const 216) (i32.const 100)) (i32.store (i32.const 220) (i32.const 5))
                    (i32.store (i32.const 224) (i32.const 1024)) (i32.store (i32.const 228) (i32.const {schema_len}))
                    (i32.const 200))
                (func (export \"ggen:policy/plugin@0.1.0#configure\") (param i32 i32) (result i32) {configure})
                {functions})"
        )
    }

    pub fn build(&self) -> Vec<u8> {
        encode(&self.module(), self.world)
    }
}

/// The component of a core module's text, for a world of the contract.
pub fn encode(module: &str, world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit")).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    encode_for(module, &resolve, world)
}

/// The component of a core module's text, for any world.
pub fn encode_for(module: &str, resolve: &Resolve, world: WorldId) -> Vec<u8> {
    let mut module = wat::parse_str(module).unwrap();
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8, false).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}
