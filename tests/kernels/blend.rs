//! Tiles into a canvas.

use crate::reference;
use crate::support::{assert_close, backends, elements, noise_tensor};
use framecast::error::KernelError;
use framecast::frame::{DataType, Tensor, TensorData, TensorLayout};
use framecast::kernel::TilePlace;

const ALONE: TilePlace = TilePlace { x: 0, y: 0, left: None, right: None, top: None, bottom: None };

#[test]
fn a_tile_is_placed_clipped_and_weighted() {
    for mut kernels in backends() {
        let tile = noise_tensor([3, 20, 33], -1.0, 1.0);
        let ramps = TilePlace {
            left: Some((3, 5)),
            right: Some((28, 4)),
            top: Some((0, 7)),
            bottom: Some((19, 0)),
            ..ALONE
        };
        for layout in [TensorLayout::Nchw, TensorLayout::Nhwc] {
            let tile = Tensor { layout, ..tile.clone() };
            for place in [ALONE, ramps] {
                for (x, y) in [(0, 0), (7, 5), (-4, -6), (30, 10), (200, -300)] {
                    let place = TilePlace { x, y, ..place };
                    let mut canvas = Tensor { layout, ..noise_tensor([3, 25, 40], -1.0, 1.0) };
                    let mut expected = elements(&canvas);
                    reference::blend(&tile, &place, &mut expected, canvas.shape);
                    kernels.blend_tile(tile.view(), &place, &mut canvas).unwrap();
                    let case = format!("{} {layout} {place:?}", kernels.name());
                    assert_close(&elements(&canvas), &expected, 1e-6, &case);
                }
            }
        }
    }
}

#[test]
fn overlapping_tiles_give_the_whole() {
    for mut kernels in backends() {
        let whole = noise_tensor([2, 30, 50], -1.0, 1.0);
        for overlap in [0, 1, 2, 5, 8] {
            let mut canvas = Tensor::zeros(whole.shape);
            for (top, height) in [(0, 14), (14 - overlap, 16 + overlap)] {
                for (left, width) in [(0, 21), (21 - overlap, 29 + overlap)] {
                    let place = TilePlace {
                        x: left as i64,
                        y: top as i64,
                        left: (left > 0).then_some((0, overlap)),
                        right: (left == 0).then_some((width - overlap, overlap)),
                        top: (top > 0).then_some((0, overlap)),
                        bottom: (top == 0).then_some((height - overlap, overlap)),
                    };
                    let tile = cut(&whole, (left, top), (width, height));
                    kernels.blend_tile(tile.view(), &place, &mut canvas).unwrap();
                }
            }
            let case = format!("{} overlap {overlap}", kernels.name());
            assert_close(&elements(&canvas), &elements(&whole), 1e-6, &case);
        }
    }
}

fn cut(whole: &Tensor, (left, top): (usize, usize), (width, height): (usize, usize)) -> Tensor {
    let [channels, rows, columns] = whole.shape;
    let values = whole.as_f32().unwrap();
    let at = |c: usize, y: usize, x: usize| values[(c * rows + top + y) * columns + left + x];
    let rows = (0..channels).flat_map(|c| (0..height).map(move |y| (c, y)));
    let values = rows.flat_map(|(c, y)| (0..width).map(move |x| at(c, y, x))).collect();
    Tensor { shape: [channels, height, width], layout: TensorLayout::Nchw, data: TensorData::F32(values) }
}

#[test]
fn half_precision_tiles() {
    for mut kernels in backends() {
        let mut tile = Tensor::empty();
        tile.reset([2, 3, 4], TensorLayout::Nchw, DataType::F16);
        if let TensorData::F16(values) = &mut tile.data {
            values.fill(half::f16::from_f32(0.75));
        }
        let mut canvas = Tensor::zeros([2, 5, 5]);
        kernels.blend_tile(tile.view(), &ALONE, &mut canvas).unwrap();
        let sum = elements(&canvas).iter().sum();
        assert_close(&[sum], &[24.0 * 0.75], 1e-6, &kernels.name());
    }
}

#[test]
fn a_canvas_of_other_channels_is_refused() {
    for mut kernels in backends() {
        let error =
            kernels.blend_tile(Tensor::zeros([2, 3, 3]).view(), &ALONE, &mut Tensor::zeros([3, 9, 9]));
        assert!(matches!(error, Err(KernelError::Shape { operation: "blend_tile", .. })));
    }
}
