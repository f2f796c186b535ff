//! How many pictures a decoder holds back.

use crate::common::clips;
use framecast::frame::BufferPool;
use framecast::media::{InputOptions, Interrupt, Source, SourceItem};
use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

/// Of 50 pictures, those that come although the sender says nothing more and stays there.
fn there(low_delay: bool) -> usize {
    let clip = clips::make(
        "no-delay.ts",
        "-f lavfi -i testsrc2=s=160x90:r=25:d=2 -c:v libx264 -preset ultrafast -tune zerolatency -x264-params slices=4 -f mpegts",
        &[],
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let location = format!("tcp://{}", listener.local_addr().unwrap());
    let (done, is_done) = std::sync::mpsc::sync_channel::<()>(1);
    let sender = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        connection.write_all(&std::fs::read(clip).unwrap()).unwrap();
        let _ = is_done.recv();
    });
    let interrupt = Interrupt::default();
    let options = InputOptions { threads: Some(8), low_delay, ..InputOptions::default() };
    let mut source = Source::open(&location, &options, interrupt.clone(), BufferPool::new()).unwrap();
    let mut pictures = 0;
    loop {
        interrupt.expire_after(Duration::from_secs(2));
        match source.next() {
            Ok(SourceItem::Frame(_)) => pictures += 1,
            Ok(SourceItem::Packet(_)) => {}
            Ok(SourceItem::End) | Err(_) => break,
        }
    }
    drop(done);
    sender.join().unwrap();
    pictures
}

#[test]
fn threads_hold_pictures_back_unless_they_share_each() {
    // The container and the parser each keep one that ends where another would begin.
    assert_eq!(there(true), 48);
    assert!(there(false) <= 43);
}
