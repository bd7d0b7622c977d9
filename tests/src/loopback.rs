//! A scripted HTTP server on loopback, for what a real API server never answers.

use crate::wait;
use std::io::{BufRead, BufReader, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the server answers to one request: status, extra headers, body; `None` hangs.
pub type Answer = Option<(u16, &'static str, String)>;
/// What is held back is given up after so long.
const HELD: Duration = Duration::from_secs(10);
/// Answers by path, and by how often that path was asked before.
pub type Script = Arc<dyn Fn(&str, usize) -> Answer + Send + Sync>;

/// One request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// `GET`, `PATCH`, …
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The media type of the body; empty without one.
    pub media: String,
    /// The body.
    pub body: String,
}
/// Answers by request, and by how often the same method and path were asked before.
pub type FullScript = Arc<dyn Fn(&Asked, usize) -> Answer + Send + Sync>;

/// A server on a free port of loopback. It answers by script and records request lines with their
/// Accept header. Its threads end with the test's process.
#[derive(Debug)]
pub struct Server {
    /// `http://127.0.0.1:PORT`
    pub address: String,
    seen: Arc<Mutex<Vec<(Asked, String)>>>,
}

impl Server {
    /// Starts one.
    ///
    /// # Panics
    /// When loopback has no free port.
    #[must_use]
    pub fn start(script: Script) -> Self {
        Self::start_full(Arc::new(move |asked, times| script(&asked.path, times)))
    }

    /// Starts one whose script sees the whole request.
    ///
    /// # Panics
    /// When loopback has no free port.
    #[must_use]
    pub fn start_full(script: FullScript) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("address"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, record) = (Arc::clone(&script), Arc::clone(&record));
                std::thread::spawn(move || serve(stream, &script, &record));
            }
        });
        Self { address, seen }
    }

    /// Request paths with their Accept header, so far.
    ///
    /// # Panics
    /// When one of its threads has.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        let seen = self.seen.lock().expect("no panic");
        seen.iter().map(|(asked, accept)| format!("{} {accept}", asked.path)).collect()
    }

    /// Requests that could change something, so far: all but those that only read.
    ///
    /// # Panics
    /// When one of its threads has.
    #[must_use]
    pub fn writes(&self) -> Vec<Asked> {
        let seen = self.seen.lock().expect("no panic");
        seen.iter().map(|(asked, _)| asked.clone()).filter(|asked| asked.method != "GET").collect()
    }
}

fn serve(mut stream: TcpStream, script: &FullScript, record: &Mutex<Vec<(Asked, String)>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("clone"));
    loop {
        let (mut line, mut accept) = (String::new(), String::new());
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let (mut header, mut media, mut length) = (String::new(), String::new(), 0);
        while reader.read_line(&mut header).unwrap_or(0) > 2 {
            let (name, value) = header.split_once(':').unwrap_or_default();
            match name.to_ascii_lowercase().as_str() {
                "accept" => accept = header.trim().to_owned(),
                "content-type" => media = value.trim().to_owned(),
                "content-length" => length = value.trim().parse().unwrap_or(0),
                _ => {}
            }
            header.clear();
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let word = |index| line.split(' ').nth(index).unwrap_or_default().to_owned();
        let body = String::from_utf8_lossy(&body).into_owned();
        let asked = Asked { method: word(0), path: word(1), media, body };
        let times = {
            let mut record = record.lock().expect("no panic");
            let is_same = |seen: &Asked| seen.path == asked.path && seen.method == asked.method;
            let times = record.iter().filter(|(seen, _)| is_same(seen)).count();
            record.push((asked.clone(), accept));
            times
        };
        let Some((status, headers, body)) = script(&asked, times) else {
            std::thread::sleep(Duration::from_secs(60));
            return;
        };
        // `cut` promises more than it sends.
        let length = if headers.contains("cut") { body.len() + 100 } else { body.len() };
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\n\r\n"
        );
        // `X-Held: PART` holds the items of a list back until a path with this part in it is asked for.
        let held = headers.split_once("X-Held: ").and_then(|(_, part)| Some((part.trim(), body.find("\"items\"")?)));
        let (first, rest) = body.split_at(held.map_or(0, |(_, at)| at));
        let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(first.as_bytes()));
        if let Some((part, _)) = held {
            let is_asked = || record.lock().expect("no panic").iter().any(|(asked, _)| asked.path.contains(part));
            if wait::until("what was held back", HELD, || Ok(is_asked().then_some(()))).is_err() {
                return;
            }
        }
        if sent.and_then(|()| stream.write_all(rest.as_bytes())).is_err() || headers.contains("cut") {
            return;
        }
    }
}
