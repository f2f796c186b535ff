use super::*;
use proptest::prelude::*;

const MILLISECONDS: TimeBase = Rational::new(1, 1000);

fn fixed(num: i32, den: i32) -> FrameRate {
    FrameRate::Fixed(Rational::new(num, den))
}

fn run(rate: FrameRate, mode: MotionMode, source: TimeBase, stamps: &[Pts], duration: i64) -> Vec<Tick> {
    let mut cadence = Cadence::new(rate, mode, source).unwrap();
    let mut ticks = Vec::new();
    for pts in stamps {
        ticks.extend(cadence.push(*pts).unwrap());
    }
    ticks.extend(cadence.finish(duration));
    ticks
}

/// `O3` for original 3, `H3` for it held, `3+1/2` for half an interval later.
fn describe(ticks: &[Tick]) -> String {
    let describe = |tick: &Tick| match tick.content {
        Content::Original(frame) => format!("O{frame}"),
        Content::Hold(frame) => format!("H{frame}"),
        Content::Between { frame, tau } => format!("{frame}+{}/{}", tau.num(), tau.den()),
    };
    ticks.iter().map(describe).collect::<Vec<_>>().join(" ")
}

fn stamps(ticks: &[Tick]) -> Vec<Pts> {
    ticks.iter().map(|tick| tick.pts).collect()
}

#[test]
fn film_to_sixty() {
    let predicted = run(fixed(60, 1), MotionMode::Predict, Rational::new(1, 24), &[0, 1, 2, 3], 1);
    assert_eq!(describe(&predicted), "O0 H0 H0 1+1/5 1+3/5 O2 2+2/5 2+4/5 3+1/5 3+3/5");
    assert_eq!(stamps(&predicted), (0..10).map(|n| n * 2).collect::<Vec<_>>());
    let between = run(fixed(60, 1), MotionMode::Interpolate, Rational::new(1, 24), &[0, 1, 2, 3], 1);
    assert_eq!(describe(&between), "O0 0+2/5 0+4/5 1+1/5 1+3/5 O2 2+2/5 2+4/5 H3 H3");
}

#[test]
fn usual_rates_up_and_down() {
    let predict = |rate, tb, count: i64| {
        let stamps: Vec<_> = (0..count).collect();
        describe(&run(rate, MotionMode::Predict, tb, &stamps, 1))
    };
    assert_eq!(predict(fixed(60, 1), Rational::new(1, 30), 3), "O0 H0 O1 1+1/2 O2 2+1/2");
    assert_eq!(predict(fixed(50, 1), Rational::new(1, 25), 3), "O0 H0 O1 1+1/2 O2 2+1/2");
    assert_eq!(predict(fixed(24, 1), Rational::new(1, 60), 10), "O0 2+1/2 O5 7+1/2");
    assert_eq!(predict(fixed(30, 1), Rational::new(1, 60), 6), "O0 O2 O4");
    assert_eq!(predict(fixed(60000, 1001), Rational::new(1001, 30000), 2), "O0 H0 O1 1+1/2");
    assert_eq!(predict(FrameRate::Source, Rational::new(1, 30), 3), "O0 O1 O2");
}

#[test]
fn time_bases_hold_source_and_output_exactly() {
    let base = |rate, source| Cadence::new(rate, MotionMode::Predict, source).unwrap().time_base();
    assert_eq!(base(fixed(60, 1), Rational::new(1, 15360)), Rational::new(1, 15360));
    assert_eq!(base(fixed(60, 1), MILLISECONDS), Rational::new(1, 3000));
    assert_eq!(base(fixed(60000, 1001), Rational::new(1, 90000)), Rational::new(1, 180_000));
    assert_eq!(base(FrameRate::Multiple(4), Rational::new(1001, 24000)), Rational::new(1001, 96000));
    assert_eq!(base(FrameRate::Source, Rational::new(1, 90000)), Rational::new(1, 90000));
    // 1 / 10^9 s and 1001 / 60000 s have no common unit whose parts fit.
    assert_eq!(base(fixed(60000, 1001), Rational::new(1, 999_999_937)), Rational::new(1, 1_000_000_000));
    let unit = Rational::new(1, 999_999_937);
    let ticks = run(fixed(60, 1), MotionMode::Predict, unit, &[-999_999_937, 0, 999_999_937], 0);
    assert_eq!(ticks[0].pts, -1_000_000_000);
    assert_eq!(ticks[1].pts, -983_333_333);
    assert_eq!(ticks.len(), 180);
}

