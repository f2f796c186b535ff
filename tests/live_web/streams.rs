//! Pictures on their way: the newest one, to everybody who keeps up, and no others.

use crate::client::{PATIENCE, get, message, open, served};
use crate::colours::{check_patches, patches};
use crate::pixels;
use framecast::frame::{Frame, PixelFormat};
use framecast::live::{Output, ShownContent};
use std::io::Read;
use std::net::TcpStream;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

fn plain(value: u8) -> Frame {
    pixels::frame((64, 32), PixelFormat::YUV420P, pixels::bt709(), |_, _| [value; 3])
}

/// A picture that does not compress.
fn noise(seed: u32) -> Frame {
    pixels::frame((640, 360), PixelFormat::YUV420P, pixels::bt709(), |x, y| {
        [0u32, 1, 2].map(|c| {
            let mixed = (x ^ (y << 9) ^ (c << 18) ^ (seed << 20)).wrapping_mul(2_654_435_761);
            (mixed >> 24) as u8
        })
    })
}

#[test]
fn a_viewer_gets_both_pictures_in_the_right_colours() {
    let mut served = served(None);
    let mut stream = open(served.address(), "/stream");
    served.wait_for_viewers(1);
    let after = patches(PixelFormat::YUV420P, pixels::bt709());
    let before = plain(90);
    served.show(&after, &before, ShownContent::Predicted(0.5));
    let first = message(&mut stream);
    assert_eq!((first.number, first.latency, first.content), (1, 20_000, 1));
    check_patches(&first.after, |patch| patch, 5, "after");
    let picture = image::load_from_memory(&first.before).unwrap().to_rgb8();
    assert_eq!(picture.dimensions(), (64, 32));
    assert!(picture.get_pixel(30, 15).0.iter().all(|value| value.abs_diff(90) <= 3));
}

#[test]
fn what_has_not_changed_is_not_sent_again() {
    let mut served = served(None);
    let mut stream = open(served.address(), "/stream");
    served.wait_for_viewers(1);
    let (after, before, next) = (plain(10), plain(20), plain(30));
    served.show(&after, &before, ShownContent::Real);
    let first = message(&mut stream);
    assert!(!first.after.is_empty() && !first.before.is_empty());
    served.show(&next, &before, ShownContent::Predicted(0.5));
    let second = message(&mut stream);
    assert!(!second.after.is_empty() && second.before.is_empty());
    served.show(&next, &before, ShownContent::Held);
    let third = message(&mut stream);
    assert!(third.after.is_empty() && third.before.is_empty());
    assert_eq!((third.number, third.content), (3, 3));
    // Whoever comes later gets both.
    let mut late = open(served.address(), "/stream");
    let message = message(&mut late);
    assert!(!message.after.is_empty() && !message.before.is_empty());
}

#[test]
fn a_viewer_that_takes_nothing_holds_up_nobody_and_then_sees_the_newest() {
    let mut served = served(None);
    let mut slow = open(served.address(), "/stream");
    let mut quick = open(served.address(), "/stream");
    served.wait_for_viewers(2);
    let frames = [noise(1), noise(2)];
    let count = 100;
    for index in 0..count {
        served.show(&frames[index % 2], &frames[(index + 1) % 2], ShownContent::Real);
        assert_eq!(message(&mut quick).number, index as u64 + 1);
    }
    let mut seen = Vec::new();
    while seen.last() != Some(&(count as u64)) {
        seen.push(message(&mut slow).number);
    }
    assert!(seen.is_sorted() && seen.len() < count / 2, "{} of {count} pictures waited", seen.len());
}

#[test]
fn plain_viewers_get_parts_that_are_whole_pictures() {
    let mut served = served(None);
    let mut stream = open(served.address(), "/live.mjpeg");
    served.wait_for_viewers(1);
    for value in [40, 200] {
        served.show(&plain(value), &plain(0), ShownContent::Real);
        let picture = image::load_from_memory(&part(&mut stream)).unwrap().to_rgb8();
        assert!(picture.get_pixel(30, 15).0[0].abs_diff(value) <= 3);
    }
}

/// The next part of a multipart body, and its boundary.
fn part(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.contains("--picture\r\n") && head.contains("Content-Type: image/jpeg\r\n"), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
    let mut bytes = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

#[test]
fn nothing_is_encoded_while_nobody_watches() {
    let mut served = served(None);
    // It would be refused by the encoder.
    let huge = pixels::frame((66_000, 2), PixelFormat::YUV420P, pixels::bt709(), |_, _| [0; 3]);
    served.show(&huge, &huge, ShownContent::Real);
    let stream = open(served.address(), "/stream");
    served.wait_for_viewers(1);
    drop(stream);
    // Viewers that have gone are found out by what is sent to them.
    served.wait_for_viewers(0);
    served.show(&huge, &huge, ShownContent::Real);
}

#[test]
fn the_end_waits_for_no_client() {
    let mut served = served(None);
    let address = served.address();
    let mut watching = open(address, "/stream");
    let stuck = open(address, "/stream");
    let silent = crate::client::connect(address);
    served.wait_for_viewers(2);
    let frames = [noise(1), noise(2)];
    for index in 0..40 {
        served.show(&frames[index % 2], &frames[(index + 1) % 2], ShownContent::Real);
    }
    let (done, is_done) = sync_channel(1);
    let ending = std::thread::spawn(move || {
        let started = Instant::now();
        Box::new(served.output).finish().unwrap();
        done.send(started.elapsed()).unwrap();
    });
    let took = is_done.recv_timeout(PATIENCE).expect("the output ends");
    assert!(took.as_secs() < 3, "{took:?}");
    ending.join().unwrap();
    // The stream ends, maybe in the middle of a message or by a reset.
    let _ = watching.read_to_end(&mut Vec::new());
    assert!(TcpStream::connect(address).is_err());
    drop((stuck, silent));
}

#[test]
fn a_client_of_another_make_reads_the_same() {
    let served = served(None);
    let url = format!("{}statistics", served.output.name());
    let text = ureq::get(&url).call().unwrap().body_mut().read_to_string().unwrap();
    let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(parsed["source"], "waiting");
    assert_eq!(get(served.address(), "/statistics", "").status, 200);
}
