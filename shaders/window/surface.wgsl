// Constants, not parameters: software renderers go through both sides of a branch.
// The surface encodes what is written as sRGB: it wants linear light then.
override is_linear: bool = false;

// Where something is drawn, in pixels of the surface.
struct Surface {
    // Left, top, width and height of the rectangle.
    area: vec4<f32>,
    // Width and height of the surface.
    size: vec2<f32>,
}

// A corner of the rectangle, in clip space; the four of a triangle strip.
fn corner_of(surface: Surface, index: u32) -> vec4<f32> {
    let corner = vec2(f32(index & 1u), f32(index >> 1u));
    let place = (surface.area.xy + corner * surface.area.zw) / surface.size;
    return vec4(place.x * 2.0 - 1.0, 1.0 - place.y * 2.0, 0.0, 1.0);
}

// What to write so that a display shows the colour `encoded`.
fn written(encoded: vec3<f32>) -> vec3<f32> {
    if !is_linear {
        return encoded;
    }
    let low = encoded / 12.92;
    let high = pow((encoded + 0.055) / 1.055, vec3(2.4));
    return select(high, low, encoded <= vec3(0.04045));
}
