//! Downloads, verify and repair, clean-up, keys, peers and decisions.
//!
//! Decides nothing.

use std::time::Duration;

use ggen_core::Digest;
use ggen_core::dsse::SecretKey;
use ggen_core::limits::Limits;
use ggen_core::root::Publisher;

use crate::testing::{Author, Home, install};
use crate::{DecisionFilter, DecisionRow, Store, StoreError};

#[test]
fn a_download_resumes_where_it_broke_off() {
    let (a, b, mut author) = (Home::new(), Home::new(), Author::new(1));
    let archive = author.publish(&a.store, "pkg", "1.0.0").release.archive;
    let bytes = std::fs::read(a.store.archive_path(&archive.digest)).unwrap();
    let list = a.store.chunk_list(&archive).unwrap().unwrap();
    let mut partial = b.store.partial(&archive).unwrap();
    assert_eq!(partial.missing(), [0]);
    partial.write_chunk(0, &bytes).unwrap();
    drop(partial);
    let mut partial = b.again().partial(&archive).unwrap();
    assert!(partial.missing().is_empty());
    assert_eq!(partial.prove(&list).unwrap(), 1);
    std::os::unix::fs::FileExt::write_all_at(partial.file(), b"?", 0).unwrap();
    assert_eq!((partial.prove(&list).unwrap(), partial.missing()), (0, vec![0]));
    partial.write_chunk(0, &bytes).unwrap();
    partial.finish().unwrap();
    assert!(b.store.has_archive(&archive.digest));
    assert_eq!(b.store.held_archives().unwrap(), [archive.digest]);
    assert_eq!(std::fs::read_dir(b.path().join("cache/partial")).unwrap().count(), 0);
}

#[test]
fn a_download_with_other_bytes_never_reaches_the_store() {
    let (a, b, mut author) = (Home::new(), Home::new(), Author::new(1));
    let archive = author.publish(&a.store, "pkg", "1.0.0").release.archive;
    let mut partial = b.store.partial(&archive).unwrap();
    partial.mark(0).unwrap();
    assert!(matches!(partial.finish(), Err(StoreError::ArchiveDamaged { .. })));
    assert!(!b.store.has_archive(&archive.digest));
    assert_eq!(b.store.partial(&archive).unwrap().missing(), [0]);
    let other = crate::testing::tree(&[("x", "x")]);
    let error = b.store.import_archive(&other.path().join("x"), &archive).unwrap_err();
    assert!(matches!(error, StoreError::ArchiveDamaged { .. }));
}

#[test]
fn one_download_of_an_archive_at_a_time() {
    let (a, b, mut author) = (Home::new(), Home::new(), Author::new(1));
    let archive = author.publish(&a.store, "pkg", "1.0.0").release.archive;
    let bytes = std::fs::read(a.store.archive_path(&archive.digest)).unwrap();
    let mut first = b.store.partial(&archive).unwrap();
    let impatient = Limits { lock_tries: 1, lock_retry: Duration::from_millis(1), ..Limits::default() };
    let other = Store::open(b.path(), &impatient).unwrap();
    assert!(matches!(other.partial(&archive), Err(StoreError::LockTimeout { .. })));
    let patient = b.again();
    let wanted = archive.clone();
    let waiting = std::thread::spawn(move || patient.partial(&wanted).unwrap().is_stored());
    first.write_chunk(0, &bytes).unwrap();
    first.finish_hashed(Digest::of(&bytes)).unwrap();
    assert!(waiting.join().unwrap());
}

