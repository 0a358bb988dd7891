//! The bridge between an author's traits and the contract's exports.
//!
//! Its parts for WebAssembly are compiled for that target alone: natively linked policies would collide in their export
//! names. It keeps the one configured policy of an instance and never answers a hook before `configure` succeeded.

/// Declares the policy of this crate: its type and the hooks that it serves. Name and version come from Cargo.toml.
///
/// ```ignore
/// export!(OrgAllowlist: Verification);
/// export!(Mine: PeerScoring, VersionResolution);
/// export!(Scanner: ContentsVerification);      // is a verifier too: do not list Verification beside it
/// ```
#[macro_export]
macro_rules! export {
    ($policy:ident: $($hook:ident),+ $(,)?) => {
        impl $crate::Described for $policy {
            const NAME: &'static str = env!("CARGO_PKG_NAME");
            const VERSION: &'static str = env!("CARGO_PKG_VERSION");
        }

        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "the contract's exports are foreign functions")]
        const _: () = {
            static POLICY: ::std::sync::OnceLock<$policy> = ::std::sync::OnceLock::new();

            impl $crate::guest::Instance for $policy {
                fn slot() -> &'static ::std::sync::OnceLock<Self> {
                    &POLICY
                }
            }

            type Exported = $crate::guest::Guest<$policy>;
            $crate::__export_hook!(Plugin Exported);
            $($crate::__export_hook!($hook Exported);)+
        };
    };
}

