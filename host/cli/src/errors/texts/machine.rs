//! Texts about the network, the disk and locks: codes 04 to 06.
//!
//! Decides nothing; see [`super`].

use super::super::codes::{Code as C, Text};

pub(super) const TEXTS: &[Text] = &[
    (
        C::NoPeers,
        "No peer is connected and none could be reached.",
        "Look at `ggen marketplace p2p status`; name a node to begin with in GGEN_P2P_BOOTSTRAP or config.toml.",
    ),
    (
        C::NetworkTimeout,
        "Nobody answered within the time that [limits] gives.",
        "Try again; on a slow network raise the limit in config.toml.",
    ),
    (
        C::PeerUnreachable,
        "The peer does not answer at any of its addresses.",
        "Is it running? Is a firewall between you?",
    ),
    (
        C::AllHoldersFailed,
        "Everybody who is known to have the archive was asked, and each failed for the reason that is listed.",
        "Try again later, or connect to more peers: `ggen marketplace p2p start --bootstrap ADDR`.",
    ),
    (C::OfflineMissing, "What is needed is not on this disk, and --offline was given.", "Try again without --offline."),
    (
        C::Listen,
        "The address is taken by another program, is not this machine's, or needs more rights.",
        "Choose another one: --listen /ip4/0.0.0.0/tcp/0 takes any free port.",
    ),
    (
        C::NodeRunning,
        "Each home has one node at most.",
        "See it with `ggen marketplace p2p status`; end it with `ggen marketplace p2p stop`.",
    ),
    (
        C::NodeNotRunning,
        "The verb asks the running node of this home, and there is none.",
        "Start one: `ggen marketplace p2p start`.",
    ),
    (
        C::Control,
        "A node runs, but its socket in the home cannot be used.",
        "Stop the node where it was started and start it again. Is it the same user's?",
    ),
    (
        C::NodeRefused,
        "The node that runs in this home was asked to do it and could not.",
        "Its own messages, where it was started, say more.",
    ),
    (
        C::Identity,
        "p2p/identity.key in the home is not a key.",
        "Put it back from a backup. If you move it away, the node gets a new identity and others forget what they knew of it.",
    ),
    (C::NodeGone, "The node was stopped while it was asked, or has as much to do as it may.", "Try again."),
    (
        C::NotFound,
        "Everybody who was asked answered that they do not have it, or did not answer.",
        "Try again later, or connect to more peers.",
    ),
    (
        C::Transport,
        "The system refused what a network needs, such as sockets or threads.",
        "Look at the cause; with --offline, what is on this disk works without it.",
    ),
    (
        C::DiskFull,
        "There is less room than the signed sizes need, so nothing was begun; or it ended while writing, and what \
      was begun is gone again.",
        "Free some: `ggen marketplace clean` removes what can be had again; `ggen marketplace remove NAME` what you do not need.",
    ),
    (
        C::ReadOnly,
        "The file system of the home can only be read.",
        "Use another home (--home DIR), or make it writable.",
    ),
    (
        C::File,
        "The system refused to read or write a file; the cause says why.",
        "Look at its permissions and its folder's.",
    ),
    (
        C::Layout,
        "A newer version of this program made this home.",
        "Use that version here, or another home (--home DIR).",
    ),
    (
        C::Database,
        "SQLite reports an error that is not damage; the cause says which.",
        "Try again; look at the disk and its room.",
    ),
    (
        C::DatabaseDamaged,
        "state.db is damaged. It is rebuilt from what the store and trust.log prove.",
        "Run the command again: it is mended at the next start.",
    ),
    (
        C::TooLong,
        "A file is longer than the bound that [limits] sets for its kind.",
        "If it is right so, raise the limit in config.toml.",
    ),
    (
        C::KeyFile,
        "A file in keys/ is not one that this program wrote.",
        "Put it back from a backup; others are not affected.",
    ),
    (
        C::Index,
        "The registry's index is not JSON of the known form.",
        "Build it anew from what is proved: `ggen marketplace update --force`.",
    ),
    (
        C::ArchiveMissing,
        "The catalog knows the archive, but it is no longer in the store.",
        "Install or verify the package again: `ggen marketplace verify --repair`.",
    ),
    (
        C::NotOwned,
        "The home belongs to another user of this machine. What is installed there, and whom it trusts, is theirs; what \
      this user wrote there they could not change any more.",
        "Use a home of your own (--home DIR or GGEN_HOME), or run the program as the user whose home it is.",
    ),
    (
        C::LockTimeout,
        "Another process works on the same package or cleans up, and did not end within the tries of [limits].",
        "Wait for it, or look at the process that is named. There is nothing to delete: a lock ends with its process.",
    ),
    (
        C::LockfileChanged,
        "Somebody wrote ggen.lock while this command was at work; what they wrote stands. The packages are installed.",
        "Run the same command again: it starts from the lockfile as it is now.",
    ),
];