#[test]
fn rounded_milliseconds_fall_on_the_grid() {
    // 30000/1001 in Matroska; the first frame is rounded too.
    let pts: Vec<Pts> = (1..300).map(|k| (k * 1001 + 15) / 30).collect();
    let ticks = run(fixed(60000, 1001), MotionMode::Predict, MILLISECONDS, &pts, 33);
    for (n, tick) in ticks.iter().enumerate() {
        assert_eq!(matches!(tick.content, Content::Original(k) if k == n as u64 / 2), n % 2 == 0, "tick {n}");
    }
    assert_eq!(ticks.len(), 598);
}

#[test]
fn multiples_cut_every_interval_into_equal_parts() {
    let ticks = run(FrameRate::Multiple(3), MotionMode::Interpolate, MILLISECONDS, &[-10, 30, 100, 133], 40);
    assert_eq!(describe(&ticks), "O0 0+1/3 0+2/3 O1 1+1/3 1+2/3 O2 2+1/3 2+2/3 O3");
    assert_eq!(stamps(&ticks), [-30, 10, 50, 90, 160, 230, 300, 333, 366, 399]);
    let ticks = run(FrameRate::Multiple(2), MotionMode::Predict, MILLISECONDS, &[0, 40, 100], 40);
    assert_eq!(describe(&ticks), "O0 H0 O1 1+3/4 O2");
}

#[test]
fn motion_is_not_trusted_over_a_pause() {
    let predicted = run(fixed(10, 1), MotionMode::Predict, MILLISECONDS, &[0, 100, 550], 100);
    assert_eq!(describe(&predicted), "O0 O1 1+1/1 1+2/1 H1 H1 2+1/9");
    let between = run(fixed(10, 1), MotionMode::Interpolate, MILLISECONDS, &[0, 100, 510, 900], 100);
    assert_eq!(describe(&between), "O0 O1 H1 H1 H1 O2 2+3/13 2+19/39 2+29/39 O3");
}

#[test]
fn the_clock_gives_ticks_before_the_next_frame() {
    let mut cadence = Cadence::new(fixed(60, 1), MotionMode::Predict, Rational::new(1, 240)).unwrap();
    let mut given = Vec::new();
    assert_eq!(cadence.until(100).count(), 0);
    given.extend(cadence.push(0).unwrap());
    given.extend(cadence.push(8).unwrap());
    assert_eq!(describe(&given), "O0 H0 O1");
    // The next tick is at 12, and a frame may fall on it until the clock is past it.
    assert_eq!(cadence.until(12).count(), 0);
    given.extend(cadence.until(13));
    assert_eq!(cadence.until(13).count(), 0);
    // A late frame shows from the next tick on.
    given.extend(cadence.until(17));
    given.extend(cadence.push(16).unwrap());
    given.extend(cadence.until(21));
    assert_eq!(describe(&given), "O0 H0 O1 1+1/2 1+1/1 2+1/2");
    assert_eq!(stamps(&given), [0, 4, 8, 12, 16, 20]);
}

#[test]
fn the_clock_gives_parts_of_the_expected_interval() {
    let mut cadence = Cadence::new(FrameRate::Multiple(4), MotionMode::Predict, MILLISECONDS).unwrap();
    let mut given = Vec::new();
    given.extend(cadence.push(0).unwrap());
    assert_eq!(cadence.until(30).count(), 0);
    given.extend(cadence.push(40).unwrap());
    given.extend(cadence.until(60));
    // The frame comes late: two parts of its interval are left.
    given.extend(cadence.push(88).unwrap());
    assert_eq!(describe(&given), "O0 H0 H0 H0 O1 1+1/4 1+1/2 1+3/5 1+9/10 O2");
    assert_eq!(stamps(&given), [0, 40, 80, 120, 160, 200, 240, 256, 304, 352]);
    // The clock stops one part before the frame that is expected.
    assert_eq!(describe(&cadence.until(1000).collect::<Vec<_>>()), "2+1/4 2+1/2 2+3/4");
}

