use super::*;
use Transition::*;

const WIDTH: usize = 80;
const HEIGHT: usize = 48;

/// Luma by position, from 0 to 1.
type Scene = Box<dyn Fn(f32, f32) -> f32>;

/// A value of a lattice point, -1 to 1.
fn lattice(x: i32, y: i32, seed: u32) -> f32 {
    let mut bits = (x as u32).wrapping_mul(0x9e37_79b1)
        ^ (y as u32).wrapping_mul(0x85eb_ca77)
        ^ seed.wrapping_mul(0xc2b2_ae3d);
    bits = (bits ^ (bits >> 15)).wrapping_mul(0x2c1b_3c6d);
    bits = (bits ^ (bits >> 12)).wrapping_mul(0x297a_2d39);
    ((bits ^ (bits >> 15)) & 0xffff) as f32 / 32767.5 - 1.0
}

fn noise(x: f32, y: f32, seed: u32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (share_x, share_y) = (ease(x - left), ease(y - top));
    let at = |dx, dy| lattice(left as i32 + dx, top as i32 + dy, seed);
    let row = |dy| at(0, dy) * (1.0 - share_x) + at(1, dy) * share_x;
    row(0) * (1.0 - share_y) + row(1) * share_y
}

/// Details of all sizes, as in photographs.
fn scene(seed: u32) -> Scene {
    Box::new(move |x, y| {
        let octaves = [(60.0, 0.15), (27.0, 0.12), (13.0, 0.09), (6.0, 0.05), (3.0, 0.03)];
        let sum: f32 = octaves
            .iter()
            .zip(seed * 8..)
            .map(|((size, gain), seed)| gain * noise(x / size, y / size, seed))
            .sum();
        // Things with edges before it.
        let edge = 0.15 * (12.0 * noise(x / 31.0, y / 19.0, seed * 8 + 7)).clamp(-1.0, 1.0);
        (0.45 + sum + edge).clamp(0.0, 1.0)
    })
}

fn shoot(luma: impl Fn(f32, f32) -> f32) -> SmallFrame {
    let mut frame = SmallFrame::default();
    frame.reshape((4 * WIDTH as u32, 4 * HEIGHT as u32), 4);
    for (index, value) in frame.luma.iter_mut().enumerate() {
        *value = luma((index % (2 * WIDTH)) as f32, (index / (2 * WIDTH)) as f32);
    }
    frame
}

/// Errors of up to one 8-bit code value, different in each frame and constant over 4 x 4 samples.
fn compressed(mut frame: SmallFrame, number: u32) -> SmallFrame {
    for (index, value) in frame.luma.iter_mut().enumerate() {
        let (x, y) = (index % (2 * WIDTH) / 4, index / (2 * WIDTH) / 4);
        *value += lattice(x as i32, y as i32, 1000 + number) / 255.0;
    }
    frame
}

fn judge(frames: impl IntoIterator<Item = SmallFrame>) -> Vec<Transition> {
    let mut detector = Detector::new(DetectorOptions::default());
    frames.into_iter().map(|frame| detector.observe(&frame)).collect()
}

fn assert_moving(verdicts: &[Transition]) {
    assert_eq!(verdicts[0], First);
    assert!(verdicts[1..].iter().all(|verdict| *verdict == Moving), "{verdicts:?}");
}

#[test]
fn pans_of_any_speed_are_motion() {
    let scene = scene(1);
    // Samples at half size per frame: up to a twentieth of the width.
    for speed in [0.1, 0.3, 0.7, 2.0, 5.0, 8.0] {
        assert_moving(&judge(
            (0..12).map(|k| shoot(|x, y| scene(x + k as f32 * speed, y + k as f32 * speed * 0.3))),
        ));
    }
}

#[test]
fn zooms_and_turns_are_motion() {
    let scene = scene(2);
    assert_moving(&judge((0..12).map(|k| {
        let scale = 1.03f32.powi(-k);
        shoot(|x, y| scene((x - 80.0) * scale, (y - 48.0) * scale))
    })));
    assert_moving(&judge((0..12).map(|k| {
        let (sin, cos) = (k as f32 * 0.04).sin_cos();
        shoot(|x, y| scene((x - 80.0) * cos - (y - 48.0) * sin, (x - 80.0) * sin + (y - 48.0) * cos))
    })));
}

#[test]
fn a_small_thing_that_moves_is_motion() {
    let scene = scene(3);
    let clip = (0..10).map(|k| {
        let middle = 30.0 + 2.0 * k as f32;
        let frame = shoot(|x, y| if (x - middle).hypot(y - 40.0) < 7.0 { 0.9 } else { scene(x, y) });
        compressed(frame, k)
    });
    assert_moving(&judge(clip));
}

