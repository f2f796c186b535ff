//! What commands say on standard output.

use framecast::error::{Error, MediaError};
use std::io::{self, Write};

/// Writes `text`, for which a command was run that ends with `code`. Returns the exit code.
pub(super) fn answer(text: &str, code: u8) -> u8 {
    write(text).map_or_else(|error| unanswered(&error, code), |()| code)
}

/// The exit code of a command that would have ended with `code`, but could not write to standard output. Tells that,
/// unless it was a reader that went away: it has what it wanted.
pub(super) fn unanswered(error: &io::Error, code: u8) -> u8 {
    let error = Error::from(unwritten(error));
    if error.exit_code() == 0 {
        return code;
    }
    super::say_error(&error.to_string());
    if code == 0 { error.exit_code() } else { code }
}

/// Writes to standard output.
pub(super) fn print(text: &str) -> Result<(), Error> {
    write(text).map_err(|error| unwritten(&error).into())
}

fn write(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()
}

fn unwritten(error: &io::Error) -> MediaError {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return MediaError::ClosedPipe;
    }
    MediaError::Output {
        output: "standard output".into(),
        problem: format!("cannot be written: {error}"),
        remedy: "make room, or redirect it to another file".into(),
    }
}
