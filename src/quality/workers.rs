//! Independent jobs on all cores.

use crate::error::{Error, MediaError};
use crate::media::Interrupt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Runs `work` for every number below `count` on `threads` threads; the results are in the order of the numbers.
///
/// `done` is told after each job how many are done.
///
/// # Errors
/// That of the lowest number that failed; [`MediaError::Interrupted`] if `interrupt` was triggered.
pub(super) fn run<T: Send>(
    count: usize,
    threads: usize,
    interrupt: &Interrupt,
    done: &(dyn Fn(usize) + Sync),
    work: impl Fn(usize) -> Result<T, Error> + Sync,
) -> Result<Vec<T>, Error> {
    let results: Mutex<Vec<(usize, Result<T, Error>)>> = Mutex::new(Vec::with_capacity(count));
    let next = AtomicUsize::new(0);
    let has_failed = AtomicBool::new(false);
    let lend = || {
        while !has_failed.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return;
            }
            let result =
                if interrupt.is_triggered() { Err(MediaError::Interrupted.into()) } else { work(number) };
            has_failed.fetch_or(result.is_err(), Ordering::Relaxed);
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            results.push((number, result));
            done(results.len());
        }
    };
    std::thread::scope(|scope| -> Result<(), Error> {
        let mut handles = Vec::new();
        for index in 0..threads.clamp(1, count.max(1)) {
            let name = format!("quality {index}");
            let spawned = std::thread::Builder::new().name(name.clone()).spawn_scoped(scope, lend);
            handles.push((
                spawned.map_err(|error| Error::Thread { stage: name.clone(), reason: error.to_string() })?,
                name,
            ));
        }
        for (handle, stage) in handles {
            handle.join().map_err(|panic| Error::Panic { stage, message: message(panic.as_ref()) })?;
        }
        Ok(())
    })?;
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_their_order_and_the_first_failure_counts() {
        let interrupt = Interrupt::default();
        let squares = run(50, 3, &interrupt, &|_| {}, |n| Ok(n * n)).unwrap();
        assert_eq!(squares, (0..50).map(|n| n * n).collect::<Vec<_>>());
        let failed = run(50, 3, &interrupt, &|_| {}, |n| match n {
            7 => Err(MediaError::ClosedPipe.into()),
            _ => Ok(n),
        });
        assert!(matches!(failed, Err(Error::Media(MediaError::ClosedPipe))));
        interrupt.trigger();
        let stopped = run(5, 2, &interrupt, &|_| {}, Ok);
        assert!(matches!(stopped, Err(Error::Media(MediaError::Interrupted))));
    }
}
