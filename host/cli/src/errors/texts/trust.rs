//! Texts about policies, names, publishing and this program: codes 07 to 09.
//!
//! Decides nothing; see [`super`].

use super::super::codes::{Code as C, Text};

pub(super) const TEXTS: &[Text] = &[
    (
        C::Denied,
        "A verification policy refused at least one package of the plan. Each reason names the policy, and the file \
      that locks it if one does.",
        "Do what the reason says. `ggen policy show` tells which policies are asked, and by whose word.",
    ),
    (
        C::Stopped,
        "Something went wrong on the way, and the fallback policy decided not to go on without it.",
        "The reason says what; `ggen policy show` tells which policy decided.",
    ),
    (
        C::PolicyFault,
        "A policy ran out of its limits, or answered what the contract does not allow. A policy that fails never \
      allows anything.",
        "Look at it with `ggen plugin check FILE`, tell its author, or configure another one.",
    ),
    (
        C::PolicySetup,
        "The chain of a hook cannot be built at all.",
        "Look at [[policy.…]] in config.toml and at `ggen policy show`.",
    ),
    (
        C::PolicyFile,
        "The organization's file is there, but cannot be read or understood. Nothing is installed without its word.",
        "Tell whoever looks after it. What only reads (list, search, info) works meanwhile.",
    ),
    (
        C::Undecided,
        "Several publish under this name, or one does whom nothing here vouches for. A dependency's name is never \
      trusted on first use.",
        "Find out who is meant, then say so: `ggen key trust NAME PUBLISHER`, or install PUBLISHER/NAME.",
    ),
    (
        C::NameConflict,
        "Two of the organization's table, the lockfile, this home's binding and the depending release's signature \
      name different publishers.",
        "Find out who is right. A binding of this home is changed with `ggen key untrust NAME` and `ggen key trust NAME PUBLISHER`.",
    ),
    (
        C::NameTaken,
        "In this home the name is bound to another publisher than the one that is meant.",
        "Publish under another name, or change the binding: `ggen key untrust NAME`.",
    ),
    (
        C::Loosened,
        "A configuration of the user turns off, only watches with, or otherwise changes a policy that an organization's \
         file locks. The locked policy would be asked all the same.",
        "Take the table out of your own configuration at the line that is named, or ask whoever keeps the file that locks it.",
    ),
    (
        C::Advisories,
        "A package that a configuration names under [[advisories]] is not installed, is another publisher's, is damaged, or \
         has a file that is no OSV record. What it would say is not known, and is never taken for nothing.",
        "Do what the hint says. The feed itself can be installed, upgraded and repaired meanwhile; nothing else is installed.",
    ),
    (
        C::PolicySet,
        "A policy that the configuration names is not there, does not fit, or refuses its settings. A running node goes on \
         with the policies that it has; other commands fall to what holds without the policy, which is mostly: no.",
        "Correct what is named at its line, then `ggen policy reload`. `ggen policy show` tells what is wrong with each.",
    ),
    (
        C::ManifestSyntax,
        "package.toml cannot be read as TOML.",
        "Correct it at the line that is named; https://toml.io describes TOML.",
    ),
    (
        C::ManifestName,
        "A name has 1 to 100 of a-z, 0-9, '.', '_' and '-', and begins with a letter or a digit.",
        "Write the name that the hint suggests; a title for people belongs into `description`.",
    ),
    (
        C::ManifestVersion,
        "A version has three numbers, as in 1.2.0 or 1.2.0-beta.1.",
        "Correct it; https://semver.org describes versions.",
    ),
    (
        C::ManifestDependency,
        "A dependency is not of a form that is known, or its name cannot be a package's name.",
        "Write name = \"^1.2\", or name = { version = \"^1.2\", optional = true }.",
    ),
    (
        C::ManifestField,
        "A field is missing, or has another type or more in it than it may.",
        "Correct it at the line that is named.",
    ),
    (
        C::NoManifest,
        "The folder has no package.toml (nor gpack.toml or pack.toml).",
        "Name the folder that has one, or write one.",
    ),
    (
        C::NoKey,
        "Releases are signed, and this home has no key, or none of that alias.",
        "Make one: `ggen key new`. See `ggen key list`.",
    ),
    (
        C::AlreadyPublished,
        "Under this name and version something else was published. What others may have seen is never replaced.",
        "Give it a new version.",
    ),
    (
        C::CannotPack,
        "The folder has something that no archive may have, or a file changed while it was read.",
        "Take it out, or name it in .ggenignore.",
    ),
    (C::KeyExists, "A key is never overwritten.", "Choose another alias: `ggen key new --alias NAME`."),
    (C::WhichKey, "This home has several keys.", "Say which one: --key ALIAS. See `ggen key list`."),
    (
        C::PluginBuild,
        "The crate is not a policy's, does not compile, or its component would not be taken.",
        "Correct what the message shows. A policy is a cdylib that uses ggen-plugin-sdk and has one export! line.",
    ),
    (
        C::NoToolchain,
        "Policies are compiled to wasm32-unknown-unknown, and no compiler here can.",
        "rustup target add wasm32-unknown-unknown; without a network, Debian's packages rustc-web and rust-web-src do.",
    ),
    (
        C::ManifestRequirement,
        "The range of a dependency cannot be read; line and column are those of the first character that is wrong.",
        "Write it as \"^1.2\", \"~1.2\", \"=1.2.3\" or \">=1, <3\"; \"*\" means any version.",
    ),
    (
        C::ManifestSelf,
        "The package has its own name among its dependencies; `-` and `_` are the same in it.",
        "Take it out of the dependencies.",
    ),
    (
        C::ManifestTwice,
        "One package stands twice among the dependencies; which of the two is meant cannot be told.",
        "Keep one of the two: the place that is named is the second one.",
    ),
    (
        C::ManifestCollides,
        "Two names among the dependencies differ in `-` and `_` alone, and are one package's name.",
        "Keep the one that is spelt as the package spells it.",
    ),
    (
        C::ManifestTooLong,
        "Versions and ranges have at most 128 characters.",
        "Shorten it: what a version says beyond its numbers belongs into the description.",
    ),
    (
        C::PluginName,
        "The name becomes a file's and a configuration's word; names of policies inside the program are theirs.",
        "Give the policy's crate another name, and build it again.",
    ),
    (
        C::PluginUnfit,
        "It is no component, wants what no policy gets, serves no hook, or refuses its settings.",
        "See everything that is known of it: `ggen plugin inspect FILE`.",
    ),
    (
        C::PluginTaken,
        "A name never changes its component unasked: a configuration may name it.",
        "Put the new one in its place with --replace, if that is what you want.",
    ),
    (C::PluginMissing, "Only an installed policy can be removed.", "See what there is: `ggen plugin list`."),
    (
        C::PluginInUse,
        "Without it, the hook that names it would deny everything or stop.",
        "Take it out of the file that is named first.",
    ),
    (
        C::NoPolicy,
        "A package's policy is its policy.wasm, else the only component in policies/ or beside its manifest.",
        "Install it as a package with `ggen marketplace install`, and the component by its path.",
    ),
    (
        C::PluginCase,
        "A case is NAME/input.json with NAME/expected.json; its question has the decision log's form.",
        "plugins/README.md describes cases; `ggen plugin test --bless` writes what is expected.",
    ),
    (
        C::PluginRecord,
        "A file in the home's plugins/ does not say which component a name stands for.",
        "Install the policy again with --replace, after moving that file away.",
    ),
    (
        C::PluginExists,
        "`ggen plugin new` makes a folder of its own and writes into none that is there.",
        "Choose another name, or another folder with --path.",
    ),
    (
        C::Internal,
        "Something happened that cannot happen. Nothing was installed by it.",
        "Please report it, with the output of the same command and -vv.",
    ),
    (
        C::Interrupted,
        "It was stopped from outside. What had not been committed is gone, what had been stays.",
        "Run it again when you like.",
    ),
    (C::Output, "stdout was closed or is full. The job itself was done.", "Look at where stdout goes."),
    (C::Start, "The system refused threads or signals.", "Look at the limits of your account."),
];