#[test]
fn repeated_and_falling_time_stamps_are_refused() {
    let mut cadence = Cadence::new(fixed(60, 1), MotionMode::Predict, MILLISECONDS).unwrap();
    cadence.push(10).unwrap().for_each(drop);
    assert!(matches!(cadence.push(10), Err(TimeError::NotIncreasing { previous: 10, found: 10 })));
    assert!(matches!(cadence.push(9), Err(TimeError::NotIncreasing { previous: 10, found: 9 })));
    assert_eq!(describe(&cadence.push(43).unwrap().collect::<Vec<_>>()), "H0");
    assert_eq!(describe(&cadence.finish(33).collect::<Vec<_>>()), "O1 1+17/33");
}

#[test]
fn errors_state_the_range() {
    let text = |rate, source| Cadence::new(rate, MotionMode::Predict, source).unwrap_err().to_string();
    for rate in [fixed(0, 1), fixed(-30, 1), fixed(1001, 1), fixed(30, 0)] {
        assert!(text(rate, MILLISECONDS).contains("up to 1000 frames per second"));
    }
    assert!(text(FrameRate::Multiple(65), MILLISECONDS).contains("x1 to x64, found x65"));
    assert!(text(FrameRate::Source, Rational::new(0, 1)).contains("time base"));
}

#[test]
fn durations_of_ticks() {
    let duration = |rate, source| Cadence::new(rate, MotionMode::Predict, source).unwrap().tick_duration(40);
    assert_eq!(duration(fixed(60, 1), MILLISECONDS), 50);
    assert_eq!(duration(FrameRate::Multiple(2), MILLISECONDS), 40);
    assert_eq!(duration(FrameRate::Source, MILLISECONDS), 40);
}

#[test]
fn an_empty_stream_has_no_ticks() {
    for rate in [fixed(60, 1), FrameRate::Multiple(2)] {
        assert_eq!(Cadence::new(rate, MotionMode::Predict, MILLISECONDS).unwrap().finish(10).count(), 0);
    }
    assert_eq!(describe(&run(fixed(60, 1), MotionMode::Predict, MILLISECONDS, &[7], 0)), "O0");
    assert_eq!(describe(&run(fixed(60, 1), MotionMode::Interpolate, MILLISECONDS, &[7], 50)), "O0 H0 H0");
}

/// Time stamps of any start and any intervals, of which one in sixteen is a gap.
fn source() -> impl Strategy<Value = Vec<Pts>> {
    let interval = prop_oneof![15 => 1i64..60, 1 => 60i64..3000];
    (-100_000i64..100_000, prop::collection::vec(interval, 1..80)).prop_map(|(start, intervals)| {
        let sum = |pts: &mut i64, interval: i64| {
            *pts += interval;
            Some(*pts)
        };
        std::iter::once(start).chain(intervals.into_iter().scan(start, sum)).collect()
    })
}

fn mode() -> impl Strategy<Value = MotionMode> {
    prop_oneof![Just(MotionMode::Predict), Just(MotionMode::Interpolate)]
}

fn rate() -> impl Strategy<Value = (i32, i32)> {
    let usual = prop::sample::select(vec![(24_000, 1001), (25, 1), (30_000, 1001), (60_000, 1001), (144, 1)]);
    prop_oneof![usual, (1i32..=6000, 6i32..=25)]
}

/// `value · of` as a fraction.
fn times(value: i64, of: Rational) -> (i128, i128) {
    (i128::from(value) * i128::from(of.num), of.den.into())
}

/// The distance of two fractions.
fn distance(a: (i128, i128), b: (i128, i128)) -> (i128, i128) {
    ((a.0 * b.1 - b.0 * a.1).abs(), a.1 * b.1)
}

