//! The pictures that networks are tried on: the same in every run, and the same at a place whatever their size.

/// Samples of a picture, channel by channel, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Planar {
    pub(super) channels: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) values: Vec<f32>,
}

impl Planar {
    /// A picture of `value(channel, x, y)`.
    pub(super) fn of(
        channels: usize,
        (width, height): (usize, usize),
        value: impl Fn(usize, usize, usize) -> f32,
    ) -> Self {
        let place = |index: usize| (index / (width * height), index % width, index / width % height);
        let values = (0..channels * width * height).map(|index| {
            let (c, x, y) = place(index);
            value(c, x, y)
        });
        Self { channels, width, height, values: values.collect() }
    }

    /// The sample at a place, clamped into the picture.
    pub(super) fn at(&self, c: usize, x: usize, y: usize) -> f32 {
        let (x, y) = (x.min(self.width.saturating_sub(1)), y.min(self.height.saturating_sub(1)));
        self.values.get((c * self.height + y) * self.width + x).copied().unwrap_or_default()
    }

    /// The mean of every `block` x `block` samples.
    pub(super) fn shrunk(&self, block: usize) -> Self {
        let size = (self.width / block, self.height / block);
        Self::of(self.channels, size, |c, x, y| {
            let places = (0..block * block).map(|index| (index % block, index / block));
            let sum: f32 = places.map(|(dx, dy)| self.at(c, x * block + dx, y * block + dy)).sum();
            sum / (block * block) as f32
        })
    }

    /// The part without `margin` samples on each side.
    pub(super) fn inner(&self, margin: usize) -> Self {
        let size = (self.width.saturating_sub(2 * margin), self.height.saturating_sub(2 * margin));
        Self::of(self.channels, size, |c, x, y| self.at(c, x + margin, y + margin))
    }

    /// The picture with its channels in the opposite order.
    pub(super) fn reversed(&self) -> Self {
        let last = self.channels.saturating_sub(1);
        Self::of(self.channels, (self.width, self.height), |c, x, y| self.at(last - c, x, y))
    }
}

/// Smooth, coloured, with edges and a little texture, as photos are. Values within 0..1.
pub(super) fn photo(c: usize, x: usize, y: usize) -> f32 {
    let phase = 2.1 * c as f32;
    let waves = (x as f32 * 0.13 + phase).sin() * (y as f32 * 0.09 + 1.7 * phase).cos();
    let shape = if (x / 21 + y / 17).is_multiple_of(2) { 0.12 } else { -0.12 };
    let tint = [0.12, -0.02, -0.1].get(c).copied().unwrap_or_default();
    (0.5 + tint + 0.25 * waves + shape + 0.06 * (noise(c, x, y) - 0.5)).clamp(0.0, 1.0)
}

/// Black and white blocks of 2 x 2 samples at random: the strongest contrast that a picture can have everywhere.
pub(super) fn contrast(c: usize, x: usize, y: usize) -> f32 {
    if noise(c, x / 2, y / 2) < 0.5 { 0.0 } else { 1.0 }
}

/// A number in 0..1 that only depends on the place.
fn noise(c: usize, x: usize, y: usize) -> f32 {
    let mut bits = (x as u32).wrapping_mul(0x9E37_79B1)
        ^ (y as u32).wrapping_mul(0x85EB_CA77)
        ^ (c as u32).wrapping_mul(0xC2B2_AE3D);
    bits ^= bits >> 15;
    bits = bits.wrapping_mul(0x2C1B_3C6D);
    bits ^= bits >> 12;
    bits = bits.wrapping_mul(0x297A_2D39);
    bits ^= bits >> 15;
    (bits >> 8) as f32 / 16_777_216.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_use_the_whole_range_and_their_channels_differ() {
        let picture = Planar::of(3, (96, 64), photo);
        let (low, high) =
            picture.values.iter().fold((1.0f32, 0.0f32), |(low, high), v| (low.min(*v), high.max(*v)));
        assert!(low < 0.15 && high > 0.85, "{low} to {high}");
        let (whole, part) = (Planar::of(3, (40, 30), photo), picture.at(2, 39, 29));
        assert!((whole.at(2, 39, 29) - part).abs() < 1e-9);
        let mean = |c: usize| picture.values[c * 6144..(c + 1) * 6144].iter().sum::<f32>() / 6144.0;
        assert!(mean(0) > mean(1) && mean(1) > mean(2));
    }

    #[test]
    fn shrinking_takes_means() {
        let picture = Planar::of(1, (4, 2), |_, x, y| (x + 4 * y) as f32);
        assert_eq!(picture.shrunk(2).values, [2.5, 4.5]);
        assert_eq!(Planar::of(1, (3, 3), |_, x, y| (x + 3 * y) as f32).inner(1).values, [4.0]);
    }
}
