//! The page of a report: its policy lets run what it holds, and nothing else.

use std::path::Path;

fn page(sample: &str) -> String {
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_under-test-health"))
        .args(["--from", &format!("examples/{sample}"), "-o", "html", "--now", "2026-11-20T03:00:00Z"])
        .env_clear()
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .output()
        .expect("runs");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn between<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = page.split_once(start).expect(start);
    rest.split_once(end).expect(end).0
}

/// The source expression of a Content Security Policy for an inline text.
fn source(text: &str) -> String {
    let suites = rustls::crypto::ring::default_provider().cipher_suites;
    let sha256 = suites
        .iter()
        .filter_map(|suite| suite.tls13())
        .find(|suite| suite.common.hash_provider.algorithm() == rustls::crypto::hash::HashAlgorithm::SHA256)
        .expect("a suite with SHA-256")
        .common
        .hash_provider;
    format!("'sha256-{}'", base64(sha256.hash(text.as_bytes()).as_ref()))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| char::from(DIGITS[(bits & 63) as usize]);
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let digits = [digit(bits >> 18), digit(bits >> 12), digit(bits >> 6), digit(bits)];
        out.extend(&digits[..=chunk.len()]);
        out.extend(std::iter::repeat_n('=', 3 - chunk.len()));
    }
    out
}

#[test]
fn the_policy_names_the_style_and_the_script_of_the_page() {
    let page = page("degraded");
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\">").replace("&#39;", "'");
    for (text, directive) in
        [(between(&page, "<style>", "</style>"), "style-src"), (between(&page, "<script>", "</script>"), "script-src")]
    {
        let wanted = format!("{directive} {}", source(text));
        assert!(policy.contains(&wanted), "shared/src/report/render/html.rs must say: {wanted}");
    }
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
}

#[test]
fn the_page_is_one_file() {
    for sample in ["healthy", "degraded"] {
        let page = page(sample);
        for forbidden in [" src=", " href=", "@import", "url(", " style=", " onclick=", "fetch("] {
            assert!(!page.contains(forbidden), "{sample}: {forbidden}");
        }
        assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"), "{sample}");
    }
}
