// Planes of luma and chroma to the colours of a window, scaled.

// Interpolation by the device, which is linear; else by a filter that grows where the picture is made smaller, so that
// all samples count: a cubic one, or a tent.
override is_plain: bool = false;
override is_cubic: bool = false;

struct Params {
    surface: Surface,
    // Pixels of the picture for each pixel of the surface.
    scale: vec2<f32>,
    // Chroma's place = place of luma * gain + offset, in samples.
    chroma_gain: vec2<f32>,
    chroma_offset: vec2<f32>,
    has_chroma: u32,
    // Weights of what the textures hold of luma and chroma, and an offset.
    red: vec4<f32>,
    green: vec4<f32>,
    blue: vec4<f32>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var luma: texture_2d<f32>;
@group(0) @binding(2) var cb: texture_2d<f32>;
@group(0) @binding(3) var cr: texture_2d<f32>;
@group(0) @binding(4) var between: sampler;

@vertex
fn corner(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    return corner_of(params.surface, index);
}

@fragment
fn color(@builtin(position) pixel: vec4<f32>) -> @location(0) vec4<f32> {
    let place = (pixel.xy - params.surface.area.xy) * params.scale - 0.5;
    let reach = max(params.scale, vec2(1.0));
    var values = vec4(sampled(luma, place, reach), 0.0, 0.0, 1.0);
    if params.has_chroma != 0u {
        let chroma_place = place * params.chroma_gain + params.chroma_offset;
        let chroma_reach = max(params.scale * params.chroma_gain, vec2(1.0));
        values.y = sampled(cb, chroma_place, chroma_reach);
        values.z = sampled(cr, chroma_place, chroma_reach);
    }
    let rgb = vec3(dot(params.red, values), dot(params.green, values), dot(params.blue, values));
    return vec4(written(clamp(rgb, vec3(0.0), vec3(1.0))), 1.0);
}

// The value at `place`, of samples whose weights fall to the sides within `reach` samples.
fn sampled(plane: texture_2d<f32>, place: vec2<f32>, reach: vec2<f32>) -> f32 {
    if is_plain {
        let size = vec2<f32>(textureDimensions(plane));
        return textureSampleLevel(plane, between, (place + 0.5) / size, 0.0).r;
    }
    let last = vec2<i32>(textureDimensions(plane)) - 1;
    let support = reach * select(1.0, 2.0, is_cubic);
    let first = vec2<i32>(floor(place - support)) + 1;
    let end = vec2<i32>(ceil(place + support));
    var sum = 0.0;
    var total = 0.0;
    for (var y = first.y; y < end.y; y++) {
        let row = weight((f32(y) - place.y) / reach.y);
        for (var x = first.x; x < end.x; x++) {
            let share = row * weight((f32(x) - place.x) / reach.x);
            sum += share * textureLoad(plane, clamp(vec2(x, y), vec2(0), last), 0).r;
            total += share;
        }
    }
    return sum / total;
}

// Of a sample at a distance: a tent, or a cubic (Catmull and Rom, 1974).
fn weight(distance: f32) -> f32 {
    let d = abs(distance);
    if !is_cubic {
        return max(1.0 - d, 0.0);
    }
    if d < 1.0 {
        return (1.5 * d - 2.5) * d * d + 1.0;
    }
    return max(2.0 - d, 0.0) * (2.0 - d) * 0.5 * (1.0 - d);
}
