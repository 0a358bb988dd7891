//! The contract: `contract.txt` is what `wit/` says, components with other types are refused with the place where they
//! differ, and what is frozen stays.
//!
//! **Freezing it.** At 1.0.0 `wit/*.wit` is copied to `wit/frozen/`. From then on [`what_is_frozen_stays`] compares the
//! two: comments may change and interfaces may be added, but no line of a frozen one; and it fails if the version says
//! 1.0.0 or later and there is no copy.

use std::fs;
use std::path::PathBuf;

use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{Function, Handle, Resolve, Type, TypeDefKind, TypeId, WorldItem};

use super::*;
use crate::bindings::VERSION;
use crate::inspect_component;

fn wit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit")
}

/// The lines that `contract.txt` has for the interfaces of a folder of WIT files.
struct Lines<'a> {
    resolve: &'a Resolve,
    path: String,
    lines: Vec<String>,
}

fn lines_of(folder: &Path) -> Vec<String> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(folder).unwrap();
    let mut lines = Lines { resolve: &resolve, path: String::new(), lines: Vec::new() };
    for (name, interface) in &resolve.packages[package].interfaces {
        for function in resolve.interfaces[*interface].functions.values() {
            lines.path = format!("{name}.{}", function.name);
            lines.function(function);
        }
    }
    lines.lines
}

impl Lines<'_> {
    fn line(&mut self, kind: &str) {
        self.lines.push(format!("{}: {kind}", self.path));
    }

    fn below(&mut self, step: &str, ty: &Type) {
        let length = self.path.len();
        self.path.push_str(step);
        self.ty(ty);
        self.path.truncate(length);
    }

    fn function(&mut self, function: &Function) {
        let names: Vec<_> = function.params.iter().map(|param| param.name.as_str()).collect();
        self.line(&format!("func({})", names.join(", ")));
        for param in &function.params {
            self.below(&format!("({})", param.name), &param.ty);
        }
        if let Some(ty) = &function.result {
            self.below("(->)", ty);
        }
    }

    fn ty(&mut self, ty: &Type) {
        let plain = match ty {
            Type::Id(id) => return self.defined(*id),
            Type::Bool => "bool",
            Type::U8 => "u8",
            Type::U16 => "u16",
            Type::U32 => "u32",
            Type::U64 => "u64",
            Type::S8 => "s8",
            Type::S16 => "s16",
            Type::S32 => "s32",
            Type::S64 => "s64",
            Type::F32 => "f32",
            Type::F64 => "f64",
            Type::Char => "char",
            Type::String => "string",
            Type::ErrorContext => panic!("the contract has no error contexts"),
        };
        self.line(plain);
    }

    fn defined(&mut self, id: TypeId) {
        let resolve = self.resolve;
        let joined = |names: Vec<&str>| names.join(", ");
        match &resolve.types[id].kind {
            TypeDefKind::Type(ty) => self.ty(ty),
            TypeDefKind::List(ty) => {
                self.line("list");
                self.below("[]", ty);
            }
            TypeDefKind::Option(ty) => {
                self.line("option");
                self.below("?", ty);
            }
            TypeDefKind::Record(record) => {
                self.line("record");
                record.fields.iter().for_each(|field| self.below(&format!(".{}", field.name), &field.ty));
            }
            TypeDefKind::Tuple(tuple) => {
                self.line("tuple");
                tuple.types.iter().enumerate().for_each(|(n, ty)| self.below(&format!(".{n}"), ty));
            }
            TypeDefKind::Variant(variant) => {
                self.line("variant");
                variant.cases.iter().for_each(|case| self.case(&case.name, case.ty.as_ref()));
            }
            TypeDefKind::Result(result) => {
                self.line("result");
                self.case("ok", result.ok.as_ref());
                self.case("error", result.err.as_ref());
            }
            TypeDefKind::Enum(cases) => {
                let names = joined(cases.cases.iter().map(|case| case.name.as_str()).collect());
                self.line(&format!("enum({names})"));
            }
            TypeDefKind::Flags(flags) => {
                let names = joined(flags.flags.iter().map(|flag| flag.name.as_str()).collect());
                self.line(&format!("flags({names})"));
            }
            TypeDefKind::Handle(Handle::Borrow(_)) => self.line("borrow"),
            TypeDefKind::Handle(Handle::Own(_)) => self.line("own"),
            other => panic!("the contract has no {}", other.as_str()),
        }
    }

    fn case(&mut self, name: &str, ty: Option<&Type>) {
        let length = self.path.len();
        self.path.push_str(&format!("|{name}"));
        match ty {
            None => self.line("case"),
            Some(ty) => {
                self.line("case of");
                self.ty(ty);
            }
        }
        self.path.truncate(length);
    }
}

#[test]
fn the_contracts_lines_are_what_wit_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/contract.txt");
    let text = lines_of(&wit()).join("\n") + "\n";
    if std::env::var_os("GGEN_WRITE_CONTRACT").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap();
    assert!(
        found == text,
        "wit/ and {} differ: GGEN_WRITE_CONTRACT=1 cargo test -p ggen-policy --lib contract writes it anew",
        path.display()
    );
}

