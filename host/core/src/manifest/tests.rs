//! Manifests as they are found, and what is refused of them.

use super::*;

fn refused(text: &str) -> ManifestError {
    Manifest::parse(text).unwrap_err()
}

#[test]
fn every_shape_of_dependencies_is_read() {
    let head = "[package]\nname = \"A_b\"\nversion = \"1.0.0\"\nlicense = \"MIT\"\n";
    let shapes = [
        ("dependencies = [\"x\", \"y@^2\"]\n", "x * false, y ^2 false"),
        ("[dependencies]\nx = \"1\"\ny = { version = \"^2\", optional = true }\n", "x ^1 false, y ^2 true"),
        (
            "[dependencies]\nrequired = [\"x\"]\noptional = [\"y\"]\nfeatures = [\"some words\"]\n",
            "x * false, y * true",
        ),
        ("[dependencies]\nx = { features = [\"full\"] }\n", "x * false"),
        ("[dependencies]\nrequired = []\n", ""),
        ("", ""),
    ];
    for (shape, expected) in shapes {
        let manifest = Manifest::parse(&format!("{head}{shape}")).unwrap();
        assert_eq!(manifest.name.as_str(), "a_b");
        let found: Vec<_> =
            manifest.dependencies.iter().map(|d| format!("{} {} {}", d.name, d.requirement, d.optional)).collect();
        assert_eq!(found.join(", "), expected, "{shape}");
    }
}

#[test]
fn a_refusal_names_the_line_and_a_way_out() {
    let error = refused("[package]\nname = \"Next.js CRUD\"\nversion = \"1.0.0\"\n");
    assert_eq!((error.code, error.place.line), ("manifest-name", 2));
    assert!(error.hint.contains("next.js-crud"), "{}", error.hint);
    let error =
        refused("[package]\nname = \"a\"\nversion = \"1.0.0\"\n[dependencies]\nontology = \"ontology/a.ttl\"\n");
    assert_eq!((error.code, error.place.line), ("manifest-dependency", 5));
    let error = refused("[package]\nname = \"a\"\nversion = \"1\"\n");
    assert_eq!((error.code, error.place), ("manifest-version", Place { line: 3, column: 11 }));
    let error = refused("[package]\nname = \"a\"\nframeworks = {\n x = }\n");
    assert_eq!(error.code, "manifest-syntax");
    let error = refused("[package]\nname = \"a\"\nversion = \"1.0.0\"\n[dependencies.rust]\ntokio = \"1\"\n");
    assert!(error.problem.contains("group"), "{}", error.problem);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let with = |lines: &str| format!("[package]\nname = \"a\"\nversion = \"1.0.0\"\n[dependencies]\n{lines}");
    let long = "1".repeat(MAX_VERSION + 1);
    let cases = [
        ("x = 1", "manifest-dependency", (5, 5)),
        ("\"../x\" = \"1\"", "manifest-dependency", (5, 1)),
        ("a = \"1\"", "manifest-self", (5, 1)),
        ("x_y = \"1\"\nx-y = \"1\"", "manifest-collides", (6, 1)),
        ("required = [\"x\"]\noptional = [\"x@^1\"]", "manifest-twice", (6, 13)),
        ("z = \"1\"\nrequired = [\"y\", \"z\"]", "manifest-twice", (6, 18)),
        ("x = \"not a range\"", "manifest-requirement", (5, 6)),
        ("x = \"^1.z\"", "manifest-requirement", (5, 9)),
        ("x = '>=1.é'", "manifest-requirement", (5, 10)),
        ("x = { version = \" ^1,, 2\" }", "manifest-requirement", (5, 22)),
        ("required = [\"y\", \"x@1.\"]", "manifest-requirement", (5, 23)),
        ("x = \"\"\"^1.z\"\"\"", "manifest-requirement", (5, 11)),
        ("x = \"\\u005e1.z\"", "manifest-requirement", (5, 5)),
        (&format!("x = \"{long}\""), "manifest-too-long", (5, 5)),
    ];
    for (lines, code, (line, column)) in cases {
        let error = refused(&with(lines));
        assert_eq!((error.code, error.place), (code, Place { line, column }), "{lines}: {error}");
    }
    let twice = "dependencies = [\"x\", \"y\", \"x\"]\n[package]\nname = \"a\"\nversion = \"1.0.0\"\n";
    assert_eq!((refused(twice).code, refused(twice).place.column), ("manifest-twice", 27));
    let version = format!("[package]\nname = \"a\"\nversion = \"1.0.{long}\"\n");
    assert_eq!(refused(&version).code, "manifest-too-long");
    assert_eq!(refused("").code, "manifest-field");
    assert_eq!(refused("[package]\nversion = \"1.0.0\"").code, "manifest-name");
    assert_eq!(refused("[package]\nname = \"a\"").code, "manifest-version");
    assert_eq!(refused("[package]\nname = 5").code, "manifest-field");
}

#[test]
fn claims_come_from_all_their_spellings() {
    let text = "[package]\nname = \"a\"\nversion = \"1.0.0\"\nlicense = \"my own\"\nauthor = \"me\"\nauthors = [\"you\"]\n\
                tags = [\"t\"]\n[package.keywords]\nkeywords = [\"k\"]\n";
    let manifest = Manifest::parse(text).unwrap();
    let claims: Vec<_> = manifest.claims.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(claims, ["author=me", "author=you", "keyword=k", "keyword=t", "license=my own"]);
    assert_eq!(manifest.license, None);
    assert_eq!(manifest.warnings[0].code, "license-not-spdx");
}
