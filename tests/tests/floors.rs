//! The floors of the workspace: which crate may know which.

use std::collections::BTreeMap;
use std::process::Command;

/// Direct dependencies of each member, from `cargo metadata`.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| {
            let name = package["name"].as_str().expect("name").to_owned();
            let normal = package["dependencies"].as_array().expect("dependencies").iter();
            let names = normal
                .filter(|dependency| dependency["kind"].is_null())
                .map(|dependency| dependency["name"].as_str().expect("name").to_owned());
            (name, names.collect())
        })
        .collect()
}

#[test]
fn crates_know_only_the_floors_below_them() {
    let members = ["planner", "executor", "mpc", "connectors", "shell", "conjoin-tests"];
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("planner", &[][..]),
        ("mpc", &[]),
        ("connectors", &[]),
        ("executor", &["planner", "mpc"]),
        ("shell", &["executor", "connectors", "planner"]),
        ("conjoin-tests", &["planner", "executor", "mpc", "connectors", "shell"]),
    ]);
    let found = dependencies();
    assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>().len(), members.len(), "{found:?}");
    for (name, dependencies) in found {
        for dependency in dependencies.iter().filter(|dependency| members.contains(&dependency.as_str())) {
            assert!(
                allowed[name.as_str()].contains(&dependency.as_str()),
                "{name} may not depend on {dependency}"
            );
        }
    }
}

#[test]
fn the_pure_floors_have_no_sockets_and_no_reactor() {
    let found = dependencies();
    for name in ["planner", "mpc"] {
        for banned in ["tokio", "rustls", "tokio-rustls", "tonic", "rustyline", "clap"] {
            assert!(!found[name].iter().any(|dependency| dependency == banned), "{name} depends on {banned}");
        }
    }
    for banned in ["arrow", "datafusion"] {
        assert!(!found["mpc"].iter().any(|dependency| dependency == banned), "mpc depends on {banned}");
    }
}