#[test]
fn cuts_are_found_where_they_are() {
    // Every pair of six scenes, both moving.
    for (before, after) in (1..7).flat_map(|a| (1..7).map(move |b| (a, b))).filter(|(a, b)| a != b) {
        let (first, second) = (scene(before), scene(after));
        let verdicts = judge((0..12).map(|k| {
            let scene = if k < 6 { &first } else { &second };
            shoot(|x, y| scene(x + 1.5 * k as f32, y))
        }));
        let expected: Vec<_> =
            (0..12).map(|k| [Moving, First, Cut][usize::from(k == 0) + 2 * usize::from(k == 6)]).collect();
        assert_eq!(verdicts, expected, "{before} to {after}");
    }
}

/// The picture with what `is_bar` says in a colour of its own.
fn framed(mut frame: SmallFrame, colour: f32, is_bar: impl Fn(usize, usize) -> bool) -> SmallFrame {
    for (index, value) in frame.luma.iter_mut().enumerate() {
        if is_bar(index % (2 * WIDTH), index / (2 * WIDTH)) {
            *value = colour;
        }
    }
    frame
}

#[test]
fn bars_around_the_picture_hide_no_cut_and_are_none() {
    let letterbox: fn(usize, usize) -> bool = |_, y| !(13..83).contains(&y);
    let pillarbox: fn(usize, usize) -> bool = |x, _| !(51..109).contains(&x);
    let window: fn(usize, usize) -> bool = |x, y| !(21..139).contains(&x) || !(13..83).contains(&y);
    for is_bar in [letterbox, pillarbox, window] {
        for (before, after, colour) in [(1, 2, 0.0), (2, 3, 0.0), (3, 4, 1.0), (4, 5, 0.0), (5, 6, 0.5)] {
            let (first, second) = (scene(before), scene(after));
            let verdicts = judge((0..12).map(|k| {
                let scene = if k < 6 { &first } else { &second };
                let frame = shoot(|x, y| scene(x + 1.5 * k as f32, y));
                compressed(framed(frame, colour, is_bar), k)
            }));
            let expected: Vec<_> = (0..12)
                .map(|k| [Moving, First, Cut][usize::from(k == 0) + 2 * usize::from(k == 6)])
                .collect();
            assert_eq!(verdicts, expected, "{before} to {after}");
        }
    }
}

#[test]
fn a_picture_without_anything_is_no_bar() {
    let scene = scene(1);
    let light = |k: i32| if k < 4 { 0.0 } else { 1.0 };
    let verdicts = judge((0..8).map(|k| shoot(|x, y| light(k) * scene(x + k as f32, y))));
    assert_eq!(verdicts, [First, Duplicate, Duplicate, Duplicate, Cut, Moving, Moving, Moving]);
}

#[test]
fn flashes_come_back() {
    let scene = scene(4);
    for length in [1, 2] {
        // A lamp that lights the scene, and one that drowns it.
        for gain in [0.2, 1.0] {
            let verdicts = judge((0..12).map(|k| {
                let light = if (5..5 + length).contains(&k) { gain } else { 0.0 };
                shoot(|x, y| (scene(x + k as f32, y) + light).min(1.0))
            }));
            assert!(matches!(verdicts[5], Flash | Cut), "{verdicts:?}");
            assert_eq!(verdicts[5 + length], FlashEnd(length + 1), "{verdicts:?}");
            for (k, verdict) in verdicts.iter().enumerate().skip(1) {
                let is_quiet = k < 5 || k > 5 + length;
                assert!(!is_quiet || *verdict == Moving, "{verdicts:?}");
            }
        }
    }
    let verdicts = judge((0..8).map(|k| {
        let light = if k >= 4 { 0.2 } else { 0.0 };
        shoot(|x, y| scene(x + k as f32, y) + light)
    }));
    assert_eq!(verdicts, [First, Moving, Moving, Moving, Flash, Moving, Moving, Moving]);
}

#[test]
fn dissolves_and_fades_are_found_and_left() {
    for (from, to) in [(1, 2), (3, 4), (5, 0)] {
        let (first, second) = (scene(from), scene(to));
        // Scene 0 stands for black.
        let shown = |k: f32, x: f32, y: f32| if to == 0 { 0.0 } else { second(x - 0.3 * k, y) };
        let verdicts = judge((0..30).map(|k| {
            let share = ((k as f32 - 7.0) / 15.0).clamp(0.0, 1.0);
            let k = k as f32;
            shoot(|x, y| (1.0 - share) * first(x + 0.3 * k, y) + share * shown(k, x, y))
        }));
        // The mixing changes frames 8 to 22; it takes two steady differences to be seen twice.
        assert!(verdicts[11..=22].iter().all(|verdict| *verdict == Dissolve), "{verdicts:?}");
        assert!(verdicts[1..=8].iter().all(|verdict| *verdict == Moving), "{verdicts:?}");
        assert!(verdicts[24..].iter().all(|verdict| verdict.has_motion()), "{verdicts:?}");
    }
}

