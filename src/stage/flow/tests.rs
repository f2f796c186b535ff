use super::*;

/// Smooth texture without a direction or a period in sight, by position in luma samples of the source.
fn texture(x: f32, y: f32) -> f32 {
    let wave = |fx: f32, fy: f32, phase: f32| (x * fx + y * fy + phase).sin();
    0.5 + 0.12 * wave(0.11, 0.03, 0.0)
        + 0.1 * wave(-0.05, 0.13, 1.0)
        + 0.08 * wave(0.21, -0.17, 2.0)
        + 0.06 * wave(0.29, 0.23, 3.0)
}

/// A frame of `size` luma samples.
fn shoot((width, height): (u32, u32), shrink: usize, luma: impl Fn(f32, f32) -> f32) -> SmallFrame {
    let mut frame = SmallFrame::default();
    frame.reshape((width, height), shrink);
    let columns = 2 * frame.width;
    let side = shrink as f32 / 2.0;
    for (index, value) in frame.luma.iter_mut().enumerate() {
        let place = |index: usize| (index as f32 + 0.5) * side - 0.5;
        *value = luma(place(index % columns), place(index / columns));
    }
    frame
}

const SIZE: (u32, u32) = (320, 200);

fn extrapolated(
    flow: &mut Flow,
    clip: impl Fn(f32, f32, f32) -> f32,
    shrink: usize,
    tau: f32,
) -> MotionField {
    let frame = |time: f32| shoot(SIZE, shrink, |x, y| clip(time, x, y));
    let mut field = MotionField::default();
    flow.estimate(&frame(0.0), &frame(-1.0));
    flow.extrapolate(tau, &mut field);
    field
}

/// Calls `check` with the index of each cell that is `margin` cells away from the edges, and its centre.
fn each_cell(field: &MotionField, margin: usize, mut check: impl FnMut(usize, f32, f32)) {
    let centre = |index: usize| (index as f32 + 0.5) * field.shrink as f32 - 0.5;
    for row in margin..field.height - margin {
        for column in margin..field.width - margin {
            check(row * field.width + column, centre(column), centre(row));
        }
    }
}

fn assert_near(found: f32, expected: f32, tolerance: f32, what: &str) {
    assert!((found - expected).abs() <= tolerance, "{what}: expected {expected}, found {found}");
}

#[test]
fn a_pan_is_found_at_any_time_and_detail() {
    for (detail, shrink, tolerance) in [
        (FlowDetail::Fine, 4, 0.15),
        (FlowDetail::Quick, 4, 0.4),
        (FlowDetail::Fine, 2, 0.1),
        (FlowDetail::Quick, 2, 0.15),
    ] {
        for (speed_x, speed_y) in [(0.0, 0.0), (0.8, -0.5), (6.0, 3.0), (-17.0, 8.0)] {
            for tau in [0.25, 1.0] {
                let pan = |time: f32, x: f32, y: f32| texture(x - speed_x * time, y - speed_y * time);
                let field = extrapolated(&mut Flow::new(detail), pan, shrink, tau);
                // Content that has just come into view, and patches over it, match nothing.
                each_cell(&field, 56 / shrink, |cell, _, _| {
                    let what = format!("{detail:?} {speed_x} {speed_y} {tau}");
                    assert_near(field.first[0][cell], -tau * speed_x, tolerance, &what);
                    assert_near(field.first[1][cell], -tau * speed_y, tolerance, &what);
                    assert_near(field.other[0][cell], -(1.0 + tau) * speed_x, 2.0 * tolerance, &what);
                    assert_near(field.other[1][cell], -(1.0 + tau) * speed_y, 2.0 * tolerance, &what);
                });
                assert!(
                    field.blend.iter().all(|blend| *blend < -1.0)
                        && field.gate.iter().all(|gate| *gate == 0.0)
                );
            }
        }
    }
}

#[test]
fn a_zoom_is_that_of_the_place_it_leads_to() {
    // Grows by 4 per cent a frame around (160, 100): constant in the logarithm, which linear motion follows closely.
    let zoom = |time: f32, x: f32, y: f32| {
        let scale = 1.04f32.powf(-time);
        texture(160.0 + (x - 160.0) * scale, 100.0 + (y - 100.0) * scale)
    };
    let mut flow = Flow::default();
    let field = extrapolated(&mut flow, zoom, 4, 1.0);
    assert_eq!(flow.traced(1.0), field.first);
    assert_eq!(flow.traced(0.0), flow.displacements().displacement);
    each_cell(&field, 8, |cell, x, y| {
        // The content at x was at 160 + (x - 160) / 1.04 when the first frame was shown.
        assert_near(field.first[0][cell], (x - 160.0) * (1.0 / 1.04 - 1.0), 0.5, "across");
        assert_near(field.first[1][cell], (y - 100.0) * (1.0 / 1.04 - 1.0), 0.5, "down");
    });
}

