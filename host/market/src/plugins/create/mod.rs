//! `plugin new`: a policy's crate that builds, is tested and loads as it is.
//!
//! Decides what is in it. The SDK comes with the program: its sources and the contract lie beside the policy, and its own
//! dependencies come from crates.io, so that nothing but the installed program is needed; `--sdk` names a checkout's
//! instead. Invariant: the folder is there wholly or not at all, and nothing that is there is overwritten.

mod cases;
mod file;
mod sdk;

use std::fs;
use std::path::{Path, PathBuf};

use ggen_core::hooks::Hook;
use serde::Serialize;

use crate::error::{MarketError, PluginError};
use crate::policies::{BUILT_IN, DEFAULTS, library};

/// What `plugin new` is asked for.
#[derive(Clone, Debug)]
pub struct NewPluginRequest {
    /// The policy's name, which is the crate's and the folder's.
    pub name: String,
    /// The hook that it serves.
    pub hook: Hook,
    /// The folder in which the crate's folder is made.
    pub beneath: PathBuf,
    /// The SDK of a checkout; none: the program's own is written beside the policy.
    pub sdk: Option<PathBuf>,
}

/// `plugin new`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewPluginAnswer {
    /// The policy's name.
    pub name: String,
    /// The hook that it serves.
    pub hook: Hook,
    /// Its folder.
    pub path: PathBuf,
    /// What is in it, the SDK left out.
    pub files: Vec<String>,
    /// Where the SDK lies.
    pub sdk: PathBuf,
}

const MANIFEST: &str = include_str!("templates/manifest.txt");
const README: &str = include_str!("templates/readme.txt");
const GITIGNORE: &str = include_str!("templates/gitignore.txt");

/// Names that cargo or rustc does not take for a crate.
const TAKEN: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "union",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
    "sdk",
    "wit",
    "ggen-plugin-sdk",
];
/// The longest name: crates.io's bound, and what a policy's name may have.
const MAX_NAME: usize = 64;

/// Makes a policy's crate.
///
/// # Errors
/// When the name cannot be a policy's, the folder is there already, or it cannot be written.
pub fn create(request: &NewPluginRequest) -> Result<NewPluginAnswer, MarketError> {
    let NewPluginRequest { name, hook, beneath, sdk } = request;
    check(name)?;
    let path = beneath.join(name);
    if path.symlink_metadata().is_ok() {
        return Err(PluginError::Exists { path }.into());
    }
    let failed = |source| MarketError::Io { path: path.clone(), action: "written", source };
    fs::create_dir_all(beneath).map_err(failed)?;
    let draft = tempfile::Builder::new().prefix(".ggen-new-").tempdir_in(beneath).map_err(failed)?;
    let sdk = match sdk {
        Some(sdk) => checkout(sdk)?,
        None => {
            sdk::write(draft.path()).map_err(failed)?;
            PathBuf::from("sdk")
        }
    };
    let fill = |template: &str| {
        let default = DEFAULTS.iter().find(|(of, _)| of == hook).map(|(_, name)| *name).unwrap_or_default();
        template
            .replace("@LINKS@", &format!("[[policy.@HOOK@]]\nuse = \"{default}\"\n\n"))
            .replace("@NAME@", name)
            .replace("@TYPE@", &type_name(name))
            .replace("@HOOK@", hook.name())
            .replace("@SDK@", &escaped(&sdk))
    };
    let mut files = vec![
        ("Cargo.toml".to_owned(), fill(MANIFEST)),
        ("README.md".to_owned(), fill(README)),
        (".gitignore".to_owned(), GITIGNORE.to_owned()),
        ("src/lib.rs".to_owned(), fill(source(*hook))),
    ];
    files.extend(cases::of(*hook));
    for (name, text) in &files {
        file::put(&draft.path().join(name), text).map_err(failed)?;
    }
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(draft.path(), fs::Permissions::from_mode(0o755)).map_err(failed)?;
    fs::rename(draft.path(), &path).map_err(failed)?;
    let sdk = path.join(sdk);
    let files = files.into_iter().map(|(file, _)| file).collect();
    Ok(NewPluginAnswer { name: name.clone(), hook: *hook, path, files, sdk })
}

