//! Edits on a machine that is too slow for them.

use super::{LeftOut, Level, Script, play};
use crate::live::EnlargingLevel;

/// A style takes 22 ms beside the network's 12. From 5.2 s to 12 s another program takes the processor, and all takes three times as
/// long.
fn script() -> Script {
    let mut script = Script::new(900, |_| Some(0.0));
    script.edits = vec![LeftOut::default(), LeftOut { style: true, ..LeftOut::default() }];
    script.work = Box::new(|way, left_out, second| {
        let network = [12.0, 5.0, 2.0][way];
        let style = if left_out.style { 0.0 } else { 22.0 };
        let times = if (5.2..12.0).contains(&second) { 3.0 } else { 1.0 };
        times * (network + style)
    });
    script
}

#[test]
fn an_edit_that_is_too_slow_is_given_up_before_frames_are_and_comes_back() {
    let result = play(&script());
    let levels: Vec<Level> = result.levels.iter().map(|(_, level)| *level).collect();
    let small = Level { enlarging: EnlargingLevel::Small, ..Level::default() };
    let without = Level { edits: LeftOut { style: true, ..LeftOut::default() }, ..small };
    assert_eq!(levels[..2], [small, without], "{:?}", result.levels);
    assert!(result.levels[1].0 < 8.0, "{:?}", result.levels);
    // The small network alone keeps up: all frames are shown.
    let letters = result.letters(8.5, 11.5);
    assert!(letters.contains("RpRpRpRp") && !letters.contains('='), "{letters}");
    let network = levels.iter().rposition(|level| level.enlarging == EnlargingLevel::Small);
    let style = levels.iter().rposition(|level| level.edits.style);
    assert!(network < style, "the network comes back first: {:?}", result.levels);
    assert_eq!(levels.last(), Some(&Level::default()), "{:?}", result.levels);
}
