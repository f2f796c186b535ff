//! Ctrl-C and SIGTERM: the first ends a run with a playable output, the second abandons it. Other commands have nothing
//! to finish and are abandoned at once.

use framecast::cleanup;
use framecast::media::Interrupt;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use std::sync::Arc;

/// Exit code of a run that was ended early.
pub(super) const EXIT_CODE: u8 = 130;

/// Starts the thread that waits for signals. It ends with the process. `finish` says whether the first signal is an
/// early end rather than the end.
pub(crate) fn watch(finish: bool) -> std::io::Result<Interrupt> {
    // A handler that does nothing: beyond the limit on file sizes, writing fails instead of ending the process.
    signal_hook::flag::register(SIGXFSZ, Arc::default())?;
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let interrupt = Interrupt::default();
    let triggered = interrupt.clone();
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        for _ in signals.forever() {
            if triggered.is_triggered() || !finish {
                let _until_the_end = cleanup::abandon();
                // Without destructors: other threads may be in the middle of FFmpeg or ONNX Runtime.
                signal_hook::low_level::exit(i32::from(EXIT_CODE));
            }
            triggered.trigger();
            super::say("finishing the output; once more to abandon it");
        }
    })?;
    Ok(interrupt)
}
