//! The table of codes: what scripts and search engines know an error by.
//!
//! Numbers go by area: 01 usage and configuration, 02 resolution, 03 integrity, 04 network, 05 disk, 06 locks, 07 policy
//! and names, 08 publishing and building, 09 this program. Invariant: a code never gets another meaning, and one that is
//! no longer used is not given away again.

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed for a reason of its own.
    Failed = 1,
    /// What was typed or configured cannot be understood.
    Usage = 2,
    /// No versions fit together.
    NoResolution = 3,
    /// A signature or digest is wrong, or missing where one must be.
    Integrity = 4,
    /// The network, or what is not here while it may not be used.
    Network = 5,
    /// The disk.
    Disk = 6,
    /// Another process held a lock for too long.
    Locked = 7,
    /// A policy said no, or it is not decided whose a name is.
    Denied = 8,
    /// The user stopped it.
    Interrupted = 130,
}

impl Exit {
    /// How another run of this program ended.
    pub fn of(code: i32) -> Self {
        let all = [
            Self::Done,
            Self::Usage,
            Self::NoResolution,
            Self::Integrity,
            Self::Network,
            Self::Disk,
            Self::Locked,
            Self::Denied,
            Self::Interrupted,
        ];
        all.into_iter().find(|exit| *exit as i32 == code).unwrap_or(Self::Failed)
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

macro_rules! codes {
    ($($variant:ident $number:literal $exit:ident $title:literal;)+) => {
        /// What went wrong, as programs know it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code { $(#[doc = $title] $variant),+ }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As it is shown: `GGEN-E0203`.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => concat!("GGEN-E", $number)),+ }
            }

            /// What it is called.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }

            /// How the program ends with it.
            pub const fn exit(self) -> Exit {
                match self { $(Self::$variant => Exit::$exit),+ }
            }
        }
    };
}