#[test]
fn verify_names_what_changed_and_repair_mends_it() {
    let (home, mut author) = (Home::new(), Author::new(1));
    let release = author.publish(&home.store, "pkg", "1.0.0");
    let dir = install(&home.store, &[&release]).unwrap().remove(0).path;
    std::fs::write(dir.join("data/x.ttl"), "PKG").unwrap();
    std::fs::remove_file(dir.join("bin/run.sh")).unwrap();
    std::fs::write(dir.join("extra"), "").unwrap();
    let damaged = home.store.verify(None).unwrap().damaged;
    let shown: Vec<_> = damaged.iter().map(|d| d.path.strip_prefix(&dir).unwrap().display().to_string()).collect();
    assert_eq!(shown, ["bin/run.sh", "data/x.ttl", "extra"]);
    home.store.repair(&"pkg".parse().unwrap(), &mut |_: &crate::LockHolder| ()).unwrap();
    assert_eq!(home.store.verify(Some(&["pkg".parse().unwrap()])).unwrap().damaged, []);
    std::fs::remove_dir_all(&dir).unwrap();
    assert_eq!(home.store.verify(None).unwrap().damaged[0].problem, "is missing");
    home.store.repair(&"pkg".parse().unwrap(), &mut |_: &crate::LockHolder| ()).unwrap();
    assert_eq!(home.store.verify(None).unwrap().damaged, []);
    assert_eq!(std::fs::read_dir(home.path().join("tmp")).unwrap().count(), 0);
}

#[test]
fn clean_up_takes_what_nobody_needs() {
    let (home, mut author, mut other) = (Home::new(), Author::new(1), Author::new(2));
    home.store.add_key("me", &author.key, &author.roots, 1).unwrap();
    let own = author.publish(&home.store, "own", "1.0.0").release.archive.digest;
    let mut theirs = |name: &str| other.publish(&home.store, name, "1.0.0");
    let (installed, locked, idle) = (theirs("installed"), theirs("locked"), theirs("idle"));
    install(&home.store, &[&installed]).unwrap();
    let project = tempfile::tempdir().unwrap();
    std::fs::write(project.path().join("ggen.lock"), format!("digest = \"{}\"\n", locked.release.archive.digest))
        .unwrap();
    home.store.register_project(project.path()).unwrap();
    let mut wanted = idle.release.archive.clone();
    wanted.digest = Digest::of(b"another");
    drop(home.store.partial(&wanted).unwrap());
    let idle = idle.release.archive;
    assert!(home.store.chunk_list(&idle).unwrap().is_some());
    let idle = idle.digest;
    let now = crate::fsio::now();
    let clean = |dry, now| home.store.clean(dry, now, &mut |_| ()).unwrap();
    let planned = clean(true, now);
    assert_eq!(planned.removed.len(), 2, "{planned:?}");
    assert!(planned.freed_bytes > 0);
    assert_eq!(clean(false, now), planned);
    assert!(home.store.has_archive(&idle));
    let later = now + 31 * 24 * 3600 * 1000;
    assert_eq!(clean(false, later).removed.len(), 2);
    let held = home.store.held_archives().unwrap();
    assert_eq!(held.len(), 3);
    assert!(held.contains(&own) && !held.contains(&idle));
    std::fs::remove_dir_all(project.path()).unwrap();
    assert_eq!(clean(false, later).removed.len(), 1);
}

#[test]
fn clean_up_takes_what_was_left_half_written() {
    let (home, mut author) = (Home::new(), Author::new(1));
    author.publish(&home.store, "pkg", "1.0.0");
    let registry = home.path().join("registry");
    let left = [".new-a", "registry/.new-b", &format!("registry/heads/{}/.new-c", author.id)];
    for file in left {
        std::fs::write(home.path().join(file), "half").unwrap();
    }
    let before = crate::testing::listing(&registry).len();
    let now = crate::fsio::now();
    assert_eq!(home.store.clean(false, now, &mut |_| ()).unwrap().removed, <[String; 0]>::default());
    let cleaned = home.store.clean(false, now + 25 * 3600 * 1000, &mut |_| ()).unwrap();
    assert_eq!((cleaned.removed.as_slice(), cleaned.freed_bytes), (left.map(str::to_owned).as_slice(), 12));
    assert_eq!(crate::testing::listing(&registry).len(), before - 2);
}

