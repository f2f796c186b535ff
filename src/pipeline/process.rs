//! What the process used, from the system's accounting. Zero where the system does not tell.

use std::time::Duration;

/// Ticks per second of `/proc`'s processor times; a constant of the kernel's interface.
const TICKS_PER_SECOND: u64 = 100;

/// A point in the process's accounts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProcessUsage {
    ticks: u64,
}

impl ProcessUsage {
    pub(crate) fn now() -> Self {
        Self { ticks: processor_ticks().unwrap_or(0) }
    }

    /// User and system time of all threads since this point.
    pub(crate) fn processor_time_since(&self) -> Duration {
        let ticks = processor_ticks().unwrap_or(0).saturating_sub(self.ticks);
        Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
    }

    /// Largest resident size of the process so far, in bytes.
    pub(super) fn peak_memory(&self) -> u64 {
        status_bytes("VmHWM:")
    }

    /// Resident size of the process, in bytes.
    pub(crate) fn resident_memory() -> u64 {
        status_bytes("VmRSS:")
    }
}

fn status_bytes(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

fn processor_ticks() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold spaces; utime and stime are fields 14 and 15.
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}