#[test]
fn duplicates_exact_and_near() {
    let scene = scene(5);
    // Source frame shown by each frame: on twos, on threes, pulldown's left-over, 15 in 30, 25 in 30.
    let patterns: [fn(u32) -> u32; 5] = [|k| k / 2, |k| k / 3, |k| k * 4 / 5, |k| k / 2, |k| k * 5 / 6];
    for shown in patterns {
        let clip = |k: u32| shoot(|x, y| scene(x + 1.5 * shown(k) as f32, y));
        let is_repeated = |k: u32| k > 0 && shown(k) == shown(k - 1);
        for (k, verdict) in (0..).zip(judge((0..30).map(clip))).skip(1) {
            assert_eq!(verdict, if is_repeated(k) { Duplicate } else { Moving }, "frame {k}");
        }
        for (k, verdict) in (0..).zip(judge((0..30).map(|k| compressed(clip(k), k)))).skip(1) {
            assert_eq!(verdict, if is_repeated(k) { NearDuplicate } else { Moving }, "frame {k}");
        }
    }
}

#[test]
fn a_slow_fade_is_followed() {
    let scene = scene(2);
    // Half a code value and less per frame.
    let clip: Vec<_> =
        (0..100).map(|k| compressed(shoot(|x, y| scene(x, y) * (1.0 - 0.004 * k as f32)), k)).collect();
    let mut shown = &clip[0];
    let mut new = 0;
    for (frame, verdict) in clip.iter().zip(judge(clip.iter().cloned())) {
        if !verdict.is_duplicate() {
            (shown, new) = (frame, new + 1);
        }
        let difference: f32 =
            frame.luma.iter().zip(&shown.luma).map(|(now, shown)| (now - shown).abs()).sum();
        assert!(difference / frame.luma.len() as f32 <= 0.004);
    }
    assert!((20..90).contains(&new), "{new}");
}

#[test]
fn a_change_of_colour_alone_is_new() {
    let scene = scene(3);
    let painted = |k: u32, cells: usize, value: f32| {
        let mut frame = compressed(shoot(&scene), k);
        frame.chroma[1].fill(0.1);
        for row in frame.chroma[1].chunks_exact_mut(WIDTH).take(cells) {
            row[..cells].fill(value);
        }
        frame
    };
    let clip = [painted(0, 16, 0.1), painted(1, 16, 0.102), painted(2, 16, 0.14), painted(3, 48, 0.15)];
    assert_eq!(judge(clip), [First, NearDuplicate, Moving, Moving]);
}

#[test]
fn duplicates_are_the_same_at_cells_of_half_the_size() {
    // Two samples of luma for each one of larger cells, and noise between them that larger cells do not see.
    let fine = |coarse: &SmallFrame, number: u32| {
        let mut frame = SmallFrame::default();
        frame.reshape(coarse.source, 2);
        let width = 2 * frame.width;
        for (index, value) in frame.luma.iter_mut().enumerate() {
            let (x, y) = (index % width, index / width);
            let noise = 3.0 / 255.0 * lattice(x as i32 / 2, y as i32 / 2, 2000 + number);
            let sign = if (x + y) % 2 == 0 { 1.0 } else { -1.0 };
            *value = coarse.luma[y / 2 * 2 * WIDTH + x / 2] + sign * noise;
        }
        frame
    };
    let scene = scene(5);
    let clip = |k: u32| compressed(shoot(|x, y| scene(x + 1.5 * (k / 2) as f32, y)), k);
    let coarse = judge((0..20).map(clip));
    assert_eq!(coarse[1..5], [NearDuplicate, Moving, NearDuplicate, Moving]);
    assert_eq!(judge((0..20).map(|k| fine(&clip(k), k))), coarse);
}

#[test]
fn thresholds_can_be_set() {
    let scene = scene(6);
    let clip: Vec<_> =
        (0..4).map(|k| shoot(|x, y| scene(x + 20.0 * k as f32, y + 15.0 * k as f32))).collect();
    let verdicts = |options| {
        let mut detector = Detector::new(options);
        clip.iter().map(|frame| detector.observe(frame)).collect::<Vec<_>>()
    };
    let strict = DetectorOptions { cut: 0.05, ..DetectorOptions::default() };
    assert_eq!(verdicts(strict)[1..], [Cut; 3]);
    let blind = DetectorOptions { cut: 2.0, flash: 2.0, ..DetectorOptions::default() };
    assert_eq!(verdicts(blind)[1..], [Moving; 3]);
}

#[test]
fn another_size_starts_over() {
    let mut detector = Detector::new(DetectorOptions::default());
    let mut frame = shoot(|x, _| x / 200.0);
    assert_eq!(detector.observe(&frame), First);
    assert_eq!(detector.observe(&frame), Duplicate);
    frame.reshape((200, 100), 4);
    assert_eq!(detector.observe(&frame), First);
    assert_eq!(detector.observe(&frame), Duplicate);
    // Too small for a single block.
    frame.reshape((8, 8), 4);
    frame.luma.fill(0.0);
    assert_eq!(detector.observe(&frame), First);
    frame.luma.fill(1.0);
    assert_eq!(detector.observe(&frame), Moving);
}