#[test]
fn what_was_denied_is_held_apart_and_an_own_release_is_not_lost_there() {
    let (home, mut author, mut other) = (Home::new(), Author::new(1), Author::new(2));
    home.store.add_key("me", &author.key, &author.roots, 1).unwrap();
    let own = author.publish(&home.store, "own", "1.0.0").release.archive.digest;
    let theirs = other.publish(&home.store, "theirs", "1.0.0");
    let denied = theirs.release.archive.digest;
    home.store.quarantine_archive(&denied).unwrap();
    assert!(home.store.is_quarantined(&denied) && !home.store.has_archive(&denied));
    assert_eq!(home.store.held_archives().unwrap(), [own], "what is served");
    assert_eq!(install(&home.store, &[&theirs]).unwrap().len(), 1, "asked again, it is looked at where it is");
    home.store.remove(&["theirs".parse().unwrap()], &mut |_| ()).unwrap();
    home.store.release_from_quarantine(&denied).unwrap();
    assert!(home.store.has_archive(&denied) && !home.store.is_quarantined(&denied));

    home.store.quarantine_archive(&own).unwrap();
    home.store.quarantine_archive(&denied).unwrap();
    let clean = |now| home.store.clean(false, now, &mut |_| ()).unwrap().removed;
    let now = crate::fsio::now();
    assert_eq!(clean(now), [] as [String; 0]);
    assert_eq!(clean(now + 91 * 24 * 3600 * 1000), [format!("quarantine/{denied}")]);
    let full = Store::open(home.path(), &Limits { max_quarantine: 0, ..Limits::default() }).unwrap();
    let late = other.publish(&home.store, "late", "1.0.0").release.archive.digest;
    full.quarantine_archive(&late).unwrap();
    assert!(!full.is_quarantined(&late) && full.is_quarantined(&own));
}

#[test]
fn keys_are_private_and_never_overwritten() {
    use std::os::unix::fs::PermissionsExt;
    let (home, author, other) = (Home::new(), Author::new(1), Author::new(2));
    assert!(matches!(home.store.key(None), Err(StoreError::NoKey { alias: None })));
    home.store.add_key("default", &author.key, &author.roots, 5).unwrap();
    let key = home.store.key(None).unwrap();
    assert_eq!(
        (key.secret.seed(), key.info.publisher, key.roots),
        (author.key.seed(), author.id, author.roots.clone())
    );
    let file = home.path().join("keys/default.json");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let again = home.store.add_key("default", &other.key, &other.roots, 5);
    assert!(matches!(again, Err(StoreError::KeyExists { .. })));
    assert!(matches!(home.store.add_key("../x", &other.key, &other.roots, 5), Err(StoreError::Alias { .. })));
    home.store.add_key("second", &other.key, &other.roots, 6).unwrap();
    assert!(matches!(home.store.key(None), Err(StoreError::WhichKey { aliases }) if aliases == ["default", "second"]));
    assert_eq!(home.store.keys().unwrap().len(), 2);
    let text = std::fs::read_to_string(&file).unwrap().replace("\"seed\": \"", "\"seed\": \"0101");
    std::fs::write(&file, &text).unwrap();
    let error = home.store.key(Some("default")).unwrap_err().to_string();
    assert!(error.contains("default.json") && !error.contains("0101"), "{error}");
    let wrong = SecretKey::from_seed(&[8; 32]);
    let (_, root) = Publisher::create(&author.key, 1);
    home.store.add_key("wrong", &wrong, &[root], 6).unwrap();
    assert!(matches!(home.store.key(Some("wrong")), Err(StoreError::KeyFile { .. })));
    assert!(home.store.node_identity().unwrap().is_none());
    assert_eq!(home.store.save_node_identity(b"one").unwrap(), b"one");
    assert_eq!(home.store.save_node_identity(b"two").unwrap(), b"one");
}

