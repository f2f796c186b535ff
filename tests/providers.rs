//! Where networks run: what is asked for is what runs, or an error; nothing falls back in silence.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and says why it is skipped"
)]

mod support;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{assert_nothing_in, clip, decoded_hash, outcome, program, psnr, refuse, scratch, succeed};

/// Two seconds with motion and detail.
fn source() -> PathBuf {
    clip("providers.mkv", "-f lavfi -i testsrc2=s=160x90:r=10 -t 1 -c:v ffv1 -pix_fmt yuv420p")
}

/// The folder that `make setup-NAME` fills, or `None` after saying why the test is skipped.
fn installed(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/providers");
    if root.join(name).join("lib").is_dir() {
        return Some(root);
    }
    println!("skipped: {name} is not installed (make setup-{name})");
    None
}

/// As [`installed`]; the plugin offers no device on other processors than Intel's.
fn openvino() -> Option<PathBuf> {
    let root = installed("openvino")?;
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    if processors.contains("GenuineIntel") {
        return Some(root);
    }
    println!("skipped: openvino's plugin wants a processor of Intel's");
    None
}

/// The program with the providers of `root` and a cache folder of its own.
fn with_providers(root: &Path, cache: &Path, output: &Path, options: &str) -> Command {
    let mut command = program();
    command.env("FRAMECAST_PROVIDERS", root).env("XDG_CACHE_HOME", cache);
    command.arg("-i").arg(source()).arg("-o").arg(output).args(["--json", "--model", "live-x2"]);
    command.args(options.split_whitespace());
    command
}

fn network(summary: &Value, index: usize) -> &Value {
    &summary["providers"][index]
}

#[test]
fn every_node_on_the_processor_is_told() {
    let folder = scratch();
    let result = succeed(
        &source(),
        &folder.path().join("out.mkv"),
        "--json --model live-x2 --device cpu --require-device",
    );
    let summary = result.summary();
    let network = network(&summary, 0);
    assert_eq!((&network["model"], &network["provider"]), (&"live-x2".into(), &"cpu".into()));
    assert!(network["nodes"].as_u64().unwrap() > 5, "{network}");
    assert_eq!(network["nodes"], network["nodes_total"]);
    assert_eq!(network["elsewhere"], Value::Array(Vec::new()));
}

#[test]
fn the_networks_of_all_stages_are_told() {
    let folder = scratch();
    let result = succeed(
        &source(),
        &folder.path().join("out.mkv"),
        "--json --model live-x2 --model nano-x2 --fps 20 --mode predict --motion-model predict-live",
    );
    let summary = result.summary();
    let names: Vec<&str> = (0..3).map(|index| network(&summary, index)["model"].as_str().unwrap()).collect();
    assert_eq!(names, ["live-x2", "nano-x2", "predict-live"]);
}

#[test]
fn a_device_that_is_not_there_is_an_error_with_a_remedy() {
    let folder = scratch();
    let output = folder.path().join("out.mkv");
    for (device, remedy) in
        [("openvino", "make setup-openvino"), ("webgpu", "make setup-webgpu"), ("migraphx", "--ort-lib")]
    {
        let message = refuse(&source(), &output, &format!("--model live-x2 --device {device}"), 5);
        assert!(message.contains(&format!("--device {device}: ")) && message.contains(remedy), "{message}");
    }
    if !Path::new("/dev/nvidiactl").exists() {
        let message = refuse(&source(), &output, "--model live-x2 --device cuda:0,1", 5);
        assert!(message.contains("--device cuda:0: ") && message.contains("driver"), "{message}");
    }
    let message = refuse(&source(), &output, "--model live-x2 --device coreml", 5);
    assert!(cfg!(target_os = "macos") || message.contains("on macos only"), "{message}");
}

