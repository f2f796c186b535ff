//! Frame counts, time stamps, durations.

use crate::common::{clips, oracle};
use crate::read::{read, read_with};
use framecast::frame::Rational;
use framecast::media::InputOptions;

#[test]
fn time_stamps_are_those_that_ffprobe_shows() {
    let cases = [
        clips::cfr_h264_aac(),
        clips::vfr_h264(),
        clips::vfr_vp9(),
        clips::hdr10_hevc(),
        clips::many_streams(),
        clips::one_frame(),
        clips::gif(),
        clips::edit_list(),
        clips::truncated(),
        clips::interlaced_tff_h264(),
        clips::interlaced_bff_mpeg2(),
        clips::telecine_flagged(),
        clips::long_groups_ts(),
    ];
    for clip in cases {
        let expected = oracle::frame_times(&clip);
        assert!(!expected.is_empty());
        assert_eq!(read(&clip).times(), expected, "{}", clip.display());
    }
}

#[test]
fn the_time_base_is_the_streams_and_durations_fill_the_gaps() {
    let film = read(&clips::cfr_h264_aac());
    assert_eq!(film.description.video.time_base, Rational::new(1, 15360));
    assert_eq!(film.description.video.frame_rate, Rational::new(30, 1));
    assert_eq!(film.description.video.frame_estimate, Some(60));
    assert!(!film.description.video.variable_rate);
    assert!(film.frames.iter().all(|frame| frame.info.duration == 512));
    assert!(read(&clips::vfr_h264()).description.video.variable_rate);
}

#[test]
fn streams_without_time_stamps_follow_the_given_rate() {
    let options = InputOptions { rate: Some(Rational::new(30000, 1001)), ..Default::default() };
    let all = read_with(&clips::elementary_stream(), &options);
    let base = all.description.video.time_base;
    assert_eq!(all.frames.len(), 30);
    let times = all.times();
    for (number, pts) in times.iter().enumerate() {
        let exact = number as f64 * 1001.0 / 30000.0;
        let found = (pts - times[0]) as f64 * base.to_f64();
        assert!((found - exact).abs() < 1e-5, "frame {number}: {found} s, expected {exact} s");
    }
}

#[test]
fn a_restart_of_the_time_stamps_goes_on_and_the_picture_keeps_its_size() {
    let all = read(&clips::size_change());
    assert_eq!(all.report.rescaled, 25);
    assert!(all.frames.iter().all(|frame| (frame.info.width, frame.info.height) == (320, 180)));
    let times = all.times();
    assert_eq!(times.len(), 50);
    let steps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(steps.iter().all(|step| *step == 3600), "{steps:?}");
    // The second half shows the same test pictures, larger: scaled down they resemble the first half.
    let luma = |frame: usize| all.frames[frame].planes()[0].rows().flatten().copied().collect::<Vec<u8>>();
    let difference: u64 = luma(0).iter().zip(luma(25)).map(|(a, b)| u64::from(a.abs_diff(b))).sum();
    assert!(difference / (320 * 180) < 30, "mean difference {}", difference / (320 * 180));
}

#[test]
fn damage_is_skipped_or_concealed_and_counted() {
    for (clip, least) in [(clips::truncated(), 20), (clips::bit_flips(), 40)] {
        let all = read(&clip);
        assert!(all.report.damaged > 0 && all.frames.len() >= least, "{:?}", all.report);
        assert_eq!(all.times(), oracle::frame_times(&clip));
        let options = InputOptions { strict: true, ..Default::default() };
        let error = crate::read::open(&clip, &options).and_then(crate::read::drain).err().unwrap();
        assert!(error.to_string().contains("damaged"), "{error}");
    }
}