#[test]
fn what_stands_still_before_a_pan_does_not_move() {
    let is_logo = |x: f32, y: f32| (200.0..280.0).contains(&x) && (40.0..100.0).contains(&y);
    let clip = |time: f32, x: f32, y: f32| {
        if is_logo(x, y) { texture(1.7 * y, 1.3 * x) } else { texture(x - 5.0 * time, y) }
    };
    let field = extrapolated(&mut Flow::default(), clip, 4, 1.0);
    each_cell(&field, 4, |cell, x, y| {
        if (216.0..264.0).contains(&x) && (56.0..84.0).contains(&y) {
            assert_near(field.first[0][cell], 0.0, 0.2, "logo");
        }
        if (40.0..160.0).contains(&x) {
            assert_near(field.first[0][cell], -5.0, 0.3, "background");
        }
    });
}

#[test]
fn a_thing_moves_on_to_where_it_will_be() {
    // A square of 48 samples that moves by 12 per frame over a background at rest.
    let is_inside =
        |time: f32, x: f32, y: f32| (x - 120.0 - 12.0 * time).abs() < 24.0 && (y - 100.0).abs() < 24.0;
    let clip = |time: f32, x: f32, y: f32| {
        if is_inside(time, x, y) { texture(2.0 * (x - 12.0 * time), 2.0 * y) } else { texture(y, x) }
    };
    let field = extrapolated(&mut Flow::default(), clip, 4, 1.0);
    each_cell(&field, 0, |cell, x, y| {
        if (x - 132.0).abs() < 12.0 && (y - 100.0).abs() < 14.0 {
            assert_near(field.first[0][cell], -12.0, 1.0, "square");
        }
        if !(70.0..190.0).contains(&x) {
            assert_near(field.first[0][cell], 0.0, 0.2, "background");
        }
    });
}

#[test]
fn a_frame_between_two_follows_both() {
    for (speed_x, speed_y) in [(0.0, 0.0), (7.0, -3.0)] {
        for tau in [0.2, 0.5] {
            let frame = |time: f32| shoot(SIZE, 4, |x, y| texture(x - speed_x * time, y - speed_y * time));
            let (mut flow, mut field) = (Flow::default(), MotionField::default());
            flow.estimate_both(&frame(0.0), &frame(1.0));
            flow.interpolate(tau, &mut field);
            each_cell(&field, 6, |cell, _, _| {
                assert_near(field.first[0][cell], -tau * speed_x, 0.15, "first x");
                assert_near(field.first[1][cell], -tau * speed_y, 0.15, "first y");
                assert_near(field.other[0][cell], (1.0 - tau) * speed_x, 0.15, "other x");
                assert_near(field.other[1][cell], (1.0 - tau) * speed_y, 0.15, "other y");
                let weight = 1.0 / (1.0 + (-field.blend[cell]).exp());
                assert_near(weight, tau, 1e-5, "weight");
            });
        }
    }
}

#[test]
fn the_scale_tells_where_nothing_matches() {
    // The right half changes altogether.
    let clip = |time: f32, x: f32, y: f32| {
        if x < 160.0 { texture(x, y) } else { texture(y + 700.0 * time, 2.0 * x) }
    };
    let field = extrapolated(&mut Flow::default(), clip, 4, 1.0);
    let mut sums = [(0.0, 0.0f32); 2];
    each_cell(&field, 4, |cell, x, _| {
        let side = &mut sums[usize::from(x > 160.0)];
        *side = (side.0 + field.log_scale[cell].exp(), side.1 + 1.0);
    });
    let [still, changed] = sums.map(|(sum, count)| sum / count);
    assert!(still < 0.004 && changed > 0.04, "{still} {changed}");
}

#[test]
fn any_size_has_a_finite_field_and_memory_does_not_matter() {
    let mut used = Flow::default();
    for (width, height, shrink) in [(1, 1, 4), (9, 3, 4), (64, 1, 2), (3, 90, 4), (321, 77, 2), (130, 131, 4)]
    {
        let frame = |shift: f32| shoot((width, height), shrink, |x, y| texture(x + shift, y));
        let (mut field, mut fresh) = (MotionField::default(), MotionField::default());
        used.estimate_both(&frame(0.0), &frame(3.0));
        let mut new = Flow::default();
        new.estimate_both(&frame(0.0), &frame(3.0));
        for tau in [0.5, 1.0] {
            used.extrapolate(tau, &mut field);
            new.extrapolate(tau, &mut fresh);
            assert_eq!(field, fresh);
        }
        used.interpolate(0.4, &mut field);
        new.interpolate(0.4, &mut fresh);
        assert_eq!(field, fresh);
        let planes = [
            &field.first[0],
            &field.first[1],
            &field.other[0],
            &field.other[1],
            &field.blend,
            &field.log_scale,
        ];
        for plane in planes {
            assert_eq!(plane.len(), field.width * field.height);
            assert!(plane.iter().all(|value| value.is_finite()), "{width} x {height}");
        }
    }
}
