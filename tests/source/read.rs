//! Reads a clip to its end.

use framecast::error::MediaError;
use framecast::frame::{BufferPool, Frame};
use framecast::media::{
    CopyPacket, InputDescription, InputOptions, Interrupt, Source, SourceItem, SourceReport, StreamKind,
};
use std::path::Path;
use std::sync::Arc;

/// All that came out of a clip.
pub(crate) struct Everything {
    pub(crate) description: Arc<InputDescription>,
    pub(crate) frames: Vec<Frame>,
    pub(crate) packets: Vec<CopyPacket>,
    pub(crate) report: SourceReport,
}

impl Everything {
    pub(crate) fn times(&self) -> Vec<i64> {
        self.frames.iter().map(|frame| frame.info.pts).collect()
    }

    /// All samples of all frames without padding, as raw video.
    pub(crate) fn samples(&self) -> Vec<u8> {
        let planes = self.frames.iter().flat_map(Frame::planes);
        planes.flat_map(|plane| plane.rows().flatten().copied()).collect()
    }

    /// Time stamp and size of the packets of the `nth` stream of a kind.
    pub(crate) fn packets_of(&self, kind: StreamKind, nth: usize) -> Vec<(i64, usize)> {
        let streams = self.description.streams.iter().enumerate();
        let (position, _) = streams.filter(|(_, stream)| stream.kind == kind).nth(nth).unwrap();
        let own = self.packets.iter().filter(|packet| packet.stream == position);
        own.map(|packet| (packet.pts().unwrap(), packet.data().len())).collect()
    }
}

pub(crate) fn open(clip: &Path, options: &InputOptions) -> Result<Source, MediaError> {
    Source::open(clip.to_str().unwrap(), options, Interrupt::default(), BufferPool::new())
}

pub(crate) fn drain(mut source: Source) -> Result<Everything, MediaError> {
    let (mut frames, mut packets) = (Vec::new(), Vec::new());
    loop {
        match source.next()? {
            SourceItem::Frame(frame) => frames.push(frame),
            SourceItem::Packet(packet) => packets.push(packet),
            SourceItem::End => break,
        }
    }
    assert!(matches!(source.next(), Ok(SourceItem::End)), "the end stays the end");
    let report = source.report();
    assert_eq!(report.frames, frames.len() as u64);
    Ok(Everything { description: source.description(), frames, packets, report })
}

pub(crate) fn read_with(clip: &Path, options: &InputOptions) -> Everything {
    open(clip, options).and_then(drain).unwrap_or_else(|error| panic!("{}: {error}", clip.display()))
}

pub(crate) fn read(clip: &Path) -> Everything {
    read_with(clip, &InputOptions::default())
}
