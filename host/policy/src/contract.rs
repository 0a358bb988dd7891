//! Whether a component's types are the contract's, to the last field, before anything of it runs.
//!
//! The contract stands in `contract.txt` as one line for each part of each type, in order, made from `wit/` (a test
//! holds the two together): `verification.review-plan(plan)[].release.license: option`. A component's types are walked
//! in the same order and compared line by line. wasmtime itself compares them when a function is called, after the
//! component's start functions ran, and says nothing of where they differ.
//!
//! Decides by structure alone: names of types do not count, names of fields, cases and parameters do. Invariant: the
//! walk ends at the first difference, so that hostile types cost no more than the contract's.

use std::fmt::Write;

use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem};
use wasmtime::component::{Component, Type};

use crate::bindings::VERSION;
use crate::error::LinkProblem;

/// The contract, line by line.
const LINES: &str = include_str!("contract.txt");

/// Tells this contract from another one.
pub const FINGERPRINT: u64 = fingerprint(LINES.as_bytes());

/// FNV-1a.
const fn fingerprint(mut bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    while let [first, rest @ ..] = bytes {
        hash = (hash ^ *first as u64).wrapping_mul(0x0100_0000_01b3);
        bytes = rest;
    }
    hash
}

/// Where a component's types leave the contract's.
struct Difference {
    theirs: String,
    ours: String,
}

type Compared = Result<(), Box<Difference>>;

/// Checks every interface of the contract that the component imports or exports.
pub fn check(engine: &Engine, component: &Component) -> Result<(), LinkProblem> {
    let ty = component.component_type();
    for (name, item) in ty.imports(engine) {
        if let ComponentItem::ComponentInstance(instance) = item.ty {
            check_instance(engine, name, &instance, false)?;
        }
    }
    for (name, item) in ty.exports(engine) {
        if let ComponentItem::ComponentInstance(instance) = item.ty {
            check_instance(engine, name, &instance, true)?;
        }
    }
    Ok(())
}

/// An import may use a part of its interface; an export has all of it.
fn check_instance(engine: &Engine, name: &str, instance: &ComponentInstance, whole: bool) -> Result<(), LinkProblem> {
    let Some(interface) = interface_of(name) else { return Ok(()) };
    let differs = |message| LinkProblem::Types { interface: interface.to_owned(), ours: VERSION, message };
    for (function, item) in instance.exports(engine) {
        if let ComponentItem::ComponentFunc(ty) = item.ty {
            compare(&format!("{interface}.{function}"), &ty).map_err(|difference| {
                let Difference { theirs, ours } = *difference;
                differs(format!("it has `{theirs}` where the contract has `{ours}`"))
            })?;
        }
    }
    let is_there = |function: &&str| instance.get_export(engine, function).is_some();
    match functions_of(interface).find(|function| whole && !is_there(function)) {
        Some(missing) => Err(differs(format!("it lacks `{missing}`"))),
        None => Ok(()),
    }
}

/// `verification` of `ggen:policy/verification@0.1.0`.
fn interface_of(name: &str) -> Option<&str> {
    Some(name.strip_prefix("ggen:policy/")?.split_once('@')?.0)
}

/// Names of an interface's functions: its lines `interface.function: func…`.
fn functions_of(interface: &str) -> impl Iterator<Item = &'static str> {
    LINES.lines().filter_map(move |line| {
        let rest = line.strip_prefix(interface)?.strip_prefix('.')?;
        rest.split_once(": func").map(|(function, _)| function)
    })
}

/// Lines of one function: its header, and what stands below it.
fn lines_of(function: &str) -> impl Iterator<Item = &'static str> {
    let is_of = move |line: &&str| line.strip_prefix(function).is_some_and(|rest| rest.starts_with([':', '(']));
    LINES.lines().filter(is_of)
}

