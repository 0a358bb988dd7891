//! The contract in Rust, generated from `wit/`. It decides nothing; invariant: what stands here is what `wit/` says.

wit_bindgen::generate!({
    path: "../wit",
    world: "every-hook",
    additional_derives: [PartialEq],
    pub_export_macro: true,
    default_bindings_module: "ggen_plugin_sdk::bindings",
});
