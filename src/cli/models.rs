//! `framecast models`.

use super::answer::unanswered;
use super::models_args::{ModelsCommand, PullArgs, VerifyArgs};
use super::{logging, models_import, models_text, say, say_error};
use framecast::error::ModelError;
use framecast::model::zoo::{self, Entry, Phase, State, Zoo};
use framecast::model::{Manifest, Runtime};
use indicatif::MultiProgress;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};

/// Carries a command out and returns the exit code: that of the first failure.
pub(super) fn models(command: ModelsCommand) -> u8 {
    logging::start(false, 0, MultiProgress::new());
    let report = Report::new(match &command {
        ModelsCommand::List(arguments) => arguments.json,
        ModelsCommand::Info(arguments) => arguments.json,
        ModelsCommand::Pull(arguments) => arguments.json,
        ModelsCommand::Import(arguments) => arguments.json,
        ModelsCommand::Verify(arguments) => arguments.json,
        ModelsCommand::Remove(arguments) => arguments.json,
    });
    let result = match command {
        ModelsCommand::List(_) => Ok(list(&report)),
        ModelsCommand::Info(arguments) => info(&arguments.name, &report),
        ModelsCommand::Pull(arguments) => Zoo::of_user()
            .map(|zoo| report.each(&arguments.names, |name| pull(name, &zoo, &arguments, &report))),
        ModelsCommand::Import(arguments) => models_import::import(&arguments, &report),
        ModelsCommand::Verify(arguments) => Zoo::of_user().map(|zoo| verify(&zoo, &arguments, &report)),
        ModelsCommand::Remove(arguments) => Zoo::of_user().map(|zoo| {
            report.each(&arguments.names, |name| {
                zoo.remove(name)?;
                report.event("removed", name, json!({}), || say(&format!("removed {name}")));
                Ok(())
            })
        }),
    };
    let code = result.unwrap_or_else(|error| report.error(&error));
    report.finish(code)
}

fn list(report: &Report) -> u8 {
    let (mut entries, mut code) = (Vec::new(), 0);
    for entry in zoo::list() {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(error) => code = report.error(&error),
        }
    }
    if report.json {
        entries.iter().for_each(|entry| report.line(&entry_json(entry).to_string()));
    } else {
        report.line(models_text::table(&entries).trim_end());
    }
    code
}

fn info(name: &str, report: &Report) -> Result<u8, ModelError> {
    let entry = zoo::look_up(name)?;
    if report.json {
        report.line(&entry_json(&entry).to_string());
    } else {
        report.line(models_text::details(&entry).trim_end());
    }
    Ok(0)
}

fn pull(name: &str, zoo: &Zoo, arguments: &PullArgs, report: &Report) -> Result<(), ModelError> {
    let is_file = name.ends_with(".toml");
    let model = if is_file { zoo::pullable(name)?.name } else { name.to_owned() };
    match zoo::look_up(&model).map(|entry| entry.state) {
        Ok(State::BuiltIn) if !is_file => {
            report.event("unchanged", name, json!({}), || say(&format!("{name} is built in")));
            return Ok(());
        }
        Ok(State::Installed(path)) if !arguments.force => {
            report.event("unchanged", &model, json!({ "path": path }), || {
                say(&format!("{model} is installed already; --force fetches it again"));
            });
            return Ok(());
        }
        _ => {}
    }
    let manifest = zoo::pullable(name)?;
    if !agree(&manifest, arguments, report) {
        say(&format!("{name} was not fetched"));
        return Ok(());
    }
    let runtime = Runtime::load(arguments.ort_lib.as_deref())?;
    let installed = zoo.pull(&manifest, &runtime, arguments.cache.as_deref(), &mut |phase| {
        let (word, sentence) = match phase {
            Phase::Fetch => ("fetch", "fetching"),
            Phase::Convert => ("convert", "converting"),
            Phase::Test => ("test", "testing"),
        };
        report.event("phase", &manifest.name, json!({ "phase": word }), || {
            say(&format!("{sentence} {}", manifest.name));
        });
    })?;
    let path = zoo.folder().join(&installed.file);
    report.event("installed", &installed.name, json!({ "path": path, "sha256": installed.sha256 }), || {
        say(&format!("installed {}", path.display()));
    });
    Ok(())
}

