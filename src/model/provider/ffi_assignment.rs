//! Asks ONNX Runtime which provider runs each node; ort does not wrap these functions.

#![expect(unsafe_code, reason = "ONNX Runtime's C interface")]

use ort::session::Session;
use ort::{AsPointer, api};
use std::ffi::{CStr, c_char};
use std::ptr;

/// Session option that makes ONNX Runtime keep what [`nodes`] returns.
pub(super) const RECORD: (&str, &str) = ("session.record_ep_graph_assignment_info", "1");

/// Provider, as ONNX Runtime names it, and operator of every node of a session that was made with [`RECORD`]; empty where
/// the library keeps none.
pub(super) fn nodes(session: &Session) -> Vec<(String, String)> {
    let api = api();
    let (mut parts, mut count) = (ptr::null(), 0);
    // SAFETY: the session lives, and both outputs are valid for writing.
    let status = unsafe { (api.Session_GetEpGraphAssignmentInfo)(session.ptr(), &mut parts, &mut count) };
    if !succeeded(status) || parts.is_null() {
        return Vec::new();
    }
    // SAFETY: on success the session owns an array of `count` parts, as long as it lives.
    let parts = unsafe { std::slice::from_raw_parts(parts, count) };
    let mut found = Vec::new();
    for &part in parts {
        let mut name = ptr::null();
        // SAFETY: the part belongs to the living session, and the output is valid for writing.
        let status = unsafe { (api.EpAssignedSubgraph_GetEpName)(part, &mut name) };
        let Some(provider) = succeeded(status).then(|| text(name)).flatten() else { continue };
        let (mut nodes, mut count) = (ptr::null(), 0);
        // SAFETY: as above.
        let status = unsafe { (api.EpAssignedSubgraph_GetNodes)(part, &mut nodes, &mut count) };
        if !succeeded(status) || nodes.is_null() {
            continue;
        }
        // SAFETY: on success the session owns an array of `count` nodes, as long as it lives.
        for &node in unsafe { std::slice::from_raw_parts(nodes, count) } {
            let mut operator = ptr::null();
            // SAFETY: the node belongs to the living session, and the output is valid for writing.
            let status = unsafe { (api.EpAssignedNode_GetOperatorType)(node, &mut operator) };
            let operator = succeeded(status).then(|| text(operator)).flatten();
            found.push((provider.clone(), operator.unwrap_or_default()));
        }
    }
    found
}

/// Frees a status; false if it was an error.
fn succeeded(status: ort::sys::OrtStatusPtr) -> bool {
    if status.0.is_null() {
        return true;
    }
    // SAFETY: a status that is not null is the caller's to free, once.
    unsafe { (api().ReleaseStatus)(status.0) };
    false
}

fn text(name: *const c_char) -> Option<String> {
    if name.is_null() {
        return None;
    }
    // SAFETY: ONNX Runtime gives a string that ends with 0 and lives as long as the session.
    let name = unsafe { CStr::from_ptr(name) };
    Some(name.to_string_lossy().into_owned())
}
