//! Other places that packages come from: folders that are registries.

use ggen_tests::Package;

use crate::{each, home};

#[test]
fn a_registry_directory_is_searched_and_installed_from() {
    let (shared, user) = (home(), home());
    shared.publish(&Package::new("mounted", "1.0.0").description("on a mount"));
    user.config(&format!("[registry]\ndirectories = [{:?}]\n", shared.path().join("registry").display().to_string()));
    let found = user.json(&["marketplace", "search", "mounted", "--offline"]);
    assert_eq!(each(&found["results"], "name"), ["mounted"]);
    let answer = user.json(&["marketplace", "install", "mounted", "--offline"]);
    let origins = each(&answer["installed"], "origin");
    assert!(["organization", "registry"].contains(&origins[0].as_str()), "{answer}");
    // From then on it is here.
    std::fs::remove_dir_all(shared.path()).unwrap();
    user.json(&["marketplace", "remove", "mounted"]);
    user.json(&["marketplace", "install", "mounted", "--offline"]);
    user.is_clean();
}

#[test]
fn an_archive_of_a_registry_directory_is_proved_like_any_other() {
    let (shared, user) = (home(), home());
    let published = shared.publish(&Package::new("mounted", "1.0.0"));
    let archive = ggen_tests::archive_in(shared.path(), published["digest"].as_str().unwrap());
    let mut bytes = std::fs::read(&archive).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::remove_file(&archive).unwrap();
    std::fs::write(&archive, bytes).unwrap();
    user.config(&format!("[registry]\ndirectories = [{:?}]\n", shared.path().join("registry").display().to_string()));
    let ran = user.run(&["marketplace", "install", "mounted", "--offline", "--json"]);
    assert!([4, 5].contains(&ran.code()), "{ran}");
    ran.error();
    assert!(user.installed().is_empty());
    user.is_clean();
}

#[test]
fn a_directory_that_is_not_there_is_told_and_stops_nothing() {
    let home = home();
    home.publish(&Package::new("here", "1.0.0"));
    home.config("[registry]\ndirectories = [\"/nowhere/at/all\"]\n");
    home.json(&["marketplace", "install", "here", "--offline"]);
}
