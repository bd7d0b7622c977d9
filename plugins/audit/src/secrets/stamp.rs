//! What may be told of a value: how long it is, roughly, and whether it is the same as another's of the run.

use ring::hmac;
use ring::rand::SystemRandom;

/// Makes fingerprints with a key that lives as long as the run: equal values have equal ones, and nobody can
/// try values against them later.
pub(crate) struct Stamp(Option<hmac::Key>);

impl Stamp {
    /// With a new key. Without randomness there are no fingerprints.
    pub(crate) fn new() -> Self {
        Self(hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok())
    }

    /// The length class of a value and its fingerprint.
    pub(super) fn traits(&self, value: &str) -> String {
        let class = match value.chars().count() {
            0..8 => "less than 8",
            8..16 => "8 to 15",
            16..32 => "16 to 31",
            32..64 => "32 to 63",
            _ => "64 or more",
        };
        let Some(key) = &self.0 else { return format!("{class} characters") };
        let tag = hmac::sign(key, value.as_bytes());
        let digits: String = tag.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        format!("{class} characters, fingerprint {digits} in this run")
    }
}

impl std::fmt::Debug for Stamp {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Stamp")
    }
}
