//! Tests of the pacer: what is shown when.

use super::*;
use crate::frame::{FrameInfo, FrameRate, PixelFormat, Rational};

/// A frame of its own brightness.
fn frame(pts: Pts) -> Frame {
    grey(pts, pts as u8)
}

fn grey(pts: Pts, value: u8) -> Frame {
    filled((16, 8), pts, value)
}

fn filled((width, height): (u32, u32), pts: Pts, value: u8) -> Frame {
    let info = FrameInfo { pts, duration: 1, ..FrameInfo::new(width, height, PixelFormat::YUV420P) };
    let mut frame = Frame::allocate(info, None);
    frame.planes_mut().iter_mut().for_each(|plane| plane.rows_mut().for_each(|row| row.fill(value)));
    frame
}

fn options(rate: FrameRate, mode: MotionMode) -> PacerOptions {
    PacerOptions {
        rate,
        time_base: Rational::new(1, 24),
        mode,
        shrink: 4,
        detector: DetectorOptions::default(),
        dedup: false,
        conceal: false,
    }
}

fn spans(mode: MotionMode, stamps: &[Pts]) -> Vec<Span> {
    let rate = FrameRate::Fixed(Rational::new(60, 1));
    let mut pacer = Pacer::new(options(rate, mode)).unwrap();
    let mut spans: Vec<Span> = stamps.iter().filter_map(|pts| pacer.push(grey(*pts, 100)).unwrap()).collect();
    spans.extend(pacer.end());
    spans
}

