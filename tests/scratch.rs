#[path = "sink/support.rs"]
mod support;
use support::*;
use framecast::frame::*;
use framecast::media::OutputOptions;
#[test]
fn scratch() {
    let path = std::path::Path::new("/tmp/k.mp4");
    let input = input(PixelFormat::YUV420P, Rational::new(1, 24000), Rational::new(24000, 1001));
    write(open(&path, &OutputOptions { overwrite: true, ..Default::default() }, &input), &steady(0, 1001, 30));
}
