//! ICC profiles: what the numbers of a picture's colours mean.

use crate::frame::SideData;

/// True if the profile is one for grey or for red, green and blue pictures. That of a CMYK picture, which is read as RGB, is not.
pub(super) fn describes(profile: &[u8], is_gray: bool) -> bool {
    let space: &[u8; 4] = if is_gray { b"GRAY" } else { b"RGB " };
    profile.get(16..20) == Some(space)
}

/// The profile among a frame's side data.
pub(super) fn of(side_data: &[SideData]) -> Option<&[u8]> {
    let found = side_data.iter().find(|data| data.kind == SideData::ICC_PROFILE)?;
    Some(&found.bytes)
}