#[test]
fn every_tick_belongs_to_its_frame_and_has_the_other_one() {
    for (mode, others) in [
        (MotionMode::Predict, [None, Some(0), Some(1), Some(2)]),
        (MotionMode::Interpolate, [Some(1), Some(2), Some(3), None]),
    ] {
        let spans = spans(mode, &[0, 1, 2, 3]);
        let pts = |seen: &Seen| seen.frame.info.pts;
        assert_eq!(spans.iter().map(|span| pts(&span.source)).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!(spans.iter().map(|span| span.other.as_ref().map(pts)).collect::<Vec<_>>(), others);
        for (k, span) in spans.iter().enumerate() {
            assert!(span.ticks.iter().all(|tick| frame_of(tick) == k as u64));
        }
        let times: Vec<Pts> = spans.iter().flat_map(|span| &span.ticks).map(|tick| tick.pts).collect();
        assert_eq!(times, (0..10).map(|n| 2 * n).collect::<Vec<_>>());
    }
}

#[test]
fn frames_out_of_order_are_dropped_and_counted() {
    let rate = FrameRate::Multiple(2);
    let mode = MotionMode::Predict;
    let mut pacer = Pacer::new(options(rate, mode)).unwrap();
    let taken: Vec<_> = [0, 2, 1, 3].map(|pts| pacer.push(frame(pts)).unwrap().is_some()).into();
    assert_eq!((taken, pacer.count().dropped), (vec![false, true, false, true], 1));
}

#[test]
fn duplicates_are_left_out_and_still_shown_for_as_long() {
    let (rate, mode) = (FrameRate::Fixed(Rational::new(24, 1)), MotionMode::Interpolate);
    let mut pacer = Pacer::new(PacerOptions { dedup: true, ..options(rate, mode) }).unwrap();
    let twos = |pts: Pts| {
        let mut shown = frame(pts / 2 * 2);
        shown.info.pts = pts;
        shown
    };
    let mut spans: Vec<Span> = (0..8).filter_map(|pts| pacer.push(twos(pts)).unwrap()).collect();
    spans.extend(pacer.end());
    assert_eq!((spans.len(), pacer.count().duplicates), (4, 4));
    let ticks: Vec<&Tick> = spans.iter().flat_map(|span| &span.ticks).collect();
    let parts = i64::from(Dedup::SUBDIVISION);
    assert_eq!(
        ticks.iter().map(|tick| tick.pts).collect::<Vec<_>>(),
        (0..8).map(|n| n * parts).collect::<Vec<_>>()
    );
    // Half-way between two drawings there is motion now.
    assert!(
        matches!(ticks[1].content, Content::Between { frame: 0, tau } if (tau.num(), tau.den()) == (1, 2))
    );
}

/// A square that moves over grey.
fn walking(pts: Pts, value: u8) -> Frame {
    let mut frame = filled((160, 80), pts, 100);
    for row in frame.planes_mut()[0].rows_mut().skip(40).take(8) {
        row[8 * pts as usize..][..8].fill(value);
    }
    frame
}

#[test]
fn what_is_a_duplicate_does_not_depend_on_the_size_at_which_motion_is_found() {
    let rate = FrameRate::Fixed(Rational::new(60, 1));
    let duplicates = |shrink: usize, value: u8| {
        let options = PacerOptions { dedup: true, shrink, ..options(rate, MotionMode::Predict) };
        let mut pacer = Pacer::new(options).unwrap();
        (0..10).for_each(|pts| drop(pacer.push(walking(pts, value)).unwrap()));
        pacer.count().duplicates
    };
    let counts =
        [101, 104, 110, 130, 160, 250].map(|value| [2, 4, 8].map(|shrink| duplicates(shrink, value)));
    assert!(counts.iter().all(|counts| counts == &[counts[0]; 3]), "{counts:?}");
    assert!(counts[0][0] == 9 && counts[5][0] == 0, "{counts:?}");
}

#[test]
fn lost_frames_are_filled_in_where_they_are_missing() {
    for (mode, expected) in
        [(MotionMode::Predict, [1.0, 2.0]), (MotionMode::Interpolate, [1.0 / 3.0, 2.0 / 3.0])]
    {
        let mut pacer =
            Pacer::new(PacerOptions { conceal: true, ..options(FrameRate::Source, mode) }).unwrap();
        let kept = (0..20).filter(|pts| ![12, 13].contains(pts));
        let mut spans: Vec<Span> = kept.filter_map(|pts| pacer.push(frame(pts)).unwrap()).collect();
        spans.extend(pacer.end());
        let times: Vec<Pts> = spans.iter().flat_map(|span| &span.ticks).map(|tick| tick.pts).collect();
        assert_eq!(times, (0..20).collect::<Vec<_>>());
        assert_eq!(pacer.count().concealed, 2);
        let filled: Vec<f32> = spans[11]
            .ticks
            .iter()
            .filter_map(|tick| match tick.content {
                Content::Between { frame: 11, tau } => Some(tau.to_f32()),
                _ => None,
            })
            .collect();
        assert_eq!(filled, expected);
    }
}

#[test]
fn damaged_frames_at_the_end_are_shown_as_long_as_they_would_be() {
    let half = Rational::new(48, 1);
    for mode in [MotionMode::Predict, MotionMode::Interpolate] {
        for (rate, dedup, expected, shown) in [
            (FrameRate::Source, false, (0..20).collect::<Vec<_>>(), 1),
            (FrameRate::Multiple(2), false, (0..39).collect(), 2),
            (FrameRate::Fixed(half), false, (0..40).collect(), 0),
            // Where repeated frames are left out, the last frame stands.
            (FrameRate::Multiple(1), true, (0..17).map(|n| 120 * n).collect(), 120 * 4),
        ] {
            let options = PacerOptions { conceal: true, dedup, ..options(rate, mode) };
            let mut pacer = Pacer::new(options).unwrap();
            let damaged = |pts: Pts| {
                let mut frame = grey(pts, (pts % 2 * 100) as u8);
                frame.info.is_damaged = pts >= 17;
                frame
            };
            let mut spans: Vec<Span> = (0..20).filter_map(|pts| pacer.push(damaged(pts)).unwrap()).collect();
            spans.extend(pacer.end());
            let times: Vec<Pts> = spans.iter().flat_map(|span| &span.ticks).map(|tick| tick.pts).collect();
            assert_eq!(times, expected, "{rate:?}, {mode:?}");
            let last = spans.last().unwrap();
            let newest = if dedup { 16 * 120 } else { 16 };
            assert_eq!((last.source.frame.info.pts, last.shown), (newest, shown), "{rate:?}, {mode:?}");
        }
    }
}

#[test]
fn even_spacing_does_not_put_off_the_end() {
    // One frame in five repeats the one before; the stream ends in each phase of that.
    for count in 40..45 {
        let rate = FrameRate::Fixed(Rational::new(240, 1));
        let options = PacerOptions { dedup: true, ..options(rate, MotionMode::Predict) };
        let mut pacer = Pacer::new(options).unwrap();
        for k in 0..count {
            pacer.push(grey(k, (k * 4 / 5 * 3) as u8)).unwrap();
        }
        let last = pacer.end().unwrap().ticks.last().unwrap().pts;
        // Ten ticks for each frame of the source, in 120 parts of its duration.
        assert_eq!(last, count * 120 - 12, "{count} frames");
    }
}
