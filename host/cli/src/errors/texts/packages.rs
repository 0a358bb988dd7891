//! Texts about what was typed, versions and integrity: codes 01 to 03.
//!
//! Decides nothing; see [`super`].

use super::super::codes::{Code as C, Text};

pub(super) const TEXTS: &[Text] = &[
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
    (
        C::SwarmKey,
        "The file that `swarm_key` or GGEN_P2P_SWARM_KEY names is missing, is not a key, or can be read by others. Nothing \
      of the network is touched without it.",
        "Put the file there that the network's other nodes have, in the form of other libp2p programs' swarm.key, readable by \
      you alone: chmod 600.",
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
        C::LockfileInvalid,
        "A ggen.lock is not of the form that this program writes, or is of a later one; or it is empty, and --locked was \
         given. Nothing was installed from it.",
        "Take it from your version control as it was. It is changed with `ggen marketplace install` and `upgrade`, not \
         by hand.",
    ),
    (
        C::NoLockfile,
        "--locked installs what a lockfile names, and there is no ggen.lock in this folder or above it.",
        "Stand in the project's folder, or run `ggen marketplace install` once without --locked.",
    ),
    (
        C::Requirement,
        "What stands behind the @ is no range of versions; the caret shows the first character that is wrong.",
        "Write NAME@1.2.3, NAME@^1.2, NAME@~1.2 or \"NAME@>=1, <3\", in at most 128 characters.",
    ),
    (
        C::Peer,
        "A peer is named by its id, 12D3Koo…, or by an address that ends in /p2p/ and its id.",
        "`ggen marketplace p2p peers` shows the ids of those that are connected.",
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
        C::LockedChange,
        "What is asked for cannot be had with the versions that ggen.lock names, and --locked forbids to change it.",
        "Leave out --locked, look at what changes, and commit the new lockfile.",
    ),
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
        C::LockedDigest,
        "ggen.lock names another archive for this version than the one that its publisher signed. One of the two was \
         changed. Nothing was installed.",
        "Look at the lockfile's history. If it was not changed there, ask the publisher what happened.",
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
];
