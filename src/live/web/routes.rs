//! What is served under which path.

use super::super::http::{Body, Guard, Method, Request, Response};
use super::super::{Controls, LiveFormat, StatisticsBoard};
use super::latencies::Latencies;
use super::pictures::{Pictures, Viewer};
use super::report::{Change, Report, Sizes, Switches};
use super::streams::{MULTIPART, write_messages, write_parts};
use std::sync::Arc;

/// All that answers need.
pub(super) struct Site {
    pub(super) guard: Guard,
    pub(super) pictures: Arc<Pictures>,
    pub(super) latencies: Arc<Latencies>,
    pub(super) controls: Arc<Controls>,
    pub(super) statistics: Arc<StatisticsBoard>,
    pub(super) format: LiveFormat,
}

impl Site {
    pub(super) fn answer(&self, request: &Request) -> Response {
        match self.guard.check(request) {
            Err(refusal) => refusal,
            Ok(None) => self.route(request),
            Ok(Some(cookie)) => self.route(request).with("Set-Cookie", cookie),
        }
    }

    fn route(&self, request: &Request) -> Response {
        const SCRIPT: &str = "text/javascript; charset=utf-8";
        match (request.method, request.path.as_str()) {
            (Method::Get, "/") => Response::file("text/html; charset=utf-8", include_str!("page.html")),
            (Method::Get, "/page.css") => Response::file("text/css; charset=utf-8", include_str!("page.css")),
            (Method::Get, "/page.js") => Response::file(SCRIPT, include_str!("page.js")),
            (Method::Get, "/viewer.js") => Response::file(SCRIPT, include_str!("viewer.js")),
            (Method::Get, "/charts.js") => Response::file(SCRIPT, include_str!("charts.js")),
            (Method::Get, "/icon.svg") => Response::file("image/svg+xml", include_str!("icon.svg")),
            (Method::Get, "/statistics") => Response::json(&self.report()),
            (Method::Get, "/stream") => self.watch("application/octet-stream", true, write_messages),
            (Method::Get, "/live.mjpeg") => self.watch(MULTIPART, false, write_parts),
            (Method::Post, "/controls") => self.change(&request.body),
            (_, "/controls") => Response::text(405, "switches are changed by POST"),
            (Method::Post, _) => Response::text(405, "only /controls takes POST"),
            _ => Response::text(404, "there is nothing here; the page is at /"),
        }
    }

    fn report(&self) -> Report {
        Report {
            statistics: self.statistics.read(),
            recent_latency: self.latencies.percentiles(),
            controls: Switches::read(&self.controls),
            picture: Sizes::of(&self.format),
            viewers: self.pictures.viewers().0,
        }
    }

    fn watch(
        &self,
        content_type: &'static str,
        compares: bool,
        write: fn(Viewer, &mut dyn std::io::Write) -> std::io::Result<()>,
    ) -> Response {
        match self.pictures.join(compares) {
            Some(viewer) => {
                Response::new(content_type, Body::Stream(Box::new(move |out| write(viewer, out))))
            }
            None => Response::text(503, "too many viewers; close one"),
        }
    }

    fn change(&self, body: &[u8]) -> Response {
        let change: Change = match serde_json::from_slice(body) {
            Ok(change) => change,
            Err(error) => return Response::text(400, &format!("the change cannot be read: {error}")),
        };
        match change.make(&self.controls) {
            Ok(()) => Response::json(&Switches::read(&self.controls)),
            Err(problem) => Response::text(422, &problem),
        }
    }
}
