//! The newcomer's path in README.md: every command is run as it stands there.

use super::*;

/// The blocks of shell commands after the marker, in order.
fn blocks(text: &str) -> Vec<&str> {
    let (_, tested) = text.split_once("<!-- Every command of these blocks is run by a test").unwrap();
    tested.split("```sh\n").skip(1).filter_map(|block| block.split("```").next()).collect()
}

#[test]
fn every_command_of_the_newcomers_path_runs() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let text = std::fs::read_to_string(readme).unwrap();
    let tested = text.split("\n## From Python").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_conjoin")).parent().unwrap();
    let path = std::env::join_paths(
        [program.to_path_buf()].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let blocks = blocks(tested);
    assert!(blocks.len() >= 4, "{} blocks", blocks.len());
    // One script: later commands use the files of earlier ones.
    let script = format!("set -euo pipefail\n{}", blocks.concat());
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder.path())
        .env("PATH", path.unwrap())
        .stdin(Stdio::null())
        .output();
    let run = Run::of(output.unwrap()).expect(0);
    assert!(run.out.contains("intercept"), "{}", run.out);
    for file in ["coefficients.svg", "run.json", "keys/party.toml", "mine/parties/hospital/policy.toml"] {
        assert!(folder.path().join(file).is_file(), "{file} is missing");
    }
    let report: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.path().join("run.json")).unwrap()).unwrap();
    assert_eq!((&report["exit_code"], report["statements"].as_array().unwrap().len()), (&0.into(), 3));
}
