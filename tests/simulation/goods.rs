//! What is published: publishers, packages, releases and archives, all really signed.
//!
//! Decides nothing: documents are made and checked by `ggen_core`. An archive's chunks are made when they are asked for,
//! so that thousands of packages fit into memory. A check of bytes that were checked before is remembered: it depends on
//! the bytes alone.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

use ggen_core::admit::{Refusal, verify};
use ggen_core::chunks::{CHUNK_SIZE, ChunkList, chunk_count, chunk_length};
use ggen_core::dsse::{Envelope, SecretKey};
use ggen_core::head::{Head, HeadBundle, HeadVersion, SignedHead, archive_key, head_key, name_key};
use ggen_core::release::{Archive, Release, SignedRelease};
use ggen_core::{Digest, PackageId, root};
use semver::Version;

use super::random::Random;

/// How long a head is good for, in milliseconds: the default of `head_lifetime`.
const LIFETIME: u64 = 30 * 24 * 3600 * 1000;

/// One version of a package.
pub struct Issue {
    pub signed: SignedRelease,
    pub list: Arc<ChunkList>,
    pub bundle: Arc<Vec<u8>>,
    pub at: u64,
    salt: u64,
}

/// A package of one publisher.
pub struct Package {
    pub id: PackageId,
    pub head_key: Digest,
    pub name_key: Digest,
    pub issues: Vec<Issue>,
    key: SecretKey,
    root: Envelope,
    head: Option<Head>,
}

type Held = Weak<Vec<u8>>;
type Checked = Result<Arc<SignedHead>, Refusal>;

/// All packages.
pub struct Goods {
    pub packages: Vec<Package>,
    /// Heads that are not what they should be, by what is wrong with them.
    pub forged: Vec<Arc<Vec<u8>>>,
    checked: RefCell<HashMap<Digest, Checked>>,
    filling: Vec<u8>,
    /// Chunks that somebody has in hand.
    chunks: RefCell<HashMap<(usize, usize, u64), Held>>,
    /// Chunks of an archive, at most.
    most: u64,
}

fn seed_of(number: u64, domain: u8) -> [u8; 32] {
    *Digest::of_parts(&[&[domain], &number.to_be_bytes()]).as_bytes()
}

impl Package {
    fn new(number: u64, name: &str, domain: u8) -> Self {
        let key = SecretKey::from_seed(&seed_of(number, domain));
        let (publisher, root) = root::Publisher::create(&key, 1);
        let id = PackageId { publisher, name: name.parse().expect("a name") };
        let (head_key, name_key) = (head_key(&id), name_key(&id.name));
        Self { id, head_key, name_key, issues: Vec::new(), key, root, head: None }
    }

    /// The key of an issue's archive.
    pub fn archive_key(&self, issue: usize) -> Digest {
        archive_key(&self.issues[issue].signed.release.archive.digest)
    }
}

impl Goods {
    pub fn new(count: usize, most: u64, random: &mut Random) -> Self {
        let filling = (0..CHUNK_SIZE as usize).map(|i| (i * 31 % 251) as u8).collect();
        let mut goods = Self {
            packages: Vec::new(),
            forged: Vec::new(),
            checked: RefCell::default(),
            filling,
            chunks: RefCell::default(),
            most,
        };
        for number in 0..count {
            goods.packages.push(Package::new(number as u64, &format!("package-{number}"), 1));
            goods.issue(number, 0, random);
            let squatter = Package::new(number as u64, &format!("package-{number}"), 2);
            goods.forge(number, &squatter);
        }
        goods
    }

    /// A head of another publisher under the package's name, and one whose payload somebody else signed.
    fn forge(&mut self, number: usize, squatter: &Package) {
        let package = &self.packages[number];
        let version = HeadVersion { version: Version::new(9, 0, 0), release: Digest::of(b"squat"), yanked: None };
        let head = Head::with_release(None, &squatter.id, version.clone(), 0, LIFETIME);
        let signed = head.sign(&squatter.key, vec![squatter.root.clone()]).expect("a head");
        self.forged.push(Arc::new(signed.bundle.to_json()));
        let mut in_its_name = signed.bundle;
        in_its_name.roots = vec![package.root.clone()];
        self.forged.push(Arc::new(in_its_name.to_json()));
    }