/// One hook's foreign functions and the section that tells of them.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_hook {
    (Plugin $exported:ident) => {
        $crate::bindings::exports::ggen::policy::plugin::__export_ggen_policy_plugin_0_1_0_cabi!(
            $exported with_types_in $crate::bindings::exports::ggen::policy::plugin
        );
        $crate::__section!("plugin", PLUGIN);
    };
    (PeerScoring $exported:ident) => {
        $crate::bindings::exports::ggen::policy::peer_scoring::__export_ggen_policy_peer_scoring_0_1_0_cabi!(
            $exported with_types_in $crate::bindings::exports::ggen::policy::peer_scoring
        );
        $crate::__section!("peer-scoring", PEER_SCORING);
    };
    (Verification $exported:ident) => {
        $crate::bindings::exports::ggen::policy::verification::__export_ggen_policy_verification_0_1_0_cabi!(
            $exported with_types_in $crate::bindings::exports::ggen::policy::verification
        );
        $crate::__section!("verification", VERIFICATION);
    };
    (ContentsVerification $exported:ident) => {
        $crate::bindings::exports::ggen::policy::verification::__export_ggen_policy_verification_0_1_0_cabi!(
            $exported with_types_in $crate::bindings::exports::ggen::policy::verification
        );
        $crate::bindings::exports::ggen::policy::contents_verification::__export_ggen_policy_contents_verification_0_1_0_cabi!(
            $exported with_types_in $crate::bindings::exports::ggen::policy::contents_verification
        );
        $crate::__section!("contents-verification", CONTENTS_VERIFICATION);
    };
    (VersionResolution $exported:ident) => {
        $crate::bindings::exports::ggen::policy::version_resolution::__export_ggen_policy_version_resolution_0_1_0_cabi!(
            $exported with_types_in $crate::bindings::exports::ggen::policy::version_resolution
        );
        $crate::__section!("version-resolution", VERSION_RESOLUTION);
    };
    (FallbackPolicy $exported:ident) => {
        $crate::bindings::exports::ggen::policy::fallback_policy::__export_ggen_policy_fallback_policy_0_1_0_cabi!(
            $exported with_types_in $crate::bindings::exports::ggen::policy::fallback_policy
        );
        $crate::__section!("fallback-policy", FALLBACK_POLICY);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __section {
    ($name:literal, $bytes:ident) => {
        const _: () = {
            #[used]
            #[unsafe(link_section = concat!("component-type:ggen-plugin-sdk:", $name))]
            static SECTION: [u8; $crate::sections::$bytes.len()] = $crate::sections::$bytes;
        };
    };
}

/// The sections that build.rs encoded.
#[doc(hidden)]
pub mod sections {
    macro_rules! section {
        ($name:ident, $file:literal) => {
            #[doc = $file]
            pub const $name: [u8; include_bytes!(concat!(env!("OUT_DIR"), "/", $file, ".bin")).len()] =
                *include_bytes!(concat!(env!("OUT_DIR"), "/", $file, ".bin"));
        };
    }
    section!(PLUGIN, "plugin");
    section!(PEER_SCORING, "peer-scoring");
    section!(VERIFICATION, "verification");
    section!(CONTENTS_VERIFICATION, "contents-verification");
    section!(VERSION_RESOLUTION, "version-resolution");
    section!(FALLBACK_POLICY, "fallback-policy");
}

/// The generated traits, implemented over the author's.
#[doc(hidden)]
pub mod guest {
    use std::marker::PhantomData;
    use std::sync::OnceLock;

    use crate::bindings::exports::ggen::policy::{
        contents_verification, fallback_policy, peer_scoring, plugin, verification, version_resolution,
    };
    use crate::bindings::ggen::policy::contents;
    use crate::hooks::{
        Archive, ContentsVerification, Described, FallbackPolicy, PeerScoring, Verification, VersionResolution,
    };
    use crate::settings::Settings;
    use crate::types::{
        Action, Candidate, File, Item, Job, Offence, Origin, PeerFacts, Ranking, Reason, Request, Sanction, Situation,
        Stage, Verdict,
    };

    /// Where an instance keeps its configured policy.
    pub trait Instance: Settings + Described + Sync + Send + 'static {
        /// Empty until `configure` succeeded.
        fn slot() -> &'static OnceLock<Self>;
    }

    /// Stands for a policy towards the host.
    pub struct Guest<P>(PhantomData<P>);

    /// The configured policy. A hook asked before `configure` succeeded has no settings to answer by: the instance ends,
    /// which the host counts as a fault, instead of answering by settings that nobody chose.
    fn policy<P: Instance>() -> &'static P {
        P::slot().get().unwrap_or_else(|| {
            crate::log::emit(crate::log::Level::Error, "a hook was asked before `configure` succeeded");
            std::process::abort()
        })
    }

    impl<P: Instance> plugin::Guest for Guest<P> {
        fn describe() -> plugin::Description {
            crate::log::report_panics();
            plugin::Description {
                name: P::NAME.to_owned(),
                version: P::VERSION.to_owned(),
                summary: P::summary(),
                settings_schema: P::schema().text(),
            }
        }

        fn configure(settings: String) -> Result<(), Vec<plugin::Problem>> {
            crate::log::report_panics();
            let policy = P::from_json(&settings)?;
            P::slot()
                .set(policy)
                .map_err(|_| vec![plugin::Problem { path: String::new(), message: "configured twice".to_owned() }])
        }
    }

    impl<P: Instance + PeerScoring> peer_scoring::Guest for Guest<P> {
        fn score(job: Job, seed: u64, bytes: Option<u64>, peers: Vec<PeerFacts>) -> Vec<f64> {
            policy::<P>().score(&job, seed, bytes, &peers)
        }

        fn judge(job: Job, peer: PeerFacts, offence: Offence) -> Sanction {
            policy::<P>().judge(&job, &peer, &offence)
        }
    }

    impl<P: Instance + Verification> verification::Guest for Guest<P> {
        fn review_plan(job: Job, plan: Vec<Item>) -> Vec<Verdict> {
            policy::<P>().review_plan(&job, &plan)
        }
    }

    impl<P: Instance + ContentsVerification> contents_verification::Guest for Guest<P> {
        fn review_contents(job: Job, item: Item, archive: &contents::Archive) -> Verdict {
            policy::<P>().review_contents(&job, &item, archive)
        }
    }

    impl<P: Instance + VersionResolution> version_resolution::Guest for Guest<P> {
        fn rank(job: Job, request: Request, candidates: Vec<Candidate>) -> Ranking {
            policy::<P>().rank(&job, &request, &candidates)
        }
    }

    impl<P: Instance + FallbackPolicy> fallback_policy::Guest for Guest<P> {
        fn route(job: Job, offered: Vec<Origin>) -> Result<Vec<Stage>, Reason> {
            policy::<P>().route(&job, &offered)
        }

        fn decide(job: Job, situation: Situation) -> Action {
            policy::<P>().decide(&job, &situation)
        }
    }

    impl Archive for contents::Archive {
        fn files(&self, first: u32, count: u32) -> Vec<File> {
            contents::Archive::files(self, first, count)
        }

        fn read(&self, file: u32, offset: u64, length: u32) -> Vec<u8> {
            contents::Archive::read(self, file, offset, length)
        }
    }
}
