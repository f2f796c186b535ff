//! Interlacing: recognised where it is, not where it is not, and removed without touching time stamps.

use crate::common::{clips, oracle};
use crate::read::{read, read_with};
use framecast::media::{Deinterlace, InputOptions};

#[test]
fn flagged_fields_are_joined_as_bwdif_does_and_keep_their_time() {
    for clip in [clips::interlaced_tff_h264(), clips::interlaced_bff_mpeg2(), clips::telecine_flagged()] {
        let all = read(&clip);
        assert_eq!(all.report.deinterlaced, all.report.frames, "{}", clip.display());
        assert_eq!(all.times(), oracle::frame_times(&clip));
        assert!(all.frames.iter().all(|frame| frame.info.duration > 0));
        let bwdif = ["-vf", "bwdif=mode=send_frame:parity=auto:deint=interlaced"];
        assert!(all.samples() == oracle::decoded(&clip, "yuv420p", &bwdif), "{}", clip.display());
    }
}

#[test]
fn unflagged_fields_are_found_by_looking() {
    for (clip, parity) in [(clips::interlaced_unflagged(), "tff"), (clips::telecine_unflagged(), "tff")] {
        let all = read(&clip);
        assert_eq!(all.report.deinterlaced, all.report.frames, "{}", clip.display());
        assert_eq!(all.times(), oracle::frame_times(&clip));
        let bwdif = format!("bwdif=mode=send_frame:parity={parity}:deint=all");
        assert!(all.samples() == oracle::decoded(&clip, "yuv420p", &["-vf", &bwdif]), "{}", clip.display());
    }
}

#[test]
fn progressive_video_is_left_alone() {
    for clip in [
        clips::cfr_h264_aac(),
        clips::vfr_h264(),
        clips::vfr_vp9(),
        clips::motion(),
        clips::many_streams(),
        clips::hdr10_hevc(),
        clips::long_groups_ts(),
        clips::lossless("nv12", "rawvideo"),
    ] {
        assert_eq!(read(&clip).report.deinterlaced, 0, "{}", clip.display());
    }
}

#[test]
fn the_mode_can_be_forced() {
    let mode = |deinterlace| InputOptions { deinterlace, ..Default::default() };
    let clip = clips::interlaced_tff_h264();
    let off = read_with(&clip, &mode(Deinterlace::Off));
    assert_eq!(off.report.deinterlaced, 0);
    assert!(off.samples() == oracle::decoded(&clip, "yuv420p", &[]));
    for clip in [
        clips::motion(),
        clips::one_frame(),
        clips::lossless("nv12", "rawvideo"),
        clips::lossless("rgb24", "rawvideo"),
    ] {
        let on = read_with(&clip, &mode(Deinterlace::On));
        assert_eq!(on.report.deinterlaced, on.report.frames, "{}", clip.display());
        assert_eq!(on.report.rescaled, 0);
        assert_eq!(on.times(), oracle::frame_times(&clip));
    }
}
