//! Readers that give UTF-8 of what may be UTF-16.
//!
//! The YAML parser hands whatever it reads through a decoder, and lets that find out the encoding. The crate that it asks for
//! brings the tables of all encodings of the web along, a sixth of a megabyte in every plugin. YAML is UTF-8 or UTF-16 (YAML
//! 1.2.2, 5.2; UTF-32 is written by nobody), so this one stands in its place (see `[patch.crates-io]`). What has no byte order
//! mark is handed on as it is: the parser refuses what is no UTF-8.

use std::io::{self, Read};

/// Bytes of UTF-16 that are decoded at once; even.
const CHUNK: usize = 8192;

/// Makes decoders.
#[derive(Debug, Clone, Default)]
pub struct DecodeReaderBytesBuilder(());

impl DecodeReaderBytesBuilder {
    /// One that goes by the byte order mark.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No encoding can be forced: there is no value of this type but `None`.
    pub fn encoding(&mut self, encoding: Option<std::convert::Infallible>) -> &mut Self {
        debug_assert!(encoding.is_none());
        self
    }

    /// The byte order mark decides in any case.
    pub fn bom_override(&mut self, _: bool) -> &mut Self {
        self
    }

    /// A decoder of what this reader gives.
    pub fn build<R: Read>(&self, inner: R) -> DecodeReaderBytes<R> {
        DecodeReaderBytes { inner, units: None, ready: Vec::new(), at: 0, odd: None, high: None, has_begun: false }
    }
}

/// Gives UTF-8.
#[derive(Debug)]
pub struct DecodeReaderBytes<R> {
    inner: R,
    /// How two bytes make a unit of UTF-16; `None` for what is handed on as it is.
    units: Option<fn([u8; 2]) -> u16>,
    /// What is decoded, and how much of it was given.
    ready: Vec<u8>,
    at: usize,
    /// The first byte of a unit that was cut.
    odd: Option<u8>,
    /// The first unit of a pair that was cut.
    high: Option<u16>,
    has_begun: bool,
}

impl<R: Read> DecodeReaderBytes<R> {
    fn begin(&mut self) -> io::Result<()> {
        self.has_begun = true;
        let mut head = Vec::with_capacity(3);
        (&mut self.inner).take(3).read_to_end(&mut head)?;
        match head.as_slice() {
            [0xef, 0xbb, 0xbf] => {}
            [0xff, 0xfe, rest @ ..] => self.wide(u16::from_le_bytes, rest),
            [0xfe, 0xff, rest @ ..] => self.wide(u16::from_be_bytes, rest),
            _ => self.ready = head,
        }
        Ok(())
    }

    fn wide(&mut self, units: fn([u8; 2]) -> u16, rest: &[u8]) {
        self.units = Some(units);
        self.odd = rest.first().copied();
    }

    /// Decodes another chunk; whether there was one.
    fn decode(&mut self, units: fn([u8; 2]) -> u16) -> io::Result<bool> {
        let mut bytes: Vec<u8> = self.odd.take().into_iter().collect();
        let read = (&mut self.inner).take(CHUNK as u64).read_to_end(&mut bytes)?;
        let is_end = read == 0;
        let mut pairs = bytes.chunks_exact(2);
        let mut wide: Vec<u16> = self.high.take().into_iter().collect();
        wide.extend(pairs.by_ref().map(|pair| units([pair[0], pair[1]])));
        let odd = pairs.remainder().first().copied();
        if !is_end {
            self.odd = odd;
            // A pair of units is decoded when both are there.
            self.high = wide.pop_if(|unit| matches!(unit, 0xd800..=0xdbff));
        }
        self.at = 0;
        let cut = (is_end && odd.is_some()).then_some(char::REPLACEMENT_CHARACTER);
        let letters = char::decode_utf16(wide).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER));
        self.ready = letters.chain(cut).collect::<String>().into_bytes();
        Ok(!is_end || !self.ready.is_empty())
    }
}

impl<R: Read> Read for DecodeReaderBytes<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if !self.has_begun {
            self.begin()?;
        }
        loop {
            let rest = &self.ready[self.at..];
            if !rest.is_empty() {
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                self.at += count;
                return Ok(count);
            }
            match self.units {
                None => return self.inner.read(buffer),
                Some(units) => {
                    if !self.decode(units)? {
                        return Ok(0);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8], piece: usize) -> String {
        let mut reader = DecodeReaderBytesBuilder::new().encoding(None).bom_override(true).build(bytes);
        let mut found = Vec::new();
        let mut buffer = vec![0; piece];
        loop {
            match reader.read(&mut buffer).expect("memory") {
                0 => return String::from_utf8_lossy(&found).into_owned(),
                count => found.extend_from_slice(&buffer[..count]),
            }
        }
    }

    fn wide(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        std::iter::once('\u{feff}').chain(text.chars()).collect::<String>().encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn the_mark_decides_and_is_not_handed_on() {
        // Longer than a chunk, with pairs on both sides of its edge.
        let text = format!("a: ü{}\n", "\u{1f980}x".repeat(CHUNK));
        for piece in [1, 7, 1 << 16] {
            assert_eq!(decoded(text.as_bytes(), piece), text);
            assert_eq!(decoded(format!("\u{feff}{text}").as_bytes(), piece), text);
            assert_eq!(decoded(&wide(&text, u16::to_le_bytes), piece), text);
            assert_eq!(decoded(&wide(&text, u16::to_be_bytes), piece), text);
        }
        for short in ["", "a", "ab"] {
            assert_eq!(decoded(short.as_bytes(), 4), short);
            assert_eq!(decoded(&wide(short, u16::to_be_bytes), 4), short);
        }
    }

    #[test]
    fn what_is_cut_or_no_pair_is_replaced_and_bytes_without_a_mark_are_handed_on() {
        assert_eq!(decoded(b"\xff\xfea\0\x3d", 9), "a\u{fffd}");
        assert_eq!(decoded(b"\xff\xfe\x3e\xd8", 9), "\u{fffd}");
        assert_eq!(decoded(b"\xff\xfe\x3e\xd8a\0", 9), "\u{fffd}a");
        let mut raw = Vec::new();
        let mut reader = DecodeReaderBytesBuilder::new().build(&b"\x80\x81\x82\x83"[..]);
        reader.read_to_end(&mut raw).expect("memory");
        assert_eq!(raw, b"\x80\x81\x82\x83");
    }
}