/// The first line of the frozen contract that another one does not have.
fn thawed(frozen: &[String], now: &[String]) -> Option<String> {
    let interface = |line: &str| line.split_once('.').map(|(interface, _)| interface.to_owned());
    let frozen_interfaces: Vec<_> = frozen.iter().map(|line| interface(line)).collect();
    let now: Vec<_> = now.iter().filter(|line| frozen_interfaces.contains(&interface(line))).collect();
    let places = 0..frozen.len().max(now.len());
    let differ = places.map(|at| (frozen.get(at), now.get(at).copied())).find(|(was, is)| was != is)?;
    let text = |line: Option<&String>| line.map_or("nothing", String::as_str).to_owned();
    Some(format!("`{}` was frozen, and now it is `{}`", text(differ.0), text(differ.1)))
}

#[test]
fn what_is_frozen_stays() {
    let frozen = wit().join("frozen");
    if frozen.is_dir() {
        assert_eq!(thawed(&lines_of(&frozen), &lines_of(&wit())), None);
    } else {
        assert!(VERSION.starts_with("0."), "version {VERSION} is a promise: copy wit/*.wit to wit/frozen/");
    }
}

/// A copy of `wit/` with one text replaced in one file.
fn changed(file: &str, from: &str, to: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(wit()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with(".wit") {
            continue;
        }
        let mut text = fs::read_to_string(&path).unwrap();
        if name == file {
            assert!(text.contains(from), "{file} has no {from}");
            text = text.replacen(from, to, 1);
        }
        fs::write(copy.path().join(name), text).unwrap();
    }
    copy
}

/// Changes that a policy's author could have met, each with the line that names it.
const CHANGES: [(&str, &str, &str, &str); 6] = [
    // A field more, in the middle and at the end of a record.
    ("verification.wit", "archive-size: u64,", "archive-size: u64, extra: u32,", "(plan)[].release.extra: u32"),
    ("verification.wit", "    requested-by: list<string>,", "", "(plan)[].installed: option"),
    // A field of another type, a case more, a parameter more, another result.
    ("verification.wit", "witnessed: timestamp,", "witnessed: u32,", "(plan)[].evidence.witnessed: u32"),
    ("verification.wit", "deny(list<reason>),", "deny(list<reason>), shrug,", "(->)[]|shrug: case"),
    (
        "verification.wit",
        "func(job: job, plan: list<item>)",
        "func(job: job, plan: list<item>, n: u8)",
        "func(job, plan, n)",
    ),
    (
        "types.wit",
        "configure: func(settings: string) -> result<_,",
        "configure: func(settings: string) -> result<u8,",
        "|ok: case of",
    ),
];

#[test]
fn a_frozen_contract_is_held_and_a_changed_field_is_named() {
    let ours = lines_of(&wit());
    let copy = changed("types.wit", "interface log {", "/// A comment.\ninterface log {");
    assert_eq!(thawed(&lines_of(copy.path()), &ours), None);
    let more = changed("types.wit", "interface log {", "interface another { f: func(); }\ninterface log {");
    assert_eq!(thawed(&ours, &lines_of(more.path())), None);
    for (file, from, to, line) in CHANGES {
        let changed = lines_of(changed(file, from, to).path());
        let told = thawed(&ours, &changed).unwrap();
        assert!(told.contains(line), "{told}");
    }
}

/// A component for another contract, whose start function never ends: whoever runs it finds out.
fn component_for(folder: &Path) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(folder).unwrap();
    let world = resolve.select_world(&[package], Some("verifier")).unwrap();
    let mut functions = String::new();
    for (key, item) in &resolve.worlds[world].exports {
        let WorldItem::Interface { id, .. } = item else { continue };
        for (name, function) in &resolve.interfaces[*id].functions {
            let signature = resolve.wasm_signature(AbiVariant::GuestExport, function);
            let types = |types: &[WasmType]| types.iter().map(|ty| format!("{} ", core_type(*ty))).collect::<String>();
            let (params, results) = (types(&signature.params), types(&signature.results));
            let export = format!("{}#{name}", resolve.name_world_key(key));
            functions += &format!("(func (export {export:?}) (param {params}) (result {results}) unreachable)\n");
        }
    }
    let text = format!(
        "(module (memory (export \"memory\") 1) {functions}
            (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) unreachable)
            (func $endless (loop (br 0))) (start $endless))"
    );
    from_text::encode_for(&text, &resolve, world)
}

const fn core_type(ty: WasmType) -> &'static str {
    match ty {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
    }
}

#[test]
fn a_component_for_other_types_is_refused_by_the_place_before_it_runs() {
    let sound = inspect_component(&component_for(&wit()), &tight(), None, None);
    assert!(sound.problems[0].contains("fuel"), "its start never ends: {:?}", sound.problems);
    for (file, from, to, line) in CHANGES {
        let bytes = component_for(changed(file, from, to).path());
        let problems = inspect_component(&bytes, &tight(), None, None).problems;
        assert!(problems[0].contains(line) && problems[0].contains(VERSION), "{problems:?}");
        assert!(!problems[0].contains("fuel"), "{problems:?}");
    }
}
