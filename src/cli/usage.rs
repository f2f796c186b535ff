//! A command line that cannot be read.

use super::answer::unanswered;
use super::progress::JsonTarget;
use clap::error::ErrorKind;
use serde_json::json;
use std::ffi::OsString;

/// Writes help, or what is wrong, and ends the process; where JSON was asked for, with an event as for other errors.
pub(crate) fn refuse(error: clap::Error) -> ! {
    let error =
        if error.kind() == ErrorKind::InvalidUtf8 { not_text(std::env::args_os().skip(1)) } else { error };
    if error.use_stderr()
        && let Some(target) = json_target(std::env::args_os().skip(1))
    {
        let event = json!({ "event": "error", "message": message(&error), "exit_code": error.exit_code() });
        target.write(&event);
        if target == JsonTarget::Error {
            std::process::exit(error.exit_code());
        }
    }
    std::process::exit(match error.print() {
        Err(problem) if !error.use_stderr() => unanswered(&problem, 0).into(),
        _ => error.exit_code(),
    })
}

/// Names the first argument that is no text.
fn not_text(mut arguments: impl Iterator<Item = OsString>) -> clap::Error {
    let wrong = arguments.find(|argument| argument.to_str().is_none()).unwrap_or_default();
    let message = format!(
        "the argument {wrong:?} is not UTF-8: expected a name that is; rename the file, or use standard input and output: \
         -i - < FILE, -o - > FILE\n"
    );
    clap::Error::raw(ErrorKind::InvalidUtf8, message)
}

/// What is wrong, without hints at the usage.
fn message(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let end = ["\n\nUsage:", "\n\nFor more information"].iter().filter_map(|hint| text.find(hint)).min();
    let lines = text.get(..end.unwrap_or(text.len())).unwrap_or(text).lines().map(str::trim);
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Where the events of a command go that was to write them.
fn json_target(arguments: impl Iterator<Item = OsString>) -> Option<JsonTarget> {
    let words: Vec<String> = arguments.map(|word| word.to_string_lossy().into_owned()).collect();
    let has = |names: [&str; 2]| words.iter().any(|word| names.contains(&word.as_str()));
    let command = words.first().map(String::as_str);
    match command {
        _ if !has(["--json"; 2]) => return None,
        Some("eval" | "models") => return Some(JsonTarget::Output),
        Some("run" | "live") if !has(["--quiet", "-q"]) => {}
        _ => return None,
    }
    let is_named = |word: &str| matches!(word, "-o-" | "-o=-" | "--output=-");
    let follows = |pair: &[String]| matches!(pair, [option, name] if (option == "-o" || option == "--output") && name == "-");
    let is_piped = words.iter().any(|word| is_named(word)) || words.windows(2).any(follows);
    Some(if is_piped { JsonTarget::Error } else { JsonTarget::Output })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_go_where_those_of_a_run_would() {
        let target = |line: &str| json_target(line.split(' ').map(OsString::from));
        assert_eq!(target("run -i a -o b --json --fps foo"), Some(JsonTarget::Output));
        assert_eq!(target("live --json -o - --nonsense"), Some(JsonTarget::Error));
        assert_eq!(target("run --output=- --json"), Some(JsonTarget::Error));
        assert_eq!(target("models pull --json --nonsense"), Some(JsonTarget::Output));
        assert_eq!(target("eval --scale 9 --quiet --json"), Some(JsonTarget::Output));
        assert_eq!(target("eval --scale 9"), None);
        assert_eq!(target("run -i a -o b --fps foo"), None);
        assert_eq!(target("run -i a -o b --json --quiet"), None);
        assert_eq!(target("doctor --json --nonsense"), None);
    }
}
