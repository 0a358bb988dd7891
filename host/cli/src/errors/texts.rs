//! The texts of `ggen explain`: a flat table, one entry for each code.
//!
//! Decides nothing. Invariant: no text tells anybody to delete what cannot be had again.

use super::codes::Code as C;

/// Code, meaning, what to do; in the order of the codes.
pub(super) const TEXTS: &[(C, &str, &str)] = &[
    (
        C::Arguments,
        "A verb, a flag or an argument is not one that this program knows, or one is missing.",
        "See `ggen help`, or `--help` after any verb. Completions for your shell: `ggen completions SHELL`.",
    ),
    (
        C::Target,
        "What was typed is not of the form [PUBLISHER/]NAME[@REQ], names no file, or its range is not a range.",
        "Write a name in lower-case letters, digits, '.', '_' and '-', and a range as @^1.2 or @=1.2.0.",
    ),
    (
        C::UnknownSetting,
        "A key in a configuration is not a setting. It may be mistyped, and a setting that is ignored \
      silently could loosen a rule; so nothing is done at all.",
        "Correct the key at the line that is named. The nearest setting there is stands in the hint.",
    ),
    (
        C::WrongSetting,
        "A setting is there but has another type, unit or form than it must have.",
        "Correct it at the line that is named. Times are written \"250ms\", \"10s\", \"5min\", \"1h\", \"30d\"; sizes are \
      numbers of bytes.",
    ),
    (
        C::ConfigSyntax,
        "The file cannot be read as TOML.",
        "Correct it at the line that is named; https://toml.io describes TOML.",
    ),
    (
        C::ConfigUnreadable,
        "A configuration is there, but it cannot be opened, is no text, or is larger than a configuration may be.",
        "Look at its permissions and its size. The home is $GGEN_HOME, or ~/.ggen.",
    ),
    (
        C::Environment,
        "A variable of the environment that this program reads has a value that it cannot have.",
        "Set it as the message says, or unset it.",
    ),
    (
        C::Address,
        "An address is not a multiaddress, or not one that this program can use.",
        "Write it as /ip4/192.0.2.1/tcp/4001/p2p/12D3Koo…, just as `ggen marketplace p2p start` prints it.",
    ),
    (C::NoHome, "Neither --home nor GGEN_HOME is given, and HOME is not set.", "Give one: --home DIR."),
    (
        C::NoExplanation,
        "No error of this program has this code.",
        "Type it as the error showed it, for example GGEN-E0203.",
    ),
    (C::Alias, "An alias is a file's name too, so it has 1 to 64 of a-z, 0-9, '-' and '_'.", "Choose another one."),
    (
        C::NoFile,
        "The path that was typed leads nowhere.",
        "Look for a typing mistake; paths are taken from the current folder.",
    ),
    (
        C::NoSuchPackage,
        "Neither this home's registries nor the peers that were asked know a package of this name.",
        "Look for it with `ggen marketplace search`. If it is new, connect to a node that has it: set GGEN_P2P_BOOTSTRAP, or \
      run `ggen marketplace p2p start --bootstrap ADDR`.",
    ),
    (
        C::NoMatchingVersion,
        "The package is known, but none of its versions is in the range, or those that are were yanked or \
      left out by a policy.",
        "Ask for a version that there is, or look for newer releases: `ggen marketplace update`.",
    ),
    (
        C::Conflict,
        "Two packages require versions of a third that exclude each other. The reasons are listed one by one.",
        "Relax one of the requirements, or ask for an older version of the package that has it.",
    ),
    (
        C::Cycle,
        "The packages need each other in a circle, which the error shows in order. Such packages cannot be installed.",
        "Report it to the publisher of one of them; an older version may do without the circle.",
    ),
    (
        C::TooHard,
        "No answer was found within limits.max_resolution_steps.",
        "Ask for exact versions of some packages, or raise the limit in config.toml.",
    ),
    (
        C::TooMany,
        "More packages would have to be installed than limits.max_resolution_packages allows.",
        "Ask for fewer at once, or raise the limit in config.toml.",
    ),
    (C::Unknown, "Nobody who was asked knows this name.", "Look for it with `ggen marketplace search`."),
    (C::NotInstalled, "The verb works on installed packages, and this is none.", "See `ggen marketplace list`."),
    (C::Needed, "Packages that stay installed depend on this one.", "Remove those as well, in the same command."),
    (
        C::Signature,
        "A document is not signed by the keys of the publisher whose it says it is. It was changed, or made by \
      somebody else. No policy can allow it.",
        "Get it from another source. If the publisher gave it to you in person, tell them.",
    ),
    (
        C::Digest,
        "The bytes do not have the digest that the publisher signed: they were damaged or changed on the way or on disk.",
        "Try again: another holder is asked. For what is installed: `ggen marketplace verify --repair`.",
    ),
    (
        C::ArchiveRefused,
        "The archive has something that none may have: links, devices, paths that lead out, entries out of \
      order, or more than was declared.",
        "See all reasons with `ggen marketplace inspect FILE`; its publisher has to pack it anew with `ggen marketplace publish`.",
    ),
    (
        C::ReleaseChanged,
        "A release came for a name and version that is known with other contents. The first one stands; the \
      second is refused, whoever signed it.",
        "Ask the publisher: either two were signed under one number, or a key is not in their hands alone.",
    ),
    (
        C::RootRolledBack,
        "What came was signed under keys of the publisher that have been replaced since.",
        "Get a newer release; old keys are never trusted again.",
    ),
    (
        C::HeadRolledBack,
        "A publisher's list of releases has a sequence that only rises. Here a higher one was seen than any that can be had \
         now: somebody is late, or hides newer releases, such as one that mends a hole.",
        "Reach a node that is up to date: set GGEN_P2P_BOOTSTRAP, or run `ggen marketplace p2p start --bootstrap ADDR`.",
    ),
    (
        C::NameCollides,
        "`-` and `_` are the same in names, so that nobody can be taken in by one that looks alike. The other spelling is \
         there already, and a home has room for one of them.",
        "Use the spelling that is there, or remove that package first.",
    ),
    (
        C::Unsigned,
        "An index lists this version, but the signed release behind it is nowhere to be found.",
        "Ask for another version, or reach a node that has the release: GGEN_P2P_BOOTSTRAP.",
    ),
    (
        C::DocumentInvalid,
        "A head or release is signed but says something that makes no sense, or is about something else than \
      was asked for.",
        "Get it from another source; tell its publisher.",
    ),
    (
        C::GgenFile,
        "The file is not the pair of a signed release and its archive that a .ggen file is.",
        "Have it written again: `ggen marketplace publish PATH --output DIR`.",
    ),
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
        C::LockTimeout,
        "Another process works on the same package or cleans up, and did not end within the tries of [limits].",
        "Wait for it, or look at the process that is named. There is nothing to delete: a lock ends with its process.",
    ),
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
        "A dependency is not of a form that is known, or its range is not a range.",
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