#[test]
fn peers_and_bans_are_bounded_and_end() {
    let home = Home::new();
    let few = Limits { max_known_peers: 3, ..Limits::default() };
    let store = Store::open(home.path(), &few).unwrap();
    for n in 0..5u64 {
        store.put_peer_record(&format!("p{n}"), &[format!("/ip4/127.0.0.1/tcp/{n}")], "{}", n).unwrap();
    }
    let kept: Vec<_> = store.peers().unwrap().into_iter().map(|p| p.peer).collect();
    assert_eq!(kept, ["p4", "p3", "p2"]);
    assert_eq!(store.peer_record("p4").unwrap().unwrap().addresses, ["/ip4/127.0.0.1/tcp/4"]);
    store.put_ban("bad", 100, "lies").unwrap();
    store.put_ban("bad", 50, "shorter").unwrap();
    assert_eq!(home.again().bans(99).unwrap()[0].reason, "lies");
    assert!(store.bans(100).unwrap().is_empty());
    assert!(store.remove_ban("bad").unwrap() && !store.remove_ban("bad").unwrap());
    store.put_ban("for ever", u64::MAX, "x").unwrap();
    assert_eq!(store.bans(99).unwrap().len(), 1);
    for n in 0..9u64 {
        store.put_peer_record(&format!("culprit{n}"), &[], "{}", 10 + n).unwrap();
        store.put_ban(&format!("culprit{n}"), 200 + n, "flood").unwrap();
    }
    let kept: Vec<_> = store.peers().unwrap().into_iter().map(|p| p.peer).collect();
    assert_eq!(kept, ["p4", "p3", "p2"], "who can be called stays");
    let banned: Vec<_> = store.bans(99).unwrap().into_iter().map(|ban| ban.until).collect();
    assert!(banned.len() == 3 && banned.contains(&208), "those that last longest: {banned:?}");
}

#[test]
fn decisions_are_bounded_in_number_and_age() {
    let home = Home::new();
    let limits = Limits { max_decisions: 5, decision_age: Duration::from_millis(100), ..Limits::default() };
    let store = Store::open(home.path(), &limits).unwrap();
    let row = |time: u64, subject: &str| DecisionRow {
        id: 0,
        time,
        hook: "verification".into(),
        subject: subject.into(),
        policy: "signed-releases".into(),
        version: "1.0.0".into(),
        digest: "d".into(),
        settings: "{}".into(),
        input_digest: Digest::of(subject.as_bytes()),
        input: format!("{{\"of\":\"{subject}\"}}"),
        verdict: "\"allow\"".into(),
        reasons: vec!["because".into()],
        call: "review-plan".into(),
        packages: vec![subject.into()],
        fault: None,
        replayable: true,
        log: vec!["info: told".into()],
        fuel: 1,
        micros: 2,
        limit: None,
        place: 0,
        mode: "enforce".into(),
    };
    let rows: Vec<_> = (0..8).map(|n| row(1000 + n, if n % 2 == 0 { "even" } else { "odd" })).collect();
    store.add_decisions(&rows, &[], 1010).unwrap();
    let all = store.decisions(&DecisionFilter::default(), 100).unwrap();
    assert_eq!(all.iter().map(|d| d.time).collect::<Vec<_>>(), [1007, 1006, 1005, 1004, 1003]);
    let odd = DecisionFilter { subject: Some("od".into()), ..DecisionFilter::default() };
    assert_eq!(store.decisions(&odd, 2).unwrap()[0].input, "{\"of\":\"odd\"}");
    store.add_decisions(&[row(2000, "late")], &[], 2000).unwrap();
    assert_eq!(store.decisions(&DecisionFilter::default(), 100).unwrap().len(), 1);
    assert_eq!(store.decision_counts().unwrap()[0].3, 1);
}

#[test]
fn a_full_disk_is_told_before() {
    let home = Home::new();
    home.store.check_space(1).unwrap();
    let error = home.store.check_space(u64::MAX).unwrap_err();
    assert!(matches!(error, StoreError::DiskFull { required: u64::MAX, available, .. } if available > 0));
}
