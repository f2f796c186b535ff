//! What libraries read from the environment when they are loaded.

#![expect(unsafe_code, reason = "the environment belongs to all threads")]

/// ONNX Runtime's packages report their use to Microsoft from version 1.32 on, and keep an identifier of the device for it,
/// unless this is set before they are loaded.
const NO_TELEMETRY: &str = "ORT_DISABLE_TELEMETRY";

/// Keeps ONNX Runtime to itself, unless the user says otherwise. Only for the start of `main`.
pub(crate) fn refuse_telemetry() {
    if std::env::var_os(NO_TELEMETRY).is_none() {
        // SAFETY: no other thread runs yet that could read the environment.
        unsafe { std::env::set_var(NO_TELEMETRY, "1") }
    }
}