/// Shows the licence; asks whether to go on if somebody is there to answer.
fn agree(manifest: &Manifest, arguments: &PullArgs, report: &Report) -> bool {
    let source = manifest.source.as_ref();
    let details = json!({
        "licence": manifest.licence,
        "copyright": source.and_then(|source| source.copyright.as_deref()),
        "note": source.and_then(|source| source.licence_note.as_deref()),
        "source": source.map(zoo::Source::describe),
    });
    report.event("licence", &manifest.name, details, || {
        models_text::licence(manifest).lines().for_each(say);
    });
    if arguments.yes || arguments.json || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return true;
    }
    let _ = write!(io::stderr(), "framecast: fetch it under this licence? [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

fn verify(zoo: &Zoo, arguments: &VerifyArgs, report: &Report) -> u8 {
    let runtime = match Runtime::load(arguments.ort_lib.as_deref()) {
        Ok(runtime) => runtime,
        Err(error) => return report.error(&error),
    };
    let (mut names, mut code) = (arguments.names.clone(), 0);
    if names.is_empty() {
        for entry in zoo::list() {
            match entry {
                Ok(entry) if entry.state == State::Available => {}
                Ok(entry) => names.push(entry.manifest.name),
                Err(error) => code = report.error(&error),
            }
        }
    }
    let failure = report.each(&names, |name| {
        let output = zoo.verify(name, &runtime)?;
        report.event("verified", name, json!({ "output": output }), || {
            say(&format!("{name} is as it should be"))
        });
        Ok(())
    });
    if code == 0 { failure } else { code }
}

fn entry_json(entry: &Entry) -> Value {
    let mut value = serde_json::to_value(&entry.manifest).unwrap_or_default();
    let (state, path) = match &entry.state {
        State::BuiltIn => ("built-in", None),
        State::Installed(path) => ("installed", Some(path)),
        State::Available => ("available", None),
    };
    if let Some(fields) = value.as_object_mut() {
        fields.insert("state".into(), state.into());
        fields.insert("path".into(), json!(path));
    }
    value
}

/// Text for people on standard error, or JSON lines for programs on standard output.
pub(super) struct Report {
    json: bool,
    /// Why standard output could not be written, if so.
    problem: RefCell<Option<io::Error>>,
}

impl Report {
    const fn new(json: bool) -> Self {
        Self { json, problem: RefCell::new(None) }
    }

    pub(super) fn event(&self, event: &str, model: &str, details: Value, text: impl FnOnce()) {
        if !self.json {
            return text();
        }
        let mut line = json!({ "event": event, "model": model });
        if let (Some(line), Value::Object(details)) = (line.as_object_mut(), details) {
            line.extend(details);
        }
        self.line(&line.to_string());
    }

    /// Tells of a failure and returns its exit code.
    pub(super) fn error(&self, error: &ModelError) -> u8 {
        let code = error.exit_code();
        if self.json {
            self.line(
                &json!({ "event": "error", "message": error.to_string(), "exit_code": code }).to_string(),
            );
        }
        say_error(&error.to_string());
        code
    }

    /// Does the same for every name. One that fails does not stop the others.
    fn each(&self, names: &[String], mut work: impl FnMut(&str) -> Result<(), ModelError>) -> u8 {
        let codes = names.iter().map(|name| work(name).map_or_else(|error| self.error(&error), |()| 0));
        codes.fold(0, |first, code| if first == 0 { code } else { first })
    }

    /// Writes a line to standard output. What was begun goes on without it.
    fn line(&self, line: &str) {
        if let Err(error) = writeln!(io::stdout(), "{line}") {
            self.problem.borrow_mut().get_or_insert(error);
        }
    }

    /// The exit code of a command that ends with `code`.
    fn finish(self, code: u8) -> u8 {
        self.problem.into_inner().map_or(code, |problem| unanswered(&problem, code))
    }
}