codes! {
    Arguments "0101" Usage "The command line cannot be understood";
    Target "0102" Usage "This names no package, version or publisher";
    UnknownSetting "0103" Usage "A configuration has a setting that does not exist";
    WrongSetting "0104" Usage "A setting has a value that it cannot have";
    ConfigSyntax "0105" Usage "A configuration is not valid TOML";
    ConfigUnreadable "0106" Usage "A configuration cannot be read";
    Environment "0107" Usage "A variable of the environment cannot be understood";
    Address "0108" Usage "This is no address that can be used";
    NoHome "0109" Usage "There is no home to work in";
    NoExplanation "0110" Usage "There is no such error code";
    Alias "0111" Usage "This cannot be the alias of a key";
    NoFile "0112" Usage "There is no such file or folder";
    LockfileInvalid "0113" Usage "A lockfile cannot be understood";
    NoLockfile "0114" Usage "There is no lockfile";
    Requirement "0115" Usage "What is asked for is no range of versions";
    SwarmKey "0116" Usage "The key of a private network cannot be used";
    Peer "0120" Usage "This names no peer";

    NoSuchPackage "0201" NoResolution "Nobody is known to publish a package of this name";
    NoMatchingVersion "0202" NoResolution "No version satisfies what is asked for";
    Conflict "0203" NoResolution "The requirements cannot hold together";
    Cycle "0204" NoResolution "Packages depend on each other in a circle";
    TooHard "0205" NoResolution "The search for versions was given up";
    TooMany "0206" NoResolution "The solution has more packages than are allowed";
    Unknown "0207" NoResolution "Nothing is known of this package";
    NotInstalled "0208" Failed "This package is not installed";
    Needed "0209" Failed "Other packages need this one";
    LockedChange "0210" NoResolution "The lockfile would have to change";

    Signature "0301" Integrity "A signature is not what it must be";
    Digest "0302" Integrity "Bytes are not the signed ones";
    ArchiveRefused "0303" Integrity "An archive is refused";
    ReleaseChanged "0304" Integrity "Another release came under a known name and version";
    RootRolledBack "0305" Integrity "A publisher's keys are older than the known ones";
    Unsigned "0306" Integrity "This version has no signed release";
    DocumentInvalid "0307" Integrity "A signed document is not valid";
    GgenFile "0308" Integrity "A .ggen file is not valid";
    HeadRolledBack "0309" Integrity "Only older lists of releases than one seen before can be had";
    NameCollides "0310" Usage "The name is another one's with `-` and `_` exchanged";
    LockedDigest "0311" Integrity "A locked package is not what it was";

    NoPeers "0401" Network "Nobody in the network could be reached";
    NetworkTimeout "0402" Network "The network did not answer in time";
    PeerUnreachable "0403" Network "A peer cannot be reached";
    AllHoldersFailed "0404" Network "No holder delivered the archive";
    OfflineMissing "0405" Network "It is not here, and the network may not be used";
    Listen "0406" Network "An address cannot be listened on";
    NodeRunning "0407" Failed "A node runs in this home already";
    NodeNotRunning "0408" Failed "No node runs in this home";
    Control "0409" Network "The running node cannot be spoken to";
    NodeRefused "0410" Network "The running node refused";
    Identity "0411" Disk "The node's identity cannot be read";
    NodeGone "0412" Network "The node has stopped or is busy";
    NotFound "0413" Network "Nobody gave what was asked for";
    Transport "0414" Network "The network cannot be set up";

    DiskFull "0501" Disk "Insufficient disk space";
    ReadOnly "0502" Disk "The disk cannot be written to";
    File "0503" Disk "A file cannot be read or written";
    Layout "0504" Disk "The home is of a later version of this program";
    Database "0505" Disk "The database failed";
    DatabaseDamaged "0506" Disk "The database is damaged";
    TooLong "0507" Disk "A file is longer than its kind may be";
    KeyFile "0508" Disk "A key file is not valid";
    Index "0509" Disk "A registry's index cannot be read";
    ArchiveMissing "0510" Disk "An archive is not in the store";
    NotOwned "0511" Disk "The home is another user's";

    LockTimeout "0601" Locked "Another process is at work, and the wait is over";
    LockfileChanged "0602" Failed "The lockfile was changed meanwhile";

    Denied "0701" Denied "A policy denied it";
    Stopped "0702" Denied "The fallback policy stopped the job";
    PolicyFault "0703" Denied "A policy failed, and the job may not go on without it";
    PolicySetup "0704" Denied "The policies cannot be set up";
    PolicyFile "0705" Denied "The organization's policy file cannot be used";
    Undecided "0706" Denied "It is not decided whose package is meant";
    NameConflict "0707" Denied "Two who have a say disagree whose package is meant";
    NameTaken "0708" Denied "The name stands for somebody else here";
    Loosened "0709" Denied "What an organization locked cannot be loosened";
    Advisories "0710" Denied "Advisories that are trusted cannot be used";
    PolicySet "0711" Denied "The configured policies do not load";

    ManifestSyntax "0801" Usage "The manifest is not valid TOML";
    ManifestName "0802" Usage "The manifest's name cannot be a package's name";
    ManifestVersion "0803" Usage "The manifest's version is not a version";
    ManifestDependency "0804" Usage "A dependency in the manifest cannot be understood";
    ManifestField "0805" Usage "A field of the manifest cannot be understood";
    NoManifest "0806" Usage "There is no manifest";
    NoKey "0807" Failed "There is no key to sign with";
    AlreadyPublished "0808" Integrity "This version is published already, with other contents";
    CannotPack "0809" Failed "The folder cannot be packed";
    KeyExists "0810" Failed "There is a key of this alias already";
    WhichKey "0811" Usage "There are several keys, and none was chosen";
    PluginBuild "0812" Failed "The policy cannot be built";
    NoToolchain "0813" Failed "No compiler here makes WebAssembly";
    ManifestRequirement "0814" Usage "A dependency's range in the manifest is none";
    ManifestSelf "0815" Usage "The manifest's package depends on itself";
    ManifestTwice "0816" Usage "The manifest declares a dependency twice";
    ManifestCollides "0817" Usage "Two dependencies in the manifest are one name";
    ManifestTooLong "0818" Usage "A version or range in the manifest is too long";
    PluginName "0820" Usage "This cannot be a policy's name";
    PluginUnfit "0822" Failed "The component would not run here";
    PluginTaken "0823" Failed "Another policy of this name is installed";
    PluginMissing "0824" Failed "No policy of this name is installed";
    PluginInUse "0825" Denied "A configuration names this policy";
    NoPolicy "0826" Failed "The package has no policy to install";
    PluginCase "0827" Usage "A test case or a question cannot be understood";
    PluginRecord "0828" Disk "The record of an installed policy is damaged";
    PluginExists "0829" Failed "There is something where the new policy would lie";

    Internal "0901" Failed "A defect of this program";
    Interrupted "0902" Interrupted "Interrupted";
    Output "0903" Failed "The answer cannot be written";
    Start "0904" Failed "The program cannot be started";
}

impl Code {
    /// The code that was typed: `GGEN-E0203`, `e0203` or `0203`; else those that are near.
    pub fn find(typed: &str) -> Result<Self, Vec<Self>> {
        let wanted = typed.trim().to_ascii_uppercase();
        let digits = wanted.trim_start_matches("GGEN-").trim_start_matches('E');
        let number = |code: &Self| code.text().trim_start_matches("GGEN-E");
        if let Some(found) = Self::ALL.iter().find(|code| number(code) == digits) {
            return Ok(*found);
        }
        let near = |code: &&Self| strsim::damerau_levenshtein(number(code), digits) <= 1;
        Err(Self::ALL.iter().filter(near).take(5).copied().collect())
    }
}

/// What `ggen explain` says: a code, its meaning, what to do.
pub(super) type Text = (Code, &'static str, &'static str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_in_order_and_each_is_there_once() {
        let texts: Vec<_> = Code::ALL.iter().map(|code| code.text()).collect();
        assert!(texts.is_sorted_by(|a, b| a < b), "{texts:?}");
        for text in texts {
            let digits = text.strip_prefix("GGEN-E").unwrap();
            assert!(digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()), "{text}");
        }
    }

    #[test]
    fn a_code_is_found_however_it_is_typed() {
        for typed in ["GGEN-E0203", "ggen-e0203", "E0203", " 0203 "] {
            assert_eq!(Code::find(typed), Ok(Code::Conflict), "{typed}");
        }
        assert!(Code::find("GGEN-E0302x").unwrap_err().contains(&Code::Digest));
        assert_eq!(Code::find("nonsense and more"), Err(Vec::new()));
    }
}
