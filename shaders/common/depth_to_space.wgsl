// A tensor's place in memory: `rows` x `columns` of channels, whose blocks of `block` x `block` channels are the pixels of
// one picture channel. `pixel` elements lie from one column to the next: 1 where channels are outermost, else the number
// of channels.
struct Layout {
    columns: u32,
    rows: u32,
    block: u32,
    pixel: u32,
}

// The index of picture channel `component` of pixel (x, y).
fn element_index(tensor: Layout, component: u32, x: u32, y: u32) -> u32 {
    let channel = (component * tensor.block + y % tensor.block) * tensor.block + x % tensor.block;
    let place = y / tensor.block * tensor.columns + x / tensor.block;
    if tensor.pixel > 1u {
        return place * tensor.pixel + channel;
    }
    return channel * tensor.rows * tensor.columns + place;
}