fn check(name: &str) -> Result<(), MarketError> {
    if BUILT_IN.iter().any(|builtin| builtin.name == name) {
        return Err(PluginError::BuiltIn { name: name.to_owned() }.into());
    }
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let begins = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    let problem = if !begins || !name.bytes().all(fits) || name.ends_with('-') || name.contains("--") {
        "it is a crate's name too: a letter, then a-z, 0-9 and single '-'".to_owned()
    } else if name.len() > MAX_NAME || !library::is_plain(name) || name.parse::<ggen_core::Digest>().is_ok() {
        format!("at most {MAX_NAME} characters make one, and it is no digest")
    } else if TAKEN.contains(&name) {
        "Rust or cargo takes this word for something else".to_owned()
    } else {
        return Ok(());
    };
    Err(PluginError::Name { name: name.chars().take(200).collect(), problem }.into())
}

/// The SDK's folder in a checkout, or the checkout itself.
fn checkout(sdk: &Path) -> Result<PathBuf, MarketError> {
    let full =
        fs::canonicalize(sdk).map_err(|source| MarketError::Io { path: sdk.to_owned(), action: "read", source })?;
    let is_sdk = |folder: &PathBuf| folder.join("Cargo.toml").is_file() && folder.join("../wit/types.wit").is_file();
    [full.clone(), full.join("plugin-sdk")].into_iter().find(is_sdk).ok_or_else(|| {
        let problem = "it has no Cargo.toml, or no wit/ beside it".to_owned();
        PluginError::Case { path: sdk.to_owned(), what: "SDK", problem }.into()
    })
}

/// A path as a string of TOML.
fn escaped(path: &Path) -> String {
    let quoted = toml::Value::String(path.display().to_string()).to_string();
    match quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inside) => inside.to_owned(),
        None => path.display().to_string(),
    }
}

const fn source(hook: Hook) -> &'static str {
    match hook {
        Hook::Verification => include_str!("templates/verification.txt"),
        Hook::VersionResolution => include_str!("templates/version-resolution.txt"),
        Hook::PeerScoring => include_str!("templates/peer-scoring.txt"),
        Hook::FallbackPolicy => include_str!("templates/fallback-policy.txt"),
    }
}

/// `my-policy` as `MyPolicy`.
fn type_name(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    name.split('-').map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(beneath: &Path, name: &str, hook: Hook) -> NewPluginRequest {
        NewPluginRequest { name: name.to_owned(), hook, beneath: beneath.to_owned(), sdk: None }
    }

    #[test]
    fn a_crate_is_written_whole_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        for (hook, name) in Hook::ALL.into_iter().zip(["one", "two-words", "three", "four"]) {
            let answer = create(&request(folder.path(), name, hook)).unwrap();
            for file in &answer.files {
                let text = fs::read_to_string(answer.path.join(file)).unwrap();
                assert!(
                    !text.contains('@') || file.ends_with(".json") || text.contains("name@version"),
                    "{file}: {text}"
                );
            }
            let library = fs::read_to_string(answer.path.join("src/lib.rs")).unwrap();
            assert!(library.contains(&format!("export!({}: ", type_name(name))), "{library}");
            let again = create(&request(folder.path(), name, hook)).unwrap_err();
            assert!(matches!(again, MarketError::Plugin(PluginError::Exists { .. })), "{again}");
        }
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, Hook::ALL.len(), "no drafts are left");
    }

    #[test]
    fn names_that_no_crate_or_policy_can_have_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["", "9lives", "Upper", "a--b", "a-", "a_b", "a/b", "..", "match", "test", "signed-releases", "sdk"]
        {
            assert!(create(&request(folder.path(), name, Hook::Verification)).is_err(), "{name}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_guide_shows_what_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let answer = create(&request(folder.path(), "no-left-pads", Hook::Verification)).unwrap();
        let library = fs::read_to_string(answer.path.join("src/lib.rs")).unwrap();
        let (begin, end) = (library.find("use ggen_plugin_sdk").unwrap(), library.find("\n#[cfg(test)]").unwrap());
        let guide = fs::read_to_string(answer.path.join("sdk/README.md")).unwrap();
        assert!(guide.contains(library[begin..end].trim_end()), "{library}");
    }

    #[test]
    fn a_checkouts_sdk_is_named_by_its_path() {
        let (folder, root) = (tempfile::tempdir().unwrap(), Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
        let request = NewPluginRequest { sdk: Some(root), ..request(folder.path(), "mine", Hook::Verification) };
        let answer = create(&request).unwrap();
        assert!(answer.sdk.ends_with("plugin-sdk") && !answer.path.join("sdk").exists(), "{answer:?}");
        let elsewhere = NewPluginRequest { name: "other".into(), sdk: Some(folder.path().to_owned()), ..request };
        assert!(create(&elsewhere).unwrap_err().to_string().contains("is no SDK"));
    }
}
