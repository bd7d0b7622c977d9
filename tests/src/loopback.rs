//! A scripted HTTP server on loopback, for what a real API server never answers.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the server answers to one request: status, extra headers, body; `None` hangs.
pub type Answer = Option<(u16, &'static str, String)>;
/// Answers by path, and by how often that path was asked before.
pub type Script = Arc<dyn Fn(&str, usize) -> Answer + Send + Sync>;

/// A server on a free port of loopback. It answers by script and records request lines with their
/// Accept header. Its threads end with the test's process.
#[derive(Debug)]
pub struct Server {
    /// `http://127.0.0.1:PORT`
    pub address: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts one.
    ///
    /// # Panics
    /// When loopback has no free port.
    #[must_use]
    pub fn start(script: Script) -> Self {
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
        self.seen.lock().expect("no panic").clone()
    }
}

fn serve(mut stream: TcpStream, script: &Script, record: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("clone"));
    loop {
        let (mut line, mut accept) = (String::new(), String::new());
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let mut header = String::new();
        while reader.read_line(&mut header).unwrap_or(0) > 2 {
            if header.to_ascii_lowercase().starts_with("accept:") {
                accept = header.trim().to_owned();
            }
            header.clear();
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let times = {
            let mut record = record.lock().expect("no panic");
            let times = record.iter().filter(|seen| seen.split(' ').next() == Some(&path)).count();
            record.push(format!("{path} {accept}"));
            times
        };
        let Some((status, headers, body)) = script(&path, times) else {
            std::thread::sleep(Duration::from_secs(60));
            return;
        };
        // `cut` promises more than it sends.
        let length = if headers.contains("cut") { body.len() + 100 } else { body.len() };
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\n\r\n"
        );
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).is_err()
            || headers.contains("cut")
        {
            return;
        }
    }
}
