//! Models from plain addresses, on a server that serves well or badly.

use crate::home::{Home, NETWORK, json_lines, sha256, sha256_of, stderr};
use crate::server::{Manner, Server};
use std::io::Write;
use std::process::Command;

fn network() -> Vec<u8> {
    std::fs::read(NETWORK).unwrap()
}

fn source(url: &str, sha256: &str) -> String {
    format!("kind = \"url\"\nurl = \"{url}\"\nsha256 = \"{sha256}\"")
}

#[test]
fn a_pulled_model_is_installed_listed_verified_run_and_removed() {
    let home = Home::new();
    let server = Server::start(network(), Manner::Well);
    let manifest = home.manifest(&source(&server.url, &sha256(NETWORK)));
    let events = home.succeed(&["models", "pull", "--json", &manifest]);
    let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["licence", "phase", "phase", "phase", "installed"]);
    assert_eq!(events[0]["licence"], "MIT OR Apache-2.0");
    assert_eq!(events[4]["sha256"], sha256(NETWORK));
    assert_eq!(home.files(), ["doubler.onnx", "doubler.toml"]);

    let models = home.succeed(&["models", "list", "--json"]);
    let listed = models.iter().find(|model| model["name"] == "doubler").unwrap();
    assert_eq!((&listed["state"], &listed["scale"]), (&"installed".into(), &2.into()));
    let info = home.succeed(&["models", "info", "doubler", "--json"]);
    assert_eq!(info[0]["source"]["url"], server.url.as_str());
    assert_eq!(info[0]["self_test"]["output"].as_array().unwrap().len(), 8);
    let verified = home.succeed(&["models", "verify", "--json"]);
    assert!(verified.iter().any(|event| event["event"] == "verified" && event["model"] == "doubler"));

    // Pixels: the model repeats each one, so every second row and column of the result is the source.
    let (small, large) = (home.path("small.ppm"), home.path("large.png"));
    let pixels: Vec<u8> = (0..8 * 6 * 3).map(|index| (index * 37 % 256) as u8).collect();
    let mut picture = b"P6 8 6 255\n".to_vec();
    picture.extend(&pixels);
    std::fs::write(&small, picture).unwrap();
    let (small, large) = (small.to_str().unwrap(), large.to_str().unwrap());
    home.succeed(&["run", "--kernels", "cpu", "-q", "--model", "doubler", "-i", small, "-o", large]);
    let result = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-i", large, "-vf", "scale=8:6:flags=neighbor", "-f", "rawvideo"])
        .args(["-pix_fmt", "rgb24", "-"])
        .output()
        .unwrap();
    let error = result.stdout.iter().zip(&pixels).map(|(a, b)| a.abs_diff(*b)).max();
    assert_eq!(
        (result.stdout.len(), error.is_some_and(|error| error <= 1)),
        (pixels.len(), true),
        "{error:?}"
    );

    // A second pull changes nothing, unless it is forced.
    for name in ["doubler", &manifest] {
        let again = home.succeed(&["models", "pull", "--json", name]);
        assert_eq!((&again[0]["event"], &again[0]["model"]), (&"unchanged".into(), &"doubler".into()));
        assert_eq!(server.requests(), 1);
    }
    home.succeed(&["models", "pull", "--json", "--force", &manifest]);
    assert_eq!(server.requests(), 2);

    let removed = home.succeed(&["models", "remove", "--json", "doubler"]);
    assert_eq!((&removed[0]["event"], &removed[0]["model"]), (&"removed".into(), &"doubler".into()));
    home.assert_no_models();
}

#[test]
fn a_broken_connection_is_taken_up_again() {
    for manner in [Manner::BreaksOnce, Manner::BreaksOnceWithoutRanges] {
        let home = Home::new();
        let server = Server::start(network(), manner);
        let manifest = home.manifest(&source(&server.url, &sha256(NETWORK)));
        home.succeed(&["models", "pull", &manifest]);
        assert_eq!(server.requests(), 2, "{manner:?}");
        assert_eq!(sha256(home.models().join("doubler.onnx")), sha256(NETWORK));
    }
}

#[test]
fn a_bad_download_leaves_nothing_behind() {
    let mut damaged = network();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let truncated = damaged[..middle].to_vec();
    for (contents, manner, complaint) in [
        (damaged, Manner::Well, "SHA-256"),
        (truncated, Manner::Well, "SHA-256"),
        (Vec::new(), Manner::Well, "SHA-256"),
        (network(), Manner::BreaksAlways, "the connection broke after"),
        (network(), Manner::Missing, "404"),
    ] {
        let home = Home::new();
        let server = Server::start(contents, manner);
        let manifest = home.manifest(&source(&server.url, &sha256(NETWORK)));
        let message = home.refuse(&["models", "pull", "--json", &manifest], 7);
        assert!(message.contains(complaint), "{manner:?}: {message}");
        assert!(message.contains("doubler"), "{message}");
    }
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let home = Home::new();
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/network.onnx", server.local_addr().unwrap());
    drop(server);
    let manifest = home.manifest(&source(&url, &sha256(NETWORK)));
    let message = home.refuse(&["models", "pull", &manifest], 7);
    assert!(message.contains("cannot be fetched"), "{message}");
}

