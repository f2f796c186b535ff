//! Closed captions of frames that are left out.

use super::{MotionMode, Script, play};
use crate::frame::SideData;

/// Two letters that name frame `k`, and a filler.
pub(super) fn of(k: i64) -> SideData {
    let bytes = [0xfc, (k / 256) as u8, (k % 256) as u8, 0xf8, 0, 0];
    SideData { kind: SideData::CAPTIONS, bytes: bytes.as_slice().into() }
}

/// Without fillers.
pub(super) fn text(side_data: &[SideData]) -> Vec<u8> {
    let captions = side_data.iter().filter(|data| data.kind == SideData::CAPTIONS);
    let units = captions.flat_map(|data| data.bytes.chunks(3).map(<[u8]>::to_vec).collect::<Vec<_>>());
    units.filter(|unit| unit[0] & 4 != 0).flatten().collect()
}

#[test]
fn captions_come_once_and_in_order_whatever_becomes_of_their_frames() {
    for mode in [MotionMode::Predict, MotionMode::Interpolate] {
        // Late frames, lost ones, and from second 3 to 6 a machine that has time for every second frame.
        let late = |k: i64| (k % 17 != 5).then_some(if k % 7 == 3 { 35.0 } else { 0.0 });
        let mut script = Script { mode, ..Script::new(200, late) };
        script.work = Box::new(|_, _, second| if (3.0..6.0).contains(&second) { 78.0 } else { 12.0 });
        let result = play(&script);
        assert!(result.statistics.frames_dropped > 20, "{}", result.statistics.frames_dropped);
        let arrived = (0..script.frames).filter(|k| (script.late)(*k).is_some());
        let expected: Vec<u8> = arrived.flat_map(|k| text(&[of(k)])).collect();
        let shown: Vec<u8> = result.shown.iter().flat_map(|seen| seen.captions.clone()).collect();
        // Those of the last frames have no picture any more.
        assert!(shown.len() + 3 * 5 >= expected.len(), "{mode:?}: {} of {}", shown.len(), expected.len());
        assert_eq!(shown, expected[..shown.len()], "{mode:?}");
    }
}