fn compare(function: &str, ty: &ComponentFunc) -> Compared {
    let mut walk = Walk { path: function.to_owned(), expected: lines_of(function) };
    walk.function(ty)?;
    match walk.expected.next() {
        None => Ok(()),
        Some(ours) => Err(Box::new(Difference { theirs: "nothing".to_owned(), ours: ours.to_owned() })),
    }
}

/// A walk through a type beside the contract's lines.
struct Walk<I> {
    path: String,
    expected: I,
}

impl<I: Iterator<Item = &'static str>> Walk<I> {
    /// One line, which must be the contract's next.
    fn line(&mut self, kind: &str) -> Compared {
        let expected = self.expected.next();
        let same = expected.and_then(|line| line.strip_prefix(self.path.as_str())?.strip_prefix(": ")) == Some(kind);
        if same {
            return Ok(());
        }
        let theirs = format!("{}: {kind}", self.path);
        Err(Box::new(Difference { theirs, ours: expected.unwrap_or("nothing").to_owned() }))
    }

    /// What stands below, under a longer path.
    fn below(&mut self, step: impl FnOnce(&mut String), ty: &Type) -> Compared {
        let length = self.path.len();
        step(&mut self.path);
        self.ty(ty)?;
        self.path.truncate(length);
        Ok(())
    }

    fn function(&mut self, ty: &ComponentFunc) -> Compared {
        let names: Vec<_> = ty.params().map(|(name, _)| name.to_owned()).collect();
        let kind = if ty.async_() { "func async" } else { "func" };
        self.line(&format!("{kind}({})", names.join(", ")))?;
        for (name, ty) in ty.params() {
            self.below(|path| push(path, format_args!("({name})")), &ty)?;
        }
        for ty in ty.results() {
            self.below(|path| path.push_str("(->)"), &ty)?;
        }
        Ok(())
    }

    fn ty(&mut self, ty: &Type) -> Compared {
        match ty {
            Type::List(list) => {
                self.line("list")?;
                self.below(|path| path.push_str("[]"), &list.ty())
            }
            Type::Option(option) => {
                self.line("option")?;
                self.below(|path| path.push('?'), &option.ty())
            }
            Type::Record(record) => {
                self.line("record")?;
                record.fields().try_for_each(|f| self.below(|path| push(path, format_args!(".{}", f.name)), &f.ty))
            }
            Type::Tuple(tuple) => {
                self.line("tuple")?;
                (0..)
                    .zip(tuple.types())
                    .try_for_each(|(n, ty): (u32, _)| self.below(|path| push(path, format_args!(".{n}")), &ty))
            }
            Type::Variant(variant) => {
                self.line("variant")?;
                variant.cases().try_for_each(|case| self.case(case.name, case.ty.as_ref()))
            }
            Type::Result(result) => {
                self.line("result")?;
                self.case("ok", result.ok().as_ref())?;
                self.case("error", result.err().as_ref())
            }
            Type::Enum(cases) => self.line(&format!("enum({})", cases.names().collect::<Vec<_>>().join(", "))),
            Type::Flags(flags) => self.line(&format!("flags({})", flags.names().collect::<Vec<_>>().join(", "))),
            plain => self.line(plain_name(plain)),
        }
    }

    fn case(&mut self, name: &str, ty: Option<&Type>) -> Compared {
        let length = self.path.len();
        push(&mut self.path, format_args!("|{name}"));
        match ty {
            None => self.line("case")?,
            Some(ty) => {
                self.line("case of")?;
                self.ty(ty)?;
            }
        }
        self.path.truncate(length);
        Ok(())
    }
}

fn push(path: &mut String, step: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = path.write_fmt(step);
}

fn plain_name(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::S8 => "s8",
        Type::U8 => "u8",
        Type::S16 => "s16",
        Type::U16 => "u16",
        Type::S32 => "s32",
        Type::U32 => "u32",
        Type::S64 => "s64",
        Type::U64 => "u64",
        Type::Float32 => "f32",
        Type::Float64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::Own(_) => "own",
        Type::Borrow(_) => "borrow",
        // Nothing of the contract's.
        _ => "another kind of type",
    }
}
