// A small picture with opacity over the window: text, a line, a handle.

@group(0) @binding(0) var<uniform> surface: Surface;
@group(0) @binding(1) var picture: texture_2d<f32>;

@vertex
fn corner(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    return corner_of(surface, index);
}

@fragment
fn color(@builtin(position) pixel: vec4<f32>) -> @location(0) vec4<f32> {
    let size = vec2<f32>(textureDimensions(picture));
    let place = vec2<i32>(floor((pixel.xy - surface.area.xy) / surface.area.zw * size));
    let texel = textureLoad(picture, clamp(place, vec2(0), vec2<i32>(size) - 1), 0);
    return vec4(written(texel.rgb), texel.a);
}
