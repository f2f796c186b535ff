//! Keeps threads from using CUDA while one of them captures a graph: what allocates memory elsewhere in the process fails
//! meanwhile, and spoils the capture, for ONNX Runtime captures in CUDA's global mode.

use super::Provider;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Threads that capture, one at a time, and those that must not run meanwhile.
static THREADS: RwLock<()> = RwLock::new(());
/// Sessions in the making. That takes minutes for some, so nobody waits for it.
static BUILDING: AtomicUsize = AtomicUsize::new(0);

/// Held during a run.
pub(in crate::model) type Running = RwLockReadGuard<'static, ()>;
/// Held during a run that may be captured.
pub(in crate::model) type Capturing = RwLockWriteGuard<'static, ()>;

/// Held while a session is made.
pub(in crate::model) struct Building;

/// Begins a run on `provider`, after captures that go on. `None` where captures do not matter.
pub(in crate::model) fn begin_run(provider: Provider) -> Option<Running> {
    uses_cuda(provider).then(|| THREADS.read().unwrap_or_else(PoisonError::into_inner))
}

/// Begins a run that may be captured, after all other runs. `None` while sessions are made: not now.
pub(in crate::model) fn begin_capture() -> Option<Capturing> {
    let alone = THREADS.write().unwrap_or_else(PoisonError::into_inner);
    (BUILDING.load(Ordering::Acquire) == 0).then_some(alone)
}

/// Begins to make a session on `provider`, after captures that go on. `None` where captures do not matter.
pub(super) fn begin_building(provider: Provider) -> Option<Building> {
    let _not_during_a_capture = begin_run(provider)?;
    BUILDING.fetch_add(1, Ordering::AcqRel);
    Some(Building)
}

impl Drop for Building {
    fn drop(&mut self) {
        BUILDING.fetch_sub(1, Ordering::AcqRel);
    }
}

const fn uses_cuda(provider: Provider) -> bool {
    matches!(provider, Provider::Cuda | Provider::TensorRt | Provider::TensorRtRtx)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    /// One test, for what it is about is the whole process.
    #[test]
    fn captures_are_alone() {
        assert!(begin_run(Provider::Cpu).is_none() && begin_building(Provider::OpenVino).is_none());
        // Runs go side by side, and a capture waits for them.
        let runs = [begin_run(Provider::Cuda).unwrap(), begin_run(Provider::TensorRt).unwrap()];
        let (began, begins) = mpsc::sync_channel(1);
        let (ended, ends) = mpsc::sync_channel::<()>(1);
        let capture = std::thread::spawn(move || {
            let capturing = begin_capture();
            began.send(capturing.is_some()).unwrap();
            ends.recv().unwrap();
        });
        assert!(begins.recv_timeout(Duration::from_millis(50)).is_err());
        drop(runs);
        assert_eq!(begins.recv_timeout(Duration::from_secs(60)), Ok(true));
        // Runs and sessions wait for the capture.
        let (began, begins) = mpsc::sync_channel(1);
        let builder = std::thread::spawn(move || {
            let building = begin_building(Provider::Cuda);
            began.send(()).unwrap();
            building
        });
        assert!(begins.recv_timeout(Duration::from_millis(50)).is_err());
        ended.send(()).unwrap();
        capture.join().unwrap();
        let building = builder.join().unwrap();
        // What takes minutes is not waited for.
        assert!(begin_capture().is_none());
        drop(building);
        assert!(begin_capture().is_some());
    }
}
