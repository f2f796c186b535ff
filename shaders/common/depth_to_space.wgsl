// A tensor's place in memory: channels of `rows` x `columns`, whose blocks of `block` x `block` channels are the pixels
// of one picture channel.
struct Layout {
    columns: u32,
    rows: u32,
    block: u32,
    unused: u32,
}

// The index of picture channel `component` of pixel (x, y).
fn element_index(tensor: Layout, component: u32, x: u32, y: u32) -> u32 {
    let channel = (component * tensor.block + y % tensor.block) * tensor.block + x % tensor.block;
    return (channel * tensor.rows + y / tensor.block) * tensor.columns + x / tensor.block;
}
