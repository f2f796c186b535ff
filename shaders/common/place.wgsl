// How a column or row of samples lies on a grid of cells and on the mask.
struct Place {
    // The cells on both sides, and the second one's share.
    cell: u32,
    next: u32,
    share: f32,
    // The first and the last of the mask's columns or rows that it covers.
    covered_first: u32,
    covered_last: u32,
}

// Whether the sample at both places is to stay; `mask` has a byte for each pixel of the source.
fn stands_still(column: Place, row: Place) -> bool {
    if params.mask_width == 0u {
        return false;
    }
    for (var y = row.covered_first; y <= row.covered_last; y++) {
        for (var x = column.covered_first; x <= column.covered_last; x++) {
            let index = y * params.mask_width + x;
            if ((mask[index >> 2u] >> ((index & 3u) * 8u)) & 255u) != 0u {
                return true;
            }
        }
    }
    return false;
}
