//! Packages, archives and components made for tests.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A package's folder, to be written.
#[derive(Clone, Debug)]
pub struct Package {
    name: String,
    version: String,
    license: Option<String>,
    description: String,
    dependencies: Vec<(String, String)>,
    files: Vec<(String, Vec<u8>)>,
}

impl Package {
    /// A small package under MIT, with one template.
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            license: Some("MIT".to_owned()),
            description: format!("{name}, made for a test"),
            dependencies: Vec::new(),
            files: vec![("templates/hello.tmpl".to_owned(), b"hello {{ name }}\n".to_vec())],
        }
    }

    /// Under another licence.
    pub fn license(mut self, license: &str) -> Self {
        self.license = Some(license.to_owned());
        self
    }

    /// With another description.
    pub fn description(mut self, description: &str) -> Self {
        self.description = description.to_owned();
        self
    }

    /// Needs another package: `requirement` is a text, or an inline table if it begins with `{`.
    pub fn needs(mut self, name: &str, requirement: &str) -> Self {
        self.dependencies.push((name.to_owned(), requirement.to_owned()));
        self
    }

    /// With a file more, or another one in its place.
    pub fn file(mut self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.files.retain(|(p, _)| p != path);
        self.files.push((path.to_owned(), bytes.as_ref().to_vec()));
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its manifest.
    pub fn manifest(&self) -> String {
        let mut text = format!("[package]\nname = \"{}\"\nversion = \"{}\"\n", self.name, self.version);
        let _ = writeln!(text, "description = \"{}\"\nauthor = \"a test\"\nkeywords = [\"test\"]", self.description);
        if let Some(license) = &self.license {
            let _ = writeln!(text, "license = \"{license}\"");
        }
        text.push_str("\n[dependencies]\n");
        for (name, requirement) in &self.dependencies {
            let value = if requirement.starts_with('{') { requirement.clone() } else { format!("\"{requirement}\"") };
            let _ = writeln!(text, "\"{name}\" = {value}");
        }
        text
    }

    /// Writes it into a folder of its own beneath `beneath`, anew: the folder's path.
    pub fn write(&self, beneath: &Path) -> String {
        let folder: PathBuf = beneath.join(format!("{}-{}", self.name, self.version));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("create a package's folder");
        std::fs::write(folder.join("package.toml"), self.manifest()).expect("write package.toml");
        for (path, bytes) in &self.files {
            let file = folder.join(path);
            std::fs::create_dir_all(file.parent().expect("has a parent")).expect("create a folder");
            std::fs::write(file, bytes).expect("write a file");
        }
        folder.to_str().expect("a path in UTF-8").to_owned()
    }
}

/// `length` bytes that no compressor shortens, the same for the same `seed`.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Where a home keeps the archive with this digest.
pub fn archive_in(home: &Path, digest: &str) -> PathBuf {
    home.join("store").join(&digest[..2]).join(digest)
}

/// A component that imports an instance of the given name, and does nothing.
pub fn component_importing(name: &str) -> Vec<u8> {
    wat::parse_str(format!("(component (import \"{name}\" (instance)))")).expect("the text of a component")
}

/// One entry of a ustar archive with its padding: for archives that no packer of ours would write.
pub fn ustar_entry(name: &str, kind: u8, link: &str, bytes: &[u8]) -> Vec<u8> {
    let mut block = vec![0; 512];
    let mut put = |at: usize, text: &[u8]| block[at..at + text.len()].copy_from_slice(text);
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", bytes.len()).as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, &[kind]);
    put(157, link.as_bytes());
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block.extend_from_slice(bytes);
    block.resize(block.len().next_multiple_of(512), 0);
    block
}
