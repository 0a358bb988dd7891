//! Finding and fetching between honest nodes, and with one that is not.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use futures::AsyncReadExt as _;
use ggen_core::chunks::CHUNK_SIZE;
use ggen_core::head::HeadVersion;
use ggen_core::hooks::OffenceClass;
use ggen_core::limits::Limits;
use ggen_core::release::Archive;

use crate::testing::*;
use crate::{FetchEvent, FetchRequest, NetError, Outcome, SearchEvent};

fn content(manner: Manner, versions: u64) -> (Memory, Archive, ggen_core::PackageId) {
    let bytes = bytes(CHUNK_SIZE * 20 + 77);
    let archive = archive_of(&bytes);
    let package = Publisher::new(1).package("web-framework", versions, &archive);
    let id = package.0.clone();
    let archives = [(archive.digest, Arc::new(bytes))].into();
    (Memory { packages: vec![package], archives, manner, ..Memory::default() }, archive, id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_finds_and_fetches_what_a_node_has() {
    let (memory, archive, id) = content(Manner::Honest, 3);
    let node = node(memory, &[], limits()).await;
    node.handle.provide(&[archive.digest], std::slice::from_ref(&id.name)).await.unwrap();
    let command = command(&[&node], limits()).await;

    let mut search = command.handle.search("web", 10, Duration::from_secs(5)).await.unwrap();
    let Some(SearchEvent::Hits { peer, hits }) = search.recv().await else { panic!("an answer") };
    assert_eq!((peer, hits.len(), hits[0].name.as_str()), (node.peer(), 1, "web-framework"));
    assert_eq!(search.recv().await, Some(SearchEvent::Done { complete: true, asked: 1, answered: 1 }));
    assert_eq!(search.recv().await, None);

    let heads = command.handle.heads(&id.name).await.unwrap();
    assert_eq!((heads.len(), heads[0].peer, heads[0].head.head.id()), (1, node.peer(), id.clone()));
    assert_eq!(heads[0].subnet.as_deref(), Some("127.0.0.0/24"));
    assert_eq!(command.handle.head(&id).await.unwrap().len(), 1);
    assert!(command.handle.heads(&"nothing".parse().unwrap()).await.unwrap().is_empty());

    let package = command.handle.package(&id, &[]).await.unwrap();
    assert_eq!((package.peer, package.releases.len()), (node.peer(), 3));

    let holders = command.handle.holders(&archive.digest).await.unwrap();
    assert_eq!(holders.iter().map(|h| h.peer).collect::<Vec<_>>(), [node.peer()]);
    let (report, events, written) = command.fetch(&archive, holders).await;
    let report = report.unwrap();
    assert_eq!((report.digest, report.bytes, written), (archive.digest, archive.size, bytes(archive.size)));
    assert_eq!(report.holders[0].outcome, Outcome::Served);
    assert_eq!(events.iter().filter(|e| matches!(e, FetchEvent::ChunkProved { .. })).count(), 21);
    assert!(matches!(events.last(), Some(FetchEvent::HolderDone { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_answers_first_is_not_the_only_one_who_is_heard() {
    let (quick, archive, id) = content(Manner::Honest, 1);
    let grace = limits().lookup_grace;
    let other = Publisher::new(2).package(id.name.as_str(), 1, &archive);
    let slow = Memory { packages: vec![other.clone()], delay: grace * 2, ..Memory::default() };
    let (near, far) = (node(quick, &[], limits()).await, node(slow, &[], limits()).await);
    let command = command(&[&near, &far], limits()).await;
    command.handle.settled(Duration::from_secs(5)).await;
    let mut found: Vec<_> =
        command.handle.heads(&id.name).await.unwrap().into_iter().map(|found| found.head.head.publisher).collect();
    found.sort();
    let mut both = vec![id.publisher, other.0.publisher];
    both.sort();
    assert_eq!(found, both, "a name that two claim is not the quicker one's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_answers_that_nobody_takes_are_few() {
    let versions: Vec<HeadVersion> = (0..400)
        .rev()
        .map(|minor| HeadVersion {
            version: semver::Version::new(1, minor, 0),
            release: ggen_core::Digest::of(b"r"),
            yanked: None,
        })
        .collect();
    let package = |seed| {
        let publisher = Publisher::new(seed);
        let head = publisher.head_of("claimed", 1, u64::MAX, versions.clone()).bundle;
        let id = ggen_core::PackageId { publisher: publisher.id, name: "claimed".parse().unwrap() };
        (id, crate::PackageBundle { head, releases: vec![] })
    };
    let node = node(Memory { packages: (0..40).map(package).collect(), ..Memory::default() }, &[], limits()).await;
    let greedy = command(&[&node], limits()).await;
    let question = crate::catalog::Request::Name { name: "claimed".parse().unwrap() };
    greedy.handle.settled(Duration::from_secs(5)).await;
    let (mut streams, mut long, mut busy) = (Vec::new(), 0, 0);
    for _ in 0..6 {
        // One that is dropped before it was looked at is opened again.
        let (stream, length) = eventually("an answer begins", async || {
            let opened = greedy.handle.link.open(node.peer(), vec![], crate::catalog::CATALOG, Duration::from_secs(5));
            let (mut stream, mut length) = (opened.await.ok()?, [0; 4]);
            crate::frame::write_json(&mut stream, &question, 1000).await.ok()?;
            stream.read_exact(&mut length).await.ok()?;
            Some((stream, u32::from_be_bytes(length)))
        })
        .await;
        streams.push(stream);
        if length > 1_000_000 { long += 1 } else { busy += 1 }
    }
    assert_eq!((long, busy), (4, 2), "of one peer");
    drop(streams);
    eventually("what is not taken any more leaves room", async || {
        let (_, answer) = greedy.handle.ask(node.peer(), &question, Duration::from_secs(5)).await;
        matches!(answer, Some(crate::catalog::Response::Name { heads }) if heads.len() == 40).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_package_comes_in_pages() {
    let (memory, _, id) = content(Manner::Honest, 60);
    let small = Limits { max_response: 16 * 1024, ..limits() };
    let node = node(memory, &[], small).await;
    let command = command(&[&node], limits()).await;
    assert_eq!(command.handle.package(&id, &[node.peer()]).await.unwrap().releases.len(), 60);
}

/// Two holders; the first misbehaves, the other gives all.
async fn one_is_bad(manner: Manner, class: OffenceClass, code: &str, limits: Limits) {
    let (release, stalled) = mpsc::channel();
    let (mut memory, archive, _) = content(manner, 1);
    memory.release = Some(Arc::new(Mutex::new(stalled)));
    let bad = node(memory, &[], limits.clone()).await;
    let good = node(content(Manner::Honest, 1).0, &[], limits.clone()).await;
    let command = command(&[&good], limits).await;
    let (report, events, written) = command.fetch(&archive, vec![bad.holder(), good.holder()]).await;
    drop(release);
    let report = report.unwrap();
    assert_eq!((report.digest, written), (archive.digest, bytes(archive.size)));
    let offences: Vec<_> =
        events.iter().filter_map(|e| if let FetchEvent::Offence(o) = e { Some(o) } else { None }).collect();
    assert_eq!(offences.len(), 1, "{offences:?}");
    assert_eq!((offences[0].peer, offences[0].class, offences[0].code.as_str()), (bad.peer(), class, code));
    assert!(matches!(&report.holders[0].outcome, Outcome::Failed { code: c, .. } if c == code));
    assert_eq!(report.holders[1].outcome, Outcome::Served);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_bit_ends_its_holders_part() {
    one_is_bad(Manner::Flips(0), OffenceClass::CorruptData, "chunk-digest", limits()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_holder_costs_not_even_its_time_out_where_others_have_the_rest() {
    let (release, stalled) = mpsc::channel();
    let (mut memory, archive, _) = content(Manner::StallsAt(2), 1);
    memory.release = Some(Arc::new(Mutex::new(stalled)));
    let patient = Limits { holder_timeout: Duration::from_secs(60), ..limits() };
    let stalls = node(memory, &[], patient.clone()).await;
    let good = node(content(Manner::Honest, 1).0, &[], patient.clone()).await;
    let command = command(&[&good], patient).await;
    let fetch = command.fetch(&archive, vec![stalls.holder(), good.holder()]);
    let (report, _, written) = tokio::time::timeout(Duration::from_secs(30), fetch).await.unwrap();
    drop(release);
    let report = report.unwrap();
    assert_eq!((report.digest, report.bytes, written), (archive.digest, archive.size, bytes(archive.size)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_stalls_alone_is_named() {
    let (release, stalled) = mpsc::channel();
    let (mut memory, archive, _) = content(Manner::StallsAt(0), 1);
    memory.release = Some(Arc::new(Mutex::new(stalled)));
    let hasty = Limits { holder_timeout: Duration::from_millis(400), ..limits() };
    let stalls = node(memory, &[], hasty.clone()).await;
    let command = command(&[&stalls], hasty).await;
    let (result, events, _) = command.fetch(&archive, vec![stalls.holder()]).await;
    drop(release);
    assert!(matches!(result, Err(NetError::Fetch { .. })), "{result:?}");
    let offence = events.iter().find_map(|e| if let FetchEvent::Offence(o) = e { Some(o) } else { None }).unwrap();
    assert_eq!((offence.class, offence.code.as_str()), (OffenceClass::Stalled, "silent"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_all_fail_each_is_named_with_its_reason() {
    let (memory, archive, _) = content(Manner::Short, 1);
    let short = node(memory, &[], limits()).await;
    let empty = node(Memory::default(), &[], limits()).await;
    let gone =
        crate::Holder { peer: libp2p::PeerId::random(), addresses: vec!["/ip4/127.0.0.1/tcp/1".parse().unwrap()] };
    let command = command(&[&short], limits()).await;
    let (result, events, _) = command.fetch(&archive, vec![short.holder(), empty.holder(), gone]).await;
    let Err(NetError::Fetch { archive: digest, holders }) = result else { panic!("{result:?}") };
    assert_eq!(digest, archive.digest);
    let codes: Vec<_> = holders
        .iter()
        .map(|h| match &h.outcome {
            Outcome::Failed { code, .. } => code.as_str(),
            Outcome::Served => "served",
        })
        .collect();
    assert_eq!(codes, ["chunk-length", "has-not", "unreachable"]);
    assert_eq!(events.iter().filter(|e| matches!(e, FetchEvent::Offence(_))).count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_earlier_run_left_is_proved_again_and_the_good_of_it_not_fetched_again() {
    let (memory, archive, _) = content(Manner::Honest, 1);
    let node = node(memory, &[], limits()).await;
    let command = command(&[&node], limits()).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut left = bytes(CHUNK_SIZE * 10);
    left[CHUNK_SIZE as usize * 3] ^= 1; // never reached the disk
    std::fs::write(file.path(), left).unwrap();
    let (events, mut told) = tokio::sync::mpsc::channel(1024);
    let request = FetchRequest {
        archive: archive.clone(),
        holders: vec![node.holder()],
        destination: file.reopen().unwrap(),
        path: file.path().to_owned(),
        proved: vec![true; 10],
    };
    let report = command.handle.fetch(request, events).await.unwrap();
    assert_eq!((report.digest, report.bytes), (archive.digest, archive.size - 9 * CHUNK_SIZE));
    assert_eq!(std::fs::read(file.path()).unwrap(), bytes(archive.size));
    let mut proved = Vec::new();
    while let Some(event) = told.recv().await {
        if let FetchEvent::ChunkProved { index } = event {
            proved.push(index);
        }
    }
    assert_eq!(proved[..9], [0, 1, 2, 4, 5, 6, 7, 8, 9]);
    proved.sort_unstable();
    assert_eq!(proved, (0..21).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_is_found_through_another_node() {
    let (memory, archive, _) = content(Manner::Honest, 1);
    let seed = node(Memory::default(), &[], limits()).await;
    let holder = node(memory, &[&seed], limits()).await;
    assert!(holder.handle.joined(Duration::from_secs(5)).await.is_connected());
    holder.handle.provide(&[archive.digest], &[]).await.unwrap();
    let command = command(&[&seed], limits()).await;
    let found = async {
        loop {
            let holders = command.handle.holders(&archive.digest).await.unwrap();
            if holders.iter().any(|h| h.peer == holder.peer() && !h.addresses.is_empty()) {
                return holders;
            }
        }
    };
    let holders = tokio::time::timeout(Duration::from_secs(10), found).await.unwrap();
    let (report, _, _) = command.fetch(&archive, holders).await;
    assert_eq!(report.unwrap().digest, archive.digest);
}

/// As many connections as a question may have askers leave room for whom the hash table names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_found_by_one_who_is_connected_with_many_others() {
    let few = Limits { max_queried_peers: 4, ..limits() };
    let (memory, _, id) = content(Manner::Honest, 1);
    let seed = node(Memory::default(), &[], few.clone()).await;
    let holder = node(memory, &[&seed], few.clone()).await;
    assert!(holder.handle.joined(Duration::from_secs(5)).await.is_connected());
    holder.handle.provide(&[], std::slice::from_ref(&id.name)).await.unwrap();
    let mut others = Vec::new();
    for _ in 0..6 {
        others.push(node(Memory::default(), &[&seed], few.clone()).await);
    }
    let known: Vec<_> = others.iter().chain([&seed]).collect();
    let command = command(&known, few).await;
    command.handle.settled(Duration::from_secs(5)).await;
    let found = async {
        while command.handle.heads(&id.name).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), found).await.expect("the provider is asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_questions_at_once_are_all_answered() {
    let (memory, _, id) = content(Manner::Honest, 1);
    let node = node(memory, &[], limits()).await;
    let command = command(&[&node], limits()).await;
    let asked: Vec<_> = (0..24)
        .map(|_| {
            let (handle, id) = (command.handle.clone(), id.clone());
            tokio::spawn(async move { handle.package(&id, &[]).await.map(|p| p.releases.len()) })
        })
        .collect();
    for answer in asked {
        assert_eq!(answer.await.unwrap().unwrap(), 1);
    }
}
