//! The threads that take connections and answer.

use super::request::{Request, Unread};
use super::response::Response;
use crate::error::{Error, MediaError};
use socket2::SockRef;
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Most connections at a time.
const MOST_CLIENTS: usize = 32;
/// A client that takes nothing for so long has gone.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);
/// Bytes that may wait in the system for a client: about two pictures. More would only be older.
const SEND_BUFFER: usize = 256 * 1024;

/// Answers a request.
type Answer = dyn Fn(&Request) -> Response + Send + Sync;

/// A server; it ends when it is dropped, with all its connections.
pub(in crate::live) struct Server {
    address: SocketAddr,
    listener: Arc<TcpListener>,
    is_ending: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens, and starts to answer. `name` is how users call the server.
    ///
    /// # Errors
    /// [`MediaError::Output`] if the address cannot be had, [`Error::Thread`] if the thread cannot be started.
    pub(in crate::live) fn start(
        name: &'static str,
        listener: TcpListener,
        answer: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let address = local_address(name, &listener)?;
        let (listener, is_ending) = (Arc::new(listener), Arc::new(AtomicBool::new(false)));
        let accepting = {
            let (listener, is_ending) = (Arc::clone(&listener), Arc::clone(&is_ending));
            let answer: Arc<Answer> = Arc::new(answer);
            thread::Builder::new().name(name.to_owned()).spawn(move || accept(&listener, &is_ending, &answer))
        };
        let accepting =
            accepting.map_err(|error| Error::Thread { stage: name.to_owned(), reason: error.to_string() })?;
        Ok(Self { address, listener, is_ending, accepting: Some(accepting) })
    }

    /// Where it listens.
    pub(in crate::live) const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Takes an address.
///
/// # Errors
/// [`MediaError::Output`] if it cannot be had.
pub(in crate::live) fn listen(name: &str, address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).map_err(|error| unusable(name, address, &error))
}

/// The address that a listener has, its port the real one.
pub(in crate::live) fn local_address(name: &str, listener: &TcpListener) -> Result<SocketAddr, Error> {
    let unknown = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
    listener.local_addr().map_err(|error| unusable(name, unknown, &error))
}

fn unusable(name: &str, address: SocketAddr, error: &std::io::Error) -> Error {
    let remedy = match error.kind() {
        ErrorKind::AddrInUse => "choose another port; 0 is any free one",
        ErrorKind::PermissionDenied => "choose a port above 1023",
        _ => "choose an address of this machine",
    };
    let output = format!("{name} at {address}");
    MediaError::Output { output, problem: error.to_string(), remedy: remedy.to_owned() }.into()
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_ending.store(true, Ordering::Release);
        // Either wakes the thread that waits for connections, depending on the system.
        let _ = SockRef::from(&*self.listener).shutdown(Shutdown::Both);
        let _ = TcpStream::connect_timeout(&reachable(self.address), Duration::from_secs(1));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

/// Where a server that listens at `address` can be reached from here.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// A connection and the thread that serves it.
struct Client {
    stream: TcpStream,
    serving: JoinHandle<()>,
}

fn accept(listener: &TcpListener, is_ending: &AtomicBool, answer: &Arc<Answer>) {
    let mut clients: Vec<Client> = Vec::new();
    while !is_ending.load(Ordering::Acquire) {
        let accepted = listener.accept();
        clients.retain(|client| !client.serving.is_finished());
        match accepted {
            Ok(_) if is_ending.load(Ordering::Acquire) => break,
            Ok((stream, _)) if clients.len() >= MOST_CLIENTS => refuse(&stream),
            Ok((stream, _)) => clients.extend(serve(stream, Arc::clone(answer))),
            // Out of descriptors, most likely: others must end first.
            Err(_) => thread::park_timeout(Duration::from_millis(50)),
        }
    }
    for client in &clients {
        let _ = client.stream.shutdown(Shutdown::Both);
    }
    for client in clients {
        let _ = client.serving.join();
    }
}

/// Short enough for the system to take at once, so that it keeps nobody waiting.
fn refuse(mut stream: &TcpStream) {
    if stream.set_nonblocking(true).is_ok() {
        let _ = Response::text(503, "too many clients; close one").write(&mut stream);
    }
}

fn serve(stream: TcpStream, answer: Arc<Answer>) -> Option<Client> {
    let own = stream.try_clone().ok()?;
    let serving = thread::Builder::new()
        .name("web client".to_owned())
        .spawn(move || {
            let _ = prepare(&own).map(|()| converse(&own, &*answer));
            let _ = own.shutdown(Shutdown::Both);
        })
        .ok()?;
    Some(Client { stream, serving })
}

fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_PATIENCE))?;
    SockRef::from(stream).set_send_buffer_size(SEND_BUFFER)
}

fn converse(mut stream: &TcpStream, answer: &Answer) {
    match Request::read(stream) {
        Ok(request) => {
            let _ = answer(&request).write(&mut stream);
        }
        Err(Unread::Refused(response)) => {
            let _ = response.write(&mut stream);
            drain(stream);
        }
        Err(Unread::Gone) => {}
    }
}

/// Closing with bytes unread would reset the connection, and the client might not see the answer.
fn drain(mut stream: &TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
    let mut left = 64 * 1024;
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut piece) {
        left -= count.min(left);
        if left == 0 {
            return;
        }
    }
}