proptest! {
    #[test]
    fn any_rate_from_any_source(
        stamps in source(), mode in mode(), (num, den) in rate(), (ticks_num, ticks_den) in (1i32..=3, 10i32..=96_000),
        duration in 1i64..60,
    ) {
        let (rate, source) = (Rational::new(num, den), Rational::new(ticks_num, ticks_den));
        let seconds = (stamps[stamps.len() - 1] + duration - stamps[0]) * i64::from(ticks_num) / i64::from(ticks_den);
        prop_assume!(seconds * i64::from(num) / i64::from(den) < 20_000);
        let base = Cadence::new(FrameRate::Fixed(rate), mode, source).unwrap().time_base();
        let ticks = run(FrameRate::Fixed(rate), mode, source, &stamps, duration);
        let source_time = |index: usize| times(stamps[index], source);

        // Time stamps: the first frame's plus n periods; exact, hence strictly monotonic, or the nearest nanosecond.
        let is_rounded = base == Rational::new(1, 1_000_000_000);
        for (n, tick) in ticks.iter().enumerate() {
            let first = source_time(0);
            let since = times(n as i64, rate.inverse());
            let exact = (first.0 * since.1 + since.0 * first.1, first.1 * since.1);
            let off = distance(times(tick.pts, base), exact);
            prop_assert!(off.0 == 0 || is_rounded && off.0 * 2_000_000_000 <= off.1);
        }
        if is_rounded {
            return Ok(());
        }

        // The count is the one documented, and FFmpeg's within one frame but for a tick kept for the last frame's sake.
        let rounded = |pts: i64| {
            let (n, d) = (times(pts, source).0 * i128::from(num), i128::from(ticks_den) * i128::from(den));
            (2 * n + d).div_euclid(2 * d)
        };
        let end = stamps[stamps.len() - 1] + duration;
        let (count, usual) = (ticks.len() as i128, rounded(end - stamps[0]).max(1));
        let (final_tick, final_frame) = (ticks[ticks.len() - 1], stamps.len() - 1);
        let is_not_later = times(final_tick.pts, base).0 * source_time(final_frame).1
            <= source_time(final_frame).0 * times(final_tick.pts, base).1;
        let is_kept = count == usual + 1
            && (is_not_later || final_tick.content == Content::Original(final_frame as u64));
        prop_assert!(count == usual || is_kept, "{} ticks, formula {}", count, usual);
        prop_assert!((usual - (rounded(end) - rounded(stamps[0]))).abs() <= 1);

        // Within an eighth of a period of the nearest frame: that frame; else between the right frames.
        let is_near = |d: (i128, i128)| d.0 * i128::from(num) * 8 <= d.1 * i128::from(den);
        for tick in &ticks {
            let time = times(tick.pts, base);
            let k = (0..stamps.len()).rfind(|k| source_time(*k).0 * time.1 <= time.0 * source_time(*k).1).unwrap();
            let away = |k: usize| distance(source_time(k), time);
            let next = (k + 1 < stamps.len()).then(|| k + 1);
            let nearest = match next {
                Some(next) if away(next).0 * away(k).1 < away(k).0 * away(next).1 => next,
                _ => k,
            };
            match tick.content {
                Content::Original(frame) => {
                    prop_assert_eq!(frame, nearest as u64);
                    prop_assert!(is_near(away(nearest)));
                }
                Content::Between { frame, tau } => {
                    prop_assert!(!is_near(away(nearest)));
                    prop_assert_eq!(frame, k as u64);
                    let (from, to, most) = match mode {
                        MotionMode::Predict => (k - 1, k, 2),
                        MotionMode::Interpolate => (k, k + 1, 1),
                    };
                    prop_assert!(tau.num() > 0 && tau.num() <= most * tau.den());
                    // time = pts[k] + tau · interval.
                    let interval = times(stamps[to] - stamps[from], source);
                    let moved = (tau.num() * interval.0, tau.den() * interval.1);
                    prop_assert_eq!(moved.0 * away(k).1, away(k).0 * moved.1);
                }
                Content::Hold(frame) => {
                    prop_assert!(!is_near(away(nearest)));
                    prop_assert_eq!(frame, k as u64);
                    let before = (k > 0).then(|| stamps[k] - stamps[k - 1]);
                    let explained = match mode {
                        MotionMode::Predict => before.is_none_or(|before| {
                            let longest = times(2 * before, source);
                            away(k).0 * longest.1 > longest.0 * away(k).1
                        }),
                        MotionMode::Interpolate => next.is_none_or(|next| {
                            before.is_some_and(|before| stamps[next] - stamps[k] > 4 * before)
                        }),
                    };
                    prop_assert!(explained);
                }
            }
        }

        // Every frame on the grid is kept: a frame that no tick shows is near none, or another is nearer to that tick.
        let shown: std::collections::HashSet<u64> = ticks.iter().filter_map(|tick| match tick.content {
            Content::Original(frame) => Some(frame),
            _ => None,
        }).collect();
        for (k, pts) in stamps.iter().enumerate().filter(|(k, _)| !shown.contains(&(*k as u64))) {
            // Ticks before and after the frame, beyond the last one too.
            let since = times(pts - stamps[0], source);
            let n = since.0 * i128::from(num) / (since.1 * i128::from(den));
            for n in [n, n + 1] {
                let first = source_time(0);
                let moved = (n * i128::from(den), i128::from(num));
                let time = (first.0 * moved.1 + moved.0 * first.1, first.1 * moved.1);
                let own = distance(source_time(k), time);
                let is_nearest = (0..stamps.len()).all(|other| {
                    let other = distance(source_time(other), time);
                    other.0 * own.1 >= own.0 * other.1
                });
                let ties = (0..stamps.len()).filter(|other| {
                    let other = distance(source_time(*other), time);
                    other.0 * own.1 == own.0 * other.1
                }).count();
                prop_assert!(!is_near(own) || !is_nearest || ties > 1, "frame {} at tick {}", k, n);
            }
        }
    }

    #[test]
    fn multiples_keep_every_frame(
        stamps in source(), mode in mode(), parts in 1u32..=64, (num, den) in (1i32..=1001, 1i32..=10_000_000),
    ) {
        let source = Rational::new(num, den);
        let base = Cadence::new(FrameRate::Multiple(parts), mode, source).unwrap().time_base();
        let ticks = run(FrameRate::Multiple(parts), mode, source, &stamps, 1);
        let count = parts as usize;
        prop_assert_eq!(ticks.len(), count * (stamps.len() - 1) + 1);
        for (n, tick) in ticks.iter().enumerate() {
            let (k, part) = (n / count, (n % count) as i64);
            let interval = stamps.get(k + 1).map_or(0, |next| next - stamps[k]);
            // In parts of source ticks, exact in the output's time base.
            let exact = (stamps[k] * i64::from(parts) + part * interval, Rational::new(num, den * parts as i32));
            prop_assert_eq!(distance(times(tick.pts, base), times(exact.0, exact.1)).0, 0);
            if part == 0 {
                prop_assert_eq!(tick.content, Content::Original(k as u64));
            } else if let Content::Between { frame, tau } = tick.content {
                prop_assert_eq!(frame, k as u64);
                let unit = if mode == MotionMode::Predict { stamps[k] - stamps[k - 1] } else { interval };
                prop_assert_eq!(tau.num() * i128::from(unit * i64::from(parts)), tau.den() * i128::from(part * interval));
            } else {
                prop_assert_eq!(tick.content, Content::Hold(k as u64));
            }
        }
    }

    // However the clock runs beside the frames, time stamps are those of the offline run, once each and in order.
    #[test]
    fn live_ticks_are_the_offline_ones_in_time(
        stamps in source(), num in 10i32..=120, steps in prop::collection::vec(0i64..80, 80),
    ) {
        let offline = run(fixed(num, 1), MotionMode::Predict, MILLISECONDS, &stamps, 20);
        let mut cadence = Cadence::new(fixed(num, 1), MotionMode::Predict, MILLISECONDS).unwrap();
        let mut live = Vec::new();
        for (pts, late) in stamps.iter().zip(steps) {
            live.extend(cadence.until(pts - 10));
            live.extend(cadence.push(*pts).unwrap());
            live.extend(cadence.until(pts + late));
        }
        live.extend(cadence.finish(20));
        let common = live.len().min(offline.len());
        prop_assert_eq!(&super::tests::stamps(&live)[..common], &super::tests::stamps(&offline)[..common]);
        prop_assert!(live.len() >= offline.len());
        prop_assert!(live.windows(2).all(|pair| pair[0].pts < pair[1].pts));
    }

    #[test]
    fn extreme_time_stamps_do_not_overflow(
        pts in prop::collection::vec(any::<i64>(), 1..4), num in 1i32..i32::MAX, den in 1i32..i32::MAX,
        (ticks_num, ticks_den) in (1i32..i32::MAX, 1i32..i32::MAX), mode in mode(),
    ) {
        let source = Rational::new(ticks_num, ticks_den);
        if let Ok(mut cadence) = Cadence::new(fixed(num, den), mode, source) {
            for pts in pts {
                if let Ok(ticks) = cadence.push(pts) {
                    ticks.take(3).for_each(drop);
                }
            }
            cadence.until(i64::MAX).take(3).for_each(drop);
            cadence.finish(i64::MAX).take(3).for_each(drop);
        }
    }
}
