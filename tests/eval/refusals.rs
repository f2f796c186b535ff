//! How `framecast eval` refuses: one line, an exit code, what to do.

use super::eval;
use super::pictures::{colour, grey_pair};
use super::support::{clip, outcome, scratch};
use std::path::Path;

const FLAGS: [&str; 25] = [
    "--task",
    "--reference",
    "--input",
    "--scale",
    "--model",
    "--degrade",
    "--crf",
    "--blur",
    "--content",
    "--compare",
    "--limit",
    "--border",
    "--timing-size",
    "--no-timing",
    "--threads",
    "--device",
    "--kernels",
    "--tile",
    "--ort-lib",
    "--json",
    "--html",
    "--samples",
    "--overwrite",
    "--quiet",
    "--verbose",
];

/// Runs to a failure and returns its line.
fn refused(options: &str, paths: &[(&str, &Path)], code: i32) -> String {
    let mut command = eval(options);
    for (flag, path) in paths {
        command.arg(flag).arg(path);
    }
    let result = outcome(&mut command);
    assert_eq!(result.code, Some(code), "{options}: {}", result.stderr);
    assert_eq!(result.stderr.trim_end().lines().count(), 1, "{}", result.stderr);
    assert!(result.stderr.starts_with("framecast: error: "), "{}", result.stderr);
    result.stderr
}

#[test]
fn a_comparison_of_unequal_files_tells_both_sides() {
    let folder = scratch();
    let make = |name: &str, size: &str, frames: u32| {
        let recipe =
            format!("-f lavfi -i testsrc2=size={size}:rate=25 -frames:v {frames} -pix_fmt yuv420p -c:v ffv1");
        clip(name, &recipe)
    };
    let (long, short, small) =
        (make("l.mkv", "64x48", 7), make("s.mkv", "64x48", 4), make("t.mkv", "32x32", 7));
    let message = refused("--task metrics", &[("-i", &long), ("--reference", &short)], 3);
    assert!(message.contains("has 7 frames") && message.contains("has 4"), "{message}");
    let message = refused("--task metrics", &[("-i", &short), ("--reference", &small)], 3);
    assert!(message.contains("64x48") && message.contains("32x32"), "{message}");
    colour(&folder.path().join("a.png"), 64, 48);
    let message =
        refused("--task metrics", &[("-i", &long), ("--reference", &folder.path().join("a.png"))], 3);
    assert!(message.contains("has 7 frames") && message.contains("has 1"), "{message}");
}

#[test]
fn what_cannot_be_evaluated_is_told_with_a_remedy() {
    let folder = scratch();
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let message = refused("--no-timing", &[("--reference", &empty)], 3);
    assert!(message.contains("no picture and no video"), "{message}");
    refused("--no-timing", &[("--reference", &folder.path().join("missing"))], 3);
    let (plain, _) = grey_pair(folder.path());
    let message = refused("--no-timing --model no-such-model", &[("--reference", &plain)], 5);
    assert!(message.contains("no-such-model"), "{message}");
    let message = refused("--no-timing --border 100", &[("--reference", &plain)], 2);
    assert!(message.contains("--border") && message.contains("202x184"), "{message}");
    let message = refused("--degrade camera --crf 52", &[("--reference", &plain)], 2);
    assert!(message.contains("0 to 51"), "{message}");
    for task in ["sr --no-timing", "predict", "metrics -i -"] {
        let message = refused(&format!("--task {task}"), &[("--reference", Path::new("-"))], 3);
        assert!(message.contains("standard input") && message.contains("name a file"), "{message}");
    }
    let whole = clip("whole.mkv", "-f lavfi -i testsrc2=size=64x48:rate=25 -frames:v 6 -c:v ffv1");
    let cut = folder.path().join("cut.mkv");
    let bytes = std::fs::read(whole).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() * 2 / 3]).unwrap();
    let message = refused("--no-timing", &[("--reference", &cut)], 3);
    assert!(message.contains("name an undamaged copy") && !message.contains("--strict"), "{message}");
    std::fs::write(folder.path().join("damaged.png"), b"not a picture").unwrap();
    refused("--no-timing", &[("--reference", folder.path())], 3);
}

#[test]
fn an_existing_report_stays_unless_told_otherwise() {
    let folder = scratch();
    let (plain, report) = (folder.path().join("a.png"), folder.path().join("report.html"));
    colour(&plain, 64, 64);
    std::fs::write(&report, "mine").unwrap();
    let message = refused("--no-timing", &[("--reference", &plain), ("--html", &report)], 4);
    assert!(message.contains("-y"), "{message}");
    assert_eq!(std::fs::read_to_string(&report).unwrap(), "mine");
    let missing = folder.path().join("no-folder/report.html");
    // Before any work: that the model is not known would be found first then.
    let message = refused("--model no-such-model", &[("--reference", &plain), ("--html", &missing)], 4);
    assert!(message.contains("create the folder first"), "{message}");
    let before = std::fs::read(&plain).unwrap();
    for page in [&plain, Path::new("-")] {
        let message = refused("--no-timing -y", &[("--reference", folder.path()), ("--html", page)], 2);
        assert!(message.contains("--html") && message.contains(".html"), "{message}");
    }
    assert_eq!(std::fs::read(&plain).unwrap(), before);
    // A failed evaluation leaves nothing behind, under the report's name or another one.
    refused("--no-timing --model no-such-model -y", &[("--reference", &plain), ("--html", &report)], 5);
    assert_eq!(std::fs::read_to_string(&report).unwrap(), "mine");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn errors_are_events_where_json_is_asked_for() {
    let result = outcome(eval("--json --reference").arg("no-such-file.png"));
    assert_eq!(result.code, Some(3));
    assert_eq!(result.summary()["exit_code"], 3);
}

#[test]
fn help_tells_every_default() {
    let result = outcome(&mut eval("--help"));
    let help = String::from_utf8(result.stdout).unwrap();
    let mut entries: Vec<String> = Vec::new();
    for line in help.lines() {
        if line.starts_with("  ") && line.trim_start().starts_with('-') {
            entries.push(String::new());
        }
        if let Some(entry) = entries.last_mut() {
            entry.push_str(line);
        }
    }
    for flag in FLAGS {
        let words = |entry: &str| entry.split([' ', ',']).any(|word| word.trim_end_matches('.') == flag);
        let entry =
            entries.iter().find(|entry| words(entry)).unwrap_or_else(|| panic!("no {flag} in\n{help}"));
        assert!(
            flag == "--reference" || entry.to_lowercase().contains("default"),
            "no default told in\n{entry}"
        );
    }
}
