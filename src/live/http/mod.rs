//! A small HTTP/1.1 server for a few clients: bounded in everything, one request a connection, a thread for each.
//!
//! The parser is `httparse`. The rest is our own, because what matters here is what small servers leave to chance:
//! deadlines, the number of clients, short send buffers (what waits in one is old when it arrives), and an end that
//! waits for nobody.

mod address;
mod guard;
mod request;
mod response;
mod server;

pub(super) use address::parse_address;
pub(super) use guard::Guard;
pub(super) use request::{Method, Request};
pub(super) use response::{Body, Response};
pub(super) use server::{Server, listen, local_address};
