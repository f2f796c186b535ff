//! Memory of a frame's size is taken from the heap only until the pipeline is full.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]
#![allow(unsafe_code)]

use framecast::config::ProcessingOptions;
use framecast::engine::{Engine, Pull, Push};
use framecast::frame::{BufferPool, Color, Frame, FrameInfo, PixelFormat, Rational};
use framecast::stage::Geometry;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A chroma plane of the source, the smallest thing that a pipeline might allocate per frame.
const PLANE: usize = 320 * 180;

/// Enough that one allocation per frame would stand out.
const FRAMES: i64 = 400;

static LARGE: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, counting large requests.
struct Counting;

// SAFETY: every call is handed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() >= PLANE {
            LARGE.fetch_add(1, Ordering::SeqCst);
        }
        // SAFETY: the caller's promises are the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `alloc` above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_long_run_allocates_no_more_than_a_full_pipeline_holds() {
    let source = Geometry { width: 640, height: 360, format: PixelFormat::YUV420P, color: Color::default() };
    // Each worker holds memory of its own.
    let options = ProcessingOptions { threads: Some(2), ..ProcessingOptions::default() };
    let mut engine = Engine::new(source, Rational::new(1, 1), Rational::new(1, 25), &options).unwrap();
    let pool = BufferPool::new();
    let before = LARGE.load(Ordering::SeqCst);
    for pts in 0..FRAMES {
        let info = FrameInfo {
            color: source.color,
            pts,
            duration: 1,
            ..FrameInfo::new(source.width, source.height, source.format)
        };
        let mut frame = Frame::allocate(info, Some(&pool));
        // Parts of many sizes change, and now and then the whole picture does.
        let scene = 100 + (pts / 20 % 2) as u8;
        let (height, left, width) =
            (8 + 3 * (pts as usize % 64), pts as usize % 300, 2 * (pts as usize % 150));
        for plane in frame.planes_mut() {
            plane.buffer.bytes_mut().fill(scene);
            for row in plane.rows_mut().take(height) {
                row.iter_mut().skip(left).take(width).for_each(|sample| *sample += 50);
            }
        }
        while let Push::Full(back) = engine.push_frame(frame).unwrap() {
            frame = back;
            // Or there is room again.
            assert!(!matches!(engine.wait_frame().unwrap(), Pull::End));
        }
    }
    // What the channels and the workers can hold at once, however long the run is: it depends on the load how much they do.
    let in_flight = LARGE.load(Ordering::SeqCst) - before;
    assert!(in_flight < 200, "{in_flight} large allocations in {FRAMES} frames");
}