#[test]
fn wrong_devices_and_precisions_are_usage_errors() {
    let folder = scratch();
    for (options, found) in
        [("--device gpu", "\"gpu\""), ("--device cuda:x", "\"x\""), ("--precision fp8", "fp8")]
    {
        let mut command = program();
        command.arg("-i").arg(source()).arg("-o").arg(folder.path().join("out.mkv"));
        let result = outcome(command.args(options.split_whitespace()));
        assert_eq!(result.code, Some(2), "{}", result.stderr);
        assert!(result.stderr.contains(found), "{}", result.stderr);
    }
    let message =
        refuse(&source(), &folder.path().join("out.mkv"), "--model live-x2 --device cpu --precision bf16", 5);
    assert!(message.contains("expected --precision fp32 for cpu, found bf16"), "{message}");
}

#[test]
fn openvino_runs_every_node_and_makes_the_same_picture() {
    let Some(root) = openvino() else { return };
    let folder = scratch();
    let reference = folder.path().join("cpu.mkv");
    succeed(&source(), &reference, "--model live-x2 --device cpu --codec ffv1");
    for (precision, least) in [("fp32", 60.0), ("auto", 45.0)] {
        let output = folder.path().join(format!("{precision}.mkv"));
        let options = format!("--codec ffv1 --device openvino --require-device --precision {precision}");
        let result = outcome(&mut with_providers(&root, folder.path(), &output, &options));
        assert_eq!(result.code, Some(0), "{}", result.stderr);
        let summary = result.summary();
        let network = network(&summary, 0);
        assert_eq!(network["provider"], "openvino");
        assert!(
            network["nodes"].as_u64().unwrap() > 5 && network["nodes"] == network["nodes_total"],
            "{network}"
        );
        assert_ne!(network["precision"], "auto");
        let found = psnr(&output, "null", &reference, 'y');
        assert!(found > least, "{precision}: {found} dB");
    }
}

#[test]
fn frames_that_did_not_change_are_reused_and_others_are_inferred_whole() {
    let Some(root) = openvino() else { return };
    let folder = scratch();
    // Every frame twice; between those a part changes.
    let twos = clip(
        "providers-twos.mkv",
        "-f lavfi -i testsrc=s=160x90:r=5 -t 2 -vf fps=10 -c:v ffv1 -pix_fmt yuv420p",
    );
    let run = |reuse: &str| {
        let output = folder.path().join(format!("{reuse}.mkv"));
        let mut command = program();
        command.env("FRAMECAST_PROVIDERS", &root).env("XDG_CACHE_HOME", folder.path());
        command.arg("-i").arg(&twos).arg("-o").arg(&output).args(["--json", "--reuse", reuse]);
        let options = "--model live-x2 --codec ffv1 --device openvino --precision fp32 --threads 1";
        let result = outcome(command.args(options.split_whitespace()));
        assert_eq!(result.code, Some(0), "{}", result.stderr);
        (decoded_hash(&output, "0:v", ""), result.summary()["reused"].clone())
    };
    let (reused, share) = run("auto");
    assert!((share.as_f64().unwrap() - 0.5).abs() < 0.01, "{share}");
    assert_eq!(reused, run("off").0);
}

#[test]
fn onnx_runtime_reports_nothing_and_keeps_no_identifier() {
    let home = scratch();
    let mut command = program();
    command.env_remove("ORT_DISABLE_TELEMETRY").env_remove("XDG_CACHE_HOME").env("HOME", home.path());
    command.arg("-i").arg(source()).args(["--model", "nano-x2", "--device", "cpu", "-f", "null", "-o", "-"]);
    let result = outcome(&mut command);
    assert_eq!(result.code, Some(0), "{}", result.stderr);
    assert!(!home.path().join(".cache/Microsoft").exists());
}

