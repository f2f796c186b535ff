// Bends a picture of three planar channels by curves whose maps may be smaller; one invocation per pixel.

struct Params {
    width: u32,
    height: u32,
    map_width: u32,
    map_height: u32,
    // Maps of each channel.
    iterations: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> maps: array<f32>;
@group(0) @binding(2) var<storage, read_write> picture: array<f32>;

// A position in the map, within its first and last sample.
fn place_of(index: u32, length: u32, map_length: u32) -> f32 {
    let place = (f32(index) + 0.5) * f32(map_length) / f32(length) - 0.5;
    return clamp(place, 0.0, f32(map_length - 1u));
}

@compute @workgroup_size(32, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.width || id.y >= params.height {
        return;
    }
    let column = place_of(id.x, params.width, params.map_width);
    let row = place_of(id.y, params.height, params.map_height);
    let left = u32(column);
    let top = u32(row);
    let right = min(left + 1u, params.map_width - 1u);
    let bottom = min(top + 1u, params.map_height - 1u);
    let fx = column - floor(column);
    let fy = row - floor(row);
    for (var channel = 0u; channel < 3u; channel++) {
        let element = (channel * params.height + id.y) * params.width + id.x;
        var value = picture[element];
        for (var iteration = 0u; iteration < params.iterations; iteration++) {
            let map = (iteration * 3u + channel) * params.map_height;
            let upper = mix(maps[(map + top) * params.map_width + left], maps[(map + top) * params.map_width + right], fx);
            let lower = mix(maps[(map + bottom) * params.map_width + left], maps[(map + bottom) * params.map_width + right], fx);
            value = clamp(value - mix(upper, lower, fy) * value * (1.0 - value), 0.0, 1.0);
        }
        picture[element] = value;
    }
}