#[test]
fn a_folder_that_takes_no_more_is_told_as_such() {
    let home = Home::new();
    let server = Server::start(network(), Manner::Well);
    let manifest = home.manifest(&source(&server.url, &sha256(NETWORK)));
    let pull = home.program(&["models", "pull", &manifest]);
    // Below the limit on file sizes nothing can be written, as on a full disk.
    let mut limited = Command::new("bash");
    limited.args(["-c", "ulimit -f 0; exec \"$0\" \"$@\""]).arg(pull.get_program()).args(pull.get_args());
    limited.envs(pull.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = limited.output().unwrap();
    let errors = stderr(&output);
    assert_eq!(output.status.code(), Some(4), "{errors}");
    let folder = home.models().display().to_string();
    assert!(errors.contains(&folder) && errors.contains("make room"), "{errors}");
    assert!(!errors.contains("check the network"), "{errors}");
    home.assert_no_models();
}

#[test]
fn what_is_no_network_or_computes_something_else_is_not_installed() {
    let home = Home::new();
    let other = b"this is no network".to_vec();
    let server = Server::start(other.clone(), Manner::Well);
    let manifest = home.manifest(&source(&server.url, &sha256_of(&other)));
    let message = home.refuse(&["models", "pull", &manifest], 5);
    assert!(message.contains("self-test"), "{message}");

    let server = Server::start(network(), Manner::Well);
    let test = "[self_test]\noutput = [0.5, 0.6, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]";
    let manifest = home.manifest(&format!("{}\n{test}", source(&server.url, &sha256(NETWORK))));
    let message = home.refuse(&["models", "pull", &manifest], 5);
    assert!(message.contains("self-test"), "{message}");
}

#[test]
fn files_come_out_of_zip_and_tar_packages() {
    let licence = b"Do what you like.".to_vec();
    let members = [("package/net.onnx", network()), ("package/LICENSE", licence.clone())];
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mut tar =
        tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default()));
    for (name, bytes) in &members {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    let packages = [zip.finish().unwrap().into_inner(), tar.into_inner().unwrap().finish().unwrap()];
    for package in packages {
        let home = Home::new();
        let server = Server::start(package.clone(), Manner::Well);
        let files = |hash: &str, name: &str| {
            format!(
                "{}\nlicence_file = \"package/LICENSE\"\n[[source.files]]\npath = \"{name}\"\nsha256 = \"{hash}\"",
                source(&server.url, &sha256_of(&package))
            )
        };
        let manifest = home.manifest(&files(&sha256(NETWORK), "package/net.onnx"));
        home.succeed(&["models", "pull", &manifest]);
        assert_eq!(home.files(), ["doubler.licence.txt", "doubler.onnx", "doubler.toml"]);
        assert_eq!(std::fs::read(home.models().join("doubler.licence.txt")).unwrap(), licence);
        home.succeed(&["models", "remove", "doubler"]);

        let manifest = home.manifest(&files(&sha256_of(b""), "package/net.onnx"));
        let message = home.refuse(&["models", "pull", &manifest], 5);
        assert!(message.contains("package/net.onnx has SHA-256"), "{message}");
        let manifest = home.manifest(&files(&sha256(NETWORK), "package/other.onnx"));
        let message = home.refuse(&["models", "pull", &manifest], 5);
        assert!(message.contains("package/other.onnx"), "{message}");
    }
}

#[test]
fn a_cache_spares_the_network_and_is_not_trusted() {
    let home = Home::new();
    let cache = home.path("cache");
    let cached = cache.join(sha256(NETWORK));
    let cache = cache.to_str().unwrap();
    let server = Server::start(network(), Manner::Well);
    let manifest = home.manifest(&source(&server.url, &sha256(NETWORK)));
    let pull = || home.succeed(&["models", "pull", "--force", "--cache", cache, &manifest]);
    pull();
    pull();
    assert_eq!(server.requests(), 1);
    std::fs::write(&cached, "damaged").unwrap();
    pull();
    assert_eq!((server.requests(), sha256(&cached)), (2, sha256(NETWORK)));
    assert_eq!(std::fs::read_dir(cache).unwrap().count(), 1, "nothing temporary is left");
}

#[test]
fn a_built_in_models_name_is_not_taken() {
    let home = Home::new();
    let server = Server::start(network(), Manner::Well);
    let manifest = home.manifest(&source(&server.url, &sha256(NETWORK)));
    let text = std::fs::read_to_string(&manifest).unwrap().replace("\"doubler\"", "\"nano-x2\"");
    std::fs::write(&manifest, text).unwrap();
    let message = home.refuse(&["models", "pull", &manifest], 5);
    assert!(message.contains("a built-in model has this name"), "{message}");
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_changed_network_fails_its_verification() {
    let home = Home::new();
    let server = Server::start(network(), Manner::Well);
    let manifest = home.manifest(&source(&server.url, &sha256(NETWORK)));
    home.succeed(&["models", "pull", &manifest]);
    let installed = home.models().join("doubler.onnx");
    let mut bytes = std::fs::read(&installed).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&installed, bytes).unwrap();
    let output = home.run(&["models", "verify", "--json"]);
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    let events = json_lines(&output);
    assert!(events.iter().any(|event| event["event"] == "verified" && event["model"] == "live-x2"));
    let error = events.iter().find(|event| event["event"] == "error").unwrap();
    assert!(error["message"].as_str().unwrap().contains("SHA-256"), "{error}");
    assert_eq!(error["exit_code"], 5);
}

#[test]
fn a_manifest_cannot_write_outside_of_the_folder() {
    let home = Home::new();
    let server = Server::start(network(), Manner::Well);
    let manifest = home.manifest(&source(&server.url, &sha256(NETWORK)));
    let text = std::fs::read_to_string(&manifest).unwrap().replace("\"doubler\"", "\"../doubler\"");
    std::fs::write(&manifest, text).unwrap();
    let message = home.refuse(&["models", "pull", &manifest], 5);
    assert!(message.contains("name"), "{message}");
    assert_eq!(server.requests(), 0);
}
