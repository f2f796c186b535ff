//! Dense inverse search as the program does it, for the training of motion networks: reads pairs of pictures from standard
//! input and writes where the content of each cell of the first one lies in the other.
//!
//! A pair is: columns and rows of cells and source pixels along a side of a cell (little-endian u32 each), then the luma of
//! both pictures (u8 codes, 2x2 to a cell, row by row). The answer is dx, then dy of all cells (f32, source pixels).

use framecast::frame::SmallFrame;
use framecast::stage::{Flow, FlowDetail};
use std::io::{Read, Write};

fn main() -> std::io::Result<()> {
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let [mut first, mut other] = [(); 2].map(|()| SmallFrame::default());
    loop {
        let mut head = [[0; 4]; 3];
        for (index, number) in head.iter_mut().enumerate() {
            match input.read_exact(number) {
                Err(error) if index == 0 && error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    return Ok(());
                }
                result => result?,
            }
        }
        let [columns, rows, shrink] = head.map(u32::from_le_bytes);
        for small in [&mut first, &mut other] {
            small.reshape((columns * shrink, rows * shrink), shrink as usize);
            let mut codes = vec![0; small.luma.len()];
            input.read_exact(&mut codes)?;
            small.luma.iter_mut().zip(codes).for_each(|(luma, code)| *luma = f32::from(code) / 255.0);
        }
        // On luma at half of the source's size, as networks are given it.
        let mut flow = Flow::new(if shrink == 2 { FlowDetail::Quick } else { FlowDetail::Fine });
        flow.estimate(&first, &other);
        let values = flow.displacements().displacement.into_iter().flatten();
        output.write_all(&values.flat_map(f32::to_le_bytes).collect::<Vec<u8>>())?;
        output.flush()?;
    }
}