    /// The publisher makes another version known.
    pub fn issue(&mut self, number: usize, now: u64, random: &mut Random) {
        let full = random.below(self.most as usize) as u64;
        self.issue_of(number, full, now, random);
    }

    /// One whose archive is so many full chunks and a bit.
    pub fn issue_of(&mut self, number: usize, full: u64, now: u64, random: &mut Random) {
        let salt = random.next();
        let size = full * CHUNK_SIZE + 1 + random.below(CHUNK_SIZE as usize - 1) as u64;
        let whole: Vec<u8> = (0..chunk_count(size)).flat_map(|i| self.bytes(salt, size, i)).collect();
        let list = Arc::new(ChunkList::of(&whole));
        let package = &mut self.packages[number];
        let version = Version::new(1, package.issues.len() as u64, 0);
        let archive = Archive {
            digest: Digest::of(&whole),
            size,
            chunks: list.digest(),
            files: Digest::of(b"files"),
            file_count: 1,
            unpacked_size: size,
        };
        let release = Release {
            schema: 1,
            name: package.id.name.clone(),
            version: version.clone(),
            publisher: package.id.publisher,
            published: now,
            license: None,
            claims: Vec::new(),
            dependencies: Vec::new(),
            archive,
        };
        let signed = release.sign(&package.key).expect("a release");
        let version = HeadVersion { version, release: signed.digest, yanked: None };
        let head = Head::with_release(package.head.as_ref(), &package.id, version, now, LIFETIME);
        let bundle = head.sign(&package.key, vec![package.root.clone()]).expect("a head").bundle.to_json();
        package.head = Some(head);
        package.issues.push(Issue { signed, list, bundle: Arc::new(bundle), at: now, salt });
    }

    fn bytes(&self, salt: u64, size: u64, index: u64) -> Vec<u8> {
        let mut bytes = self.filling[..chunk_length(size, index) as usize].to_vec();
        let mark = salt.wrapping_add(index).to_be_bytes();
        bytes.iter_mut().zip(mark).for_each(|(b, m)| *b = m);
        bytes
    }

    /// A chunk, as an honest holder reads it.
    pub fn chunk(&self, package: usize, issue: usize, index: u64) -> Arc<Vec<u8>> {
        let key = (package, issue, index);
        if let Some(there) = self.chunks.borrow().get(&key).and_then(Weak::upgrade) {
            return there;
        }
        let issue = &self.packages[package].issues[issue];
        let made = Arc::new(self.bytes(issue.salt, issue.signed.release.archive.size, index));
        self.chunks.borrow_mut().insert(key, Arc::downgrade(&made));
        made
    }

    /// A head as it stands in an answer, whoever's it is; `None` if it does not prove itself.
    pub fn read(&self, bytes: &[u8]) -> Option<Arc<SignedHead>> {
        let of = Digest::of(bytes);
        if let Some(known) = self.checked.borrow().get(&of) {
            return known.clone().ok();
        }
        let id = HeadBundle::from_json(bytes).and_then(|bundle| SignedHead::verify(bundle, None));
        let key = id.map(|head| head_key(&head.head.id())).unwrap_or(of);
        let checked = verify(key.as_bytes(), bytes).map(Arc::new);
        self.checked.borrow_mut().insert(of, checked.clone());
        checked.ok()
    }

    /// [`ggen_core::admit::verify`], and its answer remembered.
    pub fn verify(&self, key: &Digest, bytes: &[u8]) -> Checked {
        let of = Digest::of_parts(&[key.as_bytes(), bytes]);
        if let Some(known) = self.checked.borrow().get(&of) {
            return known.clone();
        }
        let checked = verify(key.as_bytes(), bytes).map(Arc::new);
        self.checked.borrow_mut().insert(of, checked.clone());
        checked
    }
}
