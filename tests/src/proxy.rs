//! A wire between a node and those who dial it: it can be slow, and it can be cut.
//!
//! Its address stays while what is behind it comes and goes. Forwards bytes and knows nothing of them.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::Node;

/// A TCP proxy on loopback; gone when it goes out of scope.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    target: Mutex<Option<SocketAddr>>,
    open: Mutex<Vec<TcpStream>>,
    /// Bytes a second and connection; 0 is as fast as it goes.
    rate: AtomicU64,
    carried: AtomicU64,
    over: AtomicBool,
}

impl Proxy {
    /// A wire with nothing at its end.
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its port");
        let shared = Arc::<Shared>::default();
        let sharing = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if sharing.over.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(stream) = stream {
                    sharing.clone().connect(stream);
                }
            }
        });
        Self { address, shared }
    }

    /// Puts `node` at its end.
    pub fn to(&self, node: &Node) {
        let tcp = node.addresses.iter().find_map(|address| {
            let mut parts = address.split('/').skip(2);
            let (ip, kind, port) = (parts.next()?, parts.next()?, parts.next()?);
            (kind == "tcp").then(|| format!("{ip}:{port}").parse().expect("an address"))
        });
        *self.shared.target.lock().expect("lock") = Some(tcp.expect("a node that listens on TCP"));
    }

    /// Cuts it: what is open breaks, and whoever dials is turned away.
    pub fn cut(&self) {
        *self.shared.target.lock().expect("lock") = None;
        for stream in self.shared.open.lock().expect("lock").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Lets so many bytes a second through each connection.
    pub fn slow_down(&self, bytes_a_second: u64) {
        self.shared.rate.store(bytes_a_second, Ordering::SeqCst);
    }

    /// Bytes that went through it so far, both ways.
    pub fn carried(&self) -> u64 {
        self.shared.carried.load(Ordering::SeqCst)
    }

    /// How `peer` is dialled through it.
    pub fn address_of(&self, peer: &str) -> String {
        format!("/ip4/127.0.0.1/tcp/{}/p2p/{peer}", self.address.port())
    }
}

impl Default for Proxy {
    fn default() -> Self {
        Self::new()
    }
}

impl Shared {
    fn connect(self: Arc<Self>, here: TcpStream) {
        let Some(target) = *self.target.lock().expect("lock") else { return };
        let Ok(there) = TcpStream::connect(target) else { return };
        for (from, to) in [(&here, &there), (&there, &here)] {
            let (from, to) = (from.try_clone().expect("a handle"), to.try_clone().expect("a handle"));
            let shared = self.clone();
            std::thread::spawn(move || shared.forward(from, to));
        }
        self.open.lock().expect("lock").extend([here, there]);
    }

    fn forward(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
            self.carried.fetch_add(count as u64, Ordering::SeqCst);
            let rate = self.rate.load(Ordering::SeqCst);
            if let Some(pause) = (count as u64 * 1_000_000).checked_div(rate) {
                std::thread::sleep(Duration::from_micros(pause));
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        self.cut();
        // The listener looks up once more.
        let _ = TcpStream::connect(self.address);
    }
}
