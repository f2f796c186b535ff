//! `framecast models import`: files of the user become models.

use crate::home::{Home, sha256, stderr};

#[test]
fn an_onnx_file_becomes_a_model_that_says_what_was_found() {
    let home = Home::new();
    let file = "tests/models/multiple-of-4.onnx";
    let events = home.succeed(&["models", "import", "--json", "--licence", "MIT", file]);
    let event = &events[0];
    assert_eq!((&event["event"], &event["model"]), (&"imported".into(), &"multiple-of-4".into()));
    let found = event["found"].as_str().unwrap();
    assert!(found.contains("multiple of 4"), "{found}");
    assert_eq!(event["manifest"]["licence"], "MIT");
    assert_eq!(home.files(), ["multiple-of-4.onnx", "multiple-of-4.toml"]);
    assert_eq!(sha256(home.models().join("multiple-of-4.onnx")), sha256(file));
    let verified = home.succeed(&["models", "verify", "--json", "multiple-of-4"]);
    assert_eq!(verified[0]["output"], event["manifest"]["self_test"]["output"]);

    let output = home.run(&["models", "import", file]);
    assert_eq!(output.status.code(), Some(5));
    assert!(stderr(&output).contains("installed already"), "{}", stderr(&output));
    home.succeed(&["models", "import", "--force", file]);
    home.succeed(&["models", "import", "--name", "other", file]);
    home.succeed(&["models", "remove", "multiple-of-4", "other"]);
    home.assert_no_models();
}

#[test]
fn an_output_is_written_with_its_manifest_and_nothing_else() {
    let home = Home::new();
    let folder = home.path("elsewhere");
    let output = folder.join("mine.onnx");
    let output = output.to_str().unwrap();
    home.succeed(&["models", "import", "-o", output, "tests/models/signed.onnx"]);
    let mut names: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["mine.onnx", "mine.toml"]);
    home.assert_no_models();
    let (small, large) = (home.path("small.ppm"), home.path("large.png"));
    std::fs::write(&small, [b"P6 32 24 255\n".to_vec(), vec![128; 32 * 24 * 3]].concat()).unwrap();
    let (small, large) = (small.to_str().unwrap(), large.to_str().unwrap());
    home.succeed(&["run", "-q", "--kernels", "cpu", "--model", output, "-i", small, "-o", large]);
}

#[test]
fn several_networks_are_imported_at_once_and_one_failure_spares_the_others() {
    let home = Home::new();
    let files = ["tests/models/signed.onnx", "tests/models/classifier.onnx", "tests/models/valid-x2.onnx"];
    let output = home.run(&[&["models", "import"], &files[..]].concat());
    assert_eq!(output.status.code(), Some(5));
    assert!(stderr(&output).contains("model classifier: "), "{}", stderr(&output));
    assert_eq!(home.files(), ["signed.onnx", "signed.toml", "valid-x2.onnx", "valid-x2.toml"]);
}

#[test]
fn what_is_no_network_is_refused() {
    let home = Home::new();
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(home.path(name), bytes).unwrap();
        home.path(name).into_os_string().into_string().unwrap()
    };
    let pickle = b"\x80\x02cposix\nsystem\nq\x00X\x04\x00\x00\x00trueq\x01\x85q\x02Rq\x03.";
    for (file, complaint) in [
        (write("text.onnx", b"this is no network"), "text"),
        (write("empty.onnx", b""), "empty"),
        (write("lonely.param", b"7767517\n1 1\nInput data 0 1 data\n"), ".bin file is missing"),
        (write("odd.json", b"{}"), "odd.json"),
        (write("unknown.pth", pickle), "unknown.pth"),
        (home.path("missing.onnx").into_os_string().into_string().unwrap(), "cannot be read"),
    ] {
        let message = home.refuse(&["models", "import", &file], 5);
        assert!(message.contains(complaint), "{file}: {message}");
    }
    let file = "tests/models/signed.onnx";
    for arguments in
        [&["--name", "../up", file][..], &["--name", "live-x2", file], &["--name", "a", file, file]]
    {
        home.refuse(&[&["models", "import"], arguments].concat(), 5);
    }
}

#[test]
fn an_output_is_a_file_of_its_own() {
    let home = Home::new();
    let file = "tests/models/signed.onnx";
    std::fs::create_dir(home.path("folder")).unwrap();
    for output in ["folder/", "net.txt"] {
        let output = home.path(output).into_os_string().into_string().unwrap();
        let message = home.refuse(&["models", "import", file, "-o", &output], 5);
        assert!(message.contains("does not end in .onnx"), "{message}");
    }
    // Below a file; there is nothing to be removed afterwards, and no warning about it.
    let file_as_folder = home.path("file");
    std::fs::write(&file_as_folder, b"").unwrap();
    let output =
        home.run(&["models", "import", file, "-o", file_as_folder.join("net.onnx").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    // A network of the user's that has no manifest is replaced only where that was asked for.
    let mine = home.path("mine.onnx");
    std::fs::write(&mine, b"mine").unwrap();
    let output = mine.to_str().unwrap();
    let message = home.refuse(&["models", "import", file, "-o", output], 5);
    assert!(message.contains("another network has this name"), "{message}");
    assert_eq!(std::fs::read(&mine).unwrap(), b"mine");
    home.succeed(&["models", "import", file, "-o", output, "--force"]);
    assert_eq!(sha256(&mine), sha256(file));
    // The network itself gets its manifest.
    let own = home.path("own.onnx");
    std::fs::copy(file, &own).unwrap();
    let own = own.to_str().unwrap();
    home.succeed(&["models", "import", own, "-o", own]);
    assert!(home.path("own.toml").exists());
}

#[test]
fn a_relative_data_folder_is_ignored() {
    let home = Home::new();
    let pull = |data: &str| {
        let mut command = home.program(&["models", "import", "--name", "mine"]);
        command.arg(std::path::absolute("tests/models/signed.onnx").unwrap());
        command.env("XDG_DATA_HOME", data).env("HOME", home.path("home")).current_dir(home.path(""));
        command.output().unwrap()
    };
    let output = pull("");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(home.path("home/.local/share/framecast/models/mine.toml").exists());
    let output = pull("relative");
    assert!(stderr(&output).contains("installed already"), "{}", stderr(&output));
    assert!(!home.path("framecast").exists() && !home.path("relative").exists());
}
