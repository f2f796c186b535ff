//! How much is left out where the machine is too slow.

/// How much of the work on motion is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum MotionLevel {
    /// Nothing.
    #[default]
    Full,
    /// Motion is found without a network.
    Light,
    /// And at half of the usual size.
    Coarse,
    /// Nothing is predicted: the newest real frame is held.
    Off,
}

/// How much of the work of enlarging is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum EnlargingLevel {
    /// Nothing.
    #[default]
    Full,
    /// A smaller network enlarges.
    Small,
    /// Frames are enlarged without a network.
    Resampled,
}

/// Steps beside enlarging that are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Frames are not painted in a style.
    pub style: bool,
    /// Noise is not removed.
    pub denoise: bool,
    /// Dark frames are not brightened.
    pub low_light: bool,
}

impl LeftOut {
    /// How many steps.
    pub fn count(self) -> usize {
        [self.style, self.denoise, self.low_light].into_iter().filter(|is_left_out| *is_left_out).count()
    }
}

/// How much is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// Between real frames.
    pub motion: MotionLevel,
    /// In real frames, of enlarging.
    pub enlarging: EnlargingLevel,
    /// In real frames, beside enlarging.
    pub edits: LeftOut,
}

impl Level {
    /// For people and statistics: `full`, or what is left out.
    pub fn name(self) -> String {
        let motion = match self.motion {
            MotionLevel::Full => None,
            MotionLevel::Light => Some("light motion"),
            MotionLevel::Coarse => Some("coarse motion"),
            MotionLevel::Off => Some("no prediction"),
        };
        let enlarging = match self.enlarging {
            EnlargingLevel::Full => None,
            EnlargingLevel::Small => Some("small network"),
            EnlargingLevel::Resampled => Some("resampled"),
        };
        let edits = [
            (self.edits.style, "no style"),
            (self.edits.denoise, "no denoising"),
            (self.edits.low_light, "no brightening"),
        ];
        let edits = edits.into_iter().filter_map(|(is_left_out, name)| is_left_out.then_some(name));
        let names: Vec<&str> = motion.into_iter().chain(enlarging).chain(edits).collect();
        if names.is_empty() { "full".into() } else { names.join(", ") }
    }

    /// Whether less is done than at `other`.
    pub(super) fn is_below(self, other: Self) -> bool {
        self.motion > other.motion
            || self.enlarging > other.enlarging
            || self.edits.count() > other.edits.count()
    }
}
