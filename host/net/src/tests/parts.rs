//! Holders that have only a part, and nodes that serve what they are in the middle of.

use std::sync::Arc;
use std::time::Duration;

use ggen_core::chunks::CHUNK_SIZE;
use ggen_core::limits::Limits;
use ggen_core::release::Archive;
use tokio::sync::mpsc;

use crate::testing::*;
use crate::{FetchEvent, FetchReport, FetchRequest, NetError, Outcome};

const CHUNKS: u64 = 20;

fn content(manner: Manner) -> (Memory, Archive) {
    let bytes = bytes(CHUNK_SIZE * CHUNKS);
    let archive = archive_of(&bytes);
    let archives = [(archive.digest, Arc::new(bytes))].into();
    (Memory { archives, manner, ..Memory::default() }, archive)
}

fn has_no_offence(events: &[FetchEvent]) {
    assert!(!events.iter().any(|e| matches!(e, FetchEvent::Offence(_))), "{events:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_of_a_part_gives_that_and_is_blamed_for_nothing() {
    let (memory, archive) = content(Manner::Part(8));
    let part = node(memory, &[], limits()).await;
    let whole = node(content(Manner::Honest).0, &[], limits()).await;
    let command = command(&[&whole], limits()).await;
    let (report, events, written) = command.fetch(&archive, vec![part.holder(), whole.holder()]).await;
    let report = report.unwrap();
    assert_eq!((report.digest, written), (archive.digest, bytes(archive.size)));
    has_no_offence(&events);
    let [of_part, of_whole] = report.holders.as_slice() else { panic!("{report:?}") };
    assert!((1..=7 * CHUNK_SIZE).contains(&of_part.bytes), "{report:?}");
    assert_eq!((&of_whole.outcome, of_whole.bytes + of_part.bytes), (&Outcome::Served, archive.size));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunk_that_is_not_there_costs_its_holder_that_chunk_alone() {
    let (memory, archive) = content(Manner::Lacks(1));
    let lacks = node(memory, &[], limits()).await;
    let whole = node(content(Manner::Honest).0, &[], limits()).await;
    let command = command(&[&whole], limits()).await;
    let (report, events, _) = command.fetch(&archive, vec![lacks.holder(), whole.holder()]).await;
    let report = report.unwrap();
    has_no_offence(&events);
    assert!(report.holders.iter().all(|h| h.bytes > 0), "{report:?}");
    let (result, events, _) = command.fetch(&archive, vec![lacks.holder()]).await;
    let Err(NetError::Fetch { holders, .. }) = result else { panic!("{result:?}") };
    has_no_offence(&events);
    assert!(matches!(&holders[0].outcome, Outcome::Failed { code, .. } if code == "has-not"), "{holders:?}");
    assert_eq!(holders[0].bytes, archive.size - CHUNK_SIZE, "all that it has was had");
}

struct Running {
    done: tokio::task::JoinHandle<Result<FetchReport, NetError>>,
    events: mpsc::Receiver<FetchEvent>,
    file: tempfile::NamedTempFile,
}

impl Running {
    fn start(on: &TestNode, archive: &Archive, holders: Vec<crate::Holder>) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (tell, events) = mpsc::channel(1024);
        let request = FetchRequest {
            archive: archive.clone(),
            holders,
            destination: file.reopen().unwrap(),
            path: file.path().to_owned(),
            proved: vec![],
        };
        let handle = on.handle.clone();
        Self { done: tokio::spawn(async move { handle.fetch(request, tell).await }), events, file }
    }

    /// Waits until so many chunks are proved.
    async fn proved(&mut self, count: usize) {
        let mut left = count;
        while left > 0 {
            let event = tokio::time::timeout(Duration::from_secs(20), self.events.recv()).await;
            left -= usize::from(matches!(event.unwrap().unwrap(), FetchEvent::ChunkProved { .. }));
        }
    }
}

/// A node in the middle of a slow download, and another that knows it.
struct Scene {
    archive: Archive,
    _first: TestNode,
    middle: TestNode,
    last: TestNode,
    at_middle: Running,
}

/// `manner` is that of the one in the middle.
async fn scene(manner: Manner) -> Scene {
    let (memory, archive) = content(Manner::Honest);
    let slow = Limits { upload_rate: 5 * CHUNK_SIZE, ..limits() };
    let first = node(memory, &[], slow).await;
    let middle = node(Memory { manner, ..Memory::default() }, &[&first], limits()).await;
    let last = node(Memory::default(), &[&first], limits()).await;
    let mut at_middle = Running::start(&middle, &archive, vec![first.holder()]);
    at_middle.proved(2).await;
    Scene { archive, _first: first, middle, last, at_middle }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_in_the_middle_of_a_download_is_found_and_gives_what_has_arrived() {
    let Scene { archive, _first, middle, last, at_middle } = scene(Manner::Honest).await;
    // It knows nobody but the one in the middle, and has every chunk a moment after that one.
    let mut at_last = Running::start(&last, &archive, vec![middle.holder()]);
    at_last.proved(2).await;
    assert!(!at_middle.done.is_finished(), "in the middle");
    eventually("it says that it has something", async || {
        let holders = last.handle.holders(&archive.digest).await.unwrap();
        holders.into_iter().find(|h| h.peer == middle.peer())
    })
    .await;
    let (report, middle_report) = (at_last.done.await.unwrap().unwrap(), at_middle.done.await.unwrap().unwrap());
    assert_eq!((report.digest, middle_report.digest), (archive.digest, archive.digest));
    assert_eq!((report.holders[0].peer, report.holders[0].bytes), (middle.peer(), archive.size));
    assert!(std::fs::read(at_last.file.path()).unwrap() == bytes(archive.size));
    // It was the download's to give; nobody else said that the node may serve it.
    let (again, _, _) = last.fetch(&archive, vec![middle.holder()]).await;
    assert!(matches!(again, Err(NetError::Fetch { .. })), "{again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_whose_chunks_take_longer_than_the_patience_is_waited_for_while_they_come() {
    let archive_of_two = bytes(CHUNK_SIZE + 1000);
    let archive = archive_of(&archive_of_two);
    let archives = [(archive.digest, Arc::new(archive_of_two.clone()))].into();
    let short = Limits { holder_timeout: Duration::from_secs(1), ..limits() };
    let slow = node(Memory { archives, ..Memory::default() }, &[], Limits { upload_rate: CHUNK_SIZE / 3, ..limits() });
    let slow = slow.await;
    let command = command(&[&slow], short).await;
    let begun = std::time::Instant::now();
    let (report, events, written) = command.fetch(&archive, vec![slow.holder()]).await;
    assert_eq!((report.unwrap().digest, written), (archive.digest, archive_of_two));
    has_no_offence(&events);
    assert!(begun.elapsed() > Duration::from_secs(2), "it took longer than the patience: {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_is_found_in_the_middle_of_a_download_takes_part_in_it() {
    let (memory, archive) = content(Manner::Honest);
    let slow = node(memory, &[], Limits { upload_rate: 2 * CHUNK_SIZE, ..limits() }).await;
    let quick = node(content(Manner::Honest).0, &[], limits()).await;
    let command = command(&[&slow], limits()).await;
    let mut running = Running::start(&command, &archive, vec![slow.holder()]);
    running.proved(2).await;
    // Those that it has are passed over.
    command.handle.join_fetch(&archive.digest, vec![slow.holder(), quick.holder()]).await.unwrap();
    let report = running.done.await.unwrap().unwrap();
    let [first, later] = report.holders.as_slice() else { panic!("{report:?}") };
    assert_eq!((first.peer, later.peer), (slow.peer(), quick.peer()));
    assert!(later.bytes > archive.size / 2, "{report:?}");
    assert!(std::fs::read(running.file.path()).unwrap() == bytes(archive.size));
    // Of what is not under way there is nothing to take part in.
    command.handle.join_fetch(&archive.digest, vec![quick.holder()]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_is_given_up_is_served_no_more() {
    let Scene { archive, _first, middle, last, at_middle } = scene(Manner::Honest).await;
    at_middle.done.abort();
    assert!(at_middle.done.await.is_err());
    let (result, events, _) = last.fetch(&archive, vec![middle.holder()]).await;
    assert!(matches!(result, Err(NetError::Fetch { .. })), "{result:?}");
    assert!(events.iter().all(|e| !matches!(e, FetchEvent::ChunkProved { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_keeps_what_he_downloads_serves_nothing_of_it() {
    let Scene { archive, _first, middle, last, at_middle } = scene(Manner::Keeps).await;
    let (result, _, _) = last.fetch(&archive, vec![middle.holder()]).await;
    let Err(NetError::Fetch { holders, .. }) = result else { panic!("{result:?}") };
    assert!(matches!(&holders[0].outcome, Outcome::Failed { code, .. } if code == "has-not"), "{holders:?}");
    assert!(!at_middle.done.is_finished(), "in the middle");
}