#[test]
fn the_choice_by_trial_is_told_and_remembered() {
    let Some(root) = installed("openvino") else { return };
    let (folder, cache) = (scratch(), scratch());
    let output = folder.path().join("out.mkv");
    let run = || {
        let mut command = with_providers(&root, cache.path(), &output, "-y");
        let result = outcome(&mut command);
        assert_eq!(result.code, Some(0), "{}", result.stderr);
        let summary = result.summary();
        let notes: Vec<String> = serde_json::from_value(summary["notes"].clone()).unwrap();
        let note = notes.into_iter().find(|note| note.starts_with("live-x2 runs on")).unwrap();
        (network(&summary, 0)["provider"].as_str().unwrap().to_owned(), note)
    };
    let (provider, note) = run();
    // Without a device the first precision, which depends on the processor, is the only one that is tried.
    let is_told = note.contains("openvino fp32") || note.contains("openvino bf16: openvino offers no device");
    assert!(is_told && note.contains("cpu fp32") && !note.contains("found earlier"), "{note}");
    let (again, note) = run();
    assert!(again == provider && note.ends_with("(found earlier)"), "{note}");

    let memory = cache.path().join("framecast/devices.json");
    assert!(std::fs::read_to_string(&memory).unwrap().contains("live-x2"));
    std::fs::write(&memory, "{ damaged").unwrap();
    let (_, note) = run();
    assert!(!note.contains("found earlier"), "{note}");
}

#[test]
fn a_motion_network_is_not_run_in_a_precision_that_spoils_it() {
    let Some(root) = openvino() else { return };
    let folder = scratch();
    let options = "--upscale 1 --fps 20 --mode predict --motion-model predict-live --device openvino";
    let large =
        clip("providers-large.mkv", "-f lavfi -i testsrc2=s=640x360:r=10 -t 0.4 -c:v ffv1 -pix_fmt yuv420p");
    let mut command = program();
    command.env("FRAMECAST_PROVIDERS", &root).env("XDG_CACHE_HOME", folder.path());
    command.arg("-i").arg(large).arg("-o").arg(folder.path().join("out.mkv")).arg("--json");
    let result = outcome(command.args(options.split_whitespace()));
    assert_eq!(result.code, Some(0), "{}", result.stderr);
    assert_eq!(network(&result.summary(), 0)["precision"], "fp32");
}

#[test]
fn webgpu_without_a_gpu_is_an_error_and_not_the_processor() {
    let Some(root) = installed("webgpu") else { return };
    if Path::new("/dev/dri").exists() || Path::new("/dev/nvidiactl").exists() {
        println!("skipped: there may be a GPU");
        return;
    }
    let (folder, cache) = (scratch(), scratch());
    let output = folder.path().join("out.mkv");
    let result = outcome(&mut with_providers(&root, cache.path(), &output, "--device webgpu"));
    assert_eq!(result.code, Some(5), "{}", result.stderr);
    assert!(result.stderr.contains("--device webgpu: webgpu offers no device"), "{}", result.stderr);
    assert_nothing_in(folder.path());
}

#[test]
fn the_doctor_says_what_works_and_what_helps() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framecast"));
    let result = outcome(command.env("FRAMECAST_PROVIDERS", "").args(["doctor", "--json"]));
    assert_eq!(result.code, Some(0), "{}", result.stderr);
    let found: Value = serde_json::from_slice(&result.stdout).unwrap();
    let providers = found["providers"].as_array().unwrap();
    assert_eq!(providers.len(), 9);
    for provider in providers {
        if provider["working"] == true {
            assert_eq!(provider["nodes"][0], provider["nodes"][1], "{provider}");
        } else {
            let told = |key: &str| provider[key].as_str().is_some_and(|text| !text.is_empty());
            assert!(told("problem") && told("remedy"), "{provider}");
        }
    }
    let processor = providers.iter().find(|provider| provider["device"] == "cpu").unwrap();
    assert_eq!(processor["working"], true);
    assert!(found["onnx_runtime"]["library"].as_str().unwrap().contains("onnxruntime"));

    let mut command = Command::new(env!("CARGO_BIN_EXE_framecast"));
    let result = outcome(command.args(["doctor", "--ort-lib", "/nonexistent/libonnxruntime.so"]));
    assert_eq!(result.code, Some(5));
    assert!(String::from_utf8_lossy(&result.stdout).contains("ONNX Runtime does not work"));
}
