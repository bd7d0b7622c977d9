//! What an object store answered that is no success, and what that means to a person. Of the server's own words only
//! its error code is kept, for the rest may be anything.

use http::{HeaderMap, StatusCode};
use mlops_shared::cli::{Exit, Failure};
use std::error::Error;

/// An answer that is no success, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// A status with the code of its XML body, where it has one, and the region of the bucket, where it says so.
    Status { status: u16, code: String, region: Option<String> },
    /// There was no connection: why.
    Unreachable(String),
    /// The server's certificate is not trusted: why.
    Untrusted(String),
    /// The answer ended in the middle.
    Cut,
    /// No answer in time.
    Late,
    /// The answer is larger than any that is expected.
    TooLarge,
    /// A success that is not what was asked for: a proxy's page.
    Foreign,
    /// Nothing was sent: with these names or credentials it makes no request.
    Unsigned,
}

impl Told {
    /// From an answer.
    pub(super) fn of_answer(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(&body[..body.len().min(4096)]);
        let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(plain);
        // An answer to HEAD has no body; MinIO tells the code in a header.
        let code = code.map(plain).or_else(|| header("x-minio-error-code")).unwrap_or_default();
        Self::Status { status: status.as_u16(), code, region: header("x-amz-bucket-region") }
    }

    /// From an error of the connection.
    pub(super) fn of_transport(error: &(dyn Error + 'static)) -> Self {
        let mut cause = Some(error);
        let mut last = String::new();
        while let Some(error) = cause {
            if error.is::<tokio_rustls::rustls::Error>() {
                return Self::Untrusted(error.to_string());
            }
            let io = error.downcast_ref::<std::io::Error>();
            if io.is_some_and(|io| io.kind() == std::io::ErrorKind::UnexpectedEof) {
                return Self::Cut;
            }
            if error
                .downcast_ref::<hyper::Error>()
                .is_some_and(|it| it.is_incomplete_message() || it.is_body_write_aborted())
            {
                return Self::Cut;
            }
            last = error.to_string();
            // The source of an error of input and output is that of what it holds, which would be passed over.
            let held = io.and_then(|io| io.get_ref()).map(|held| held as &(dyn Error + 'static));
            cause = held.or_else(|| error.source());
        }
        Self::Unreachable(last)
    }

    /// Whether it may pass, so that the same may be tried once more.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Cut => true,
            Self::Status { status, code, .. } => {
                matches!(status, 429 | 500 | 502 | 503 | 504)
                    || matches!(code.as_str(), "InternalError" | "RequestTimeout" | "SlowDown" | "ServiceUnavailable")
            }
            Self::Untrusted(_) | Self::Late | Self::TooLarge | Self::Foreign | Self::Unsigned => false,
        }
    }

    /// Whether a new object would take the place of another.
    pub(super) fn is_taken(&self) -> bool {
        self.is(StatusCode::PRECONDITION_FAILED) || self.is(StatusCode::CONFLICT)
    }

    /// Whether the server said this status.
    pub(super) fn is(&self, wanted: StatusCode) -> bool {
        matches!(self, Self::Status { status, .. } if *status == wanted.as_u16())
    }

    /// Whether it is an object that is missing, not its bucket.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Status { status: 404, code, .. } if code != "NoSuchBucket")
    }

    /// Whether it only says that these credentials may not do this.
    pub(super) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Status { status: 403, code, .. } if code.is_empty() || code == "AccessDenied")
    }

    /// The failure of what was tried, as in `read s3://b/k`.
    pub(super) fn failure(&self, doing: &str, bucket: &str, endpoint: &str) -> Failure {
        let failed = |why: &str| Failure::unchecked(format!("failed to {doing}: {why}"));
        match self {
            Self::Unreachable(why) => failed(&format!("{endpoint} cannot be reached: {why}"))
                .hint("--s3-endpoint names another server; is it up, and is the way there open?"),
            Self::Untrusted(why) => failed(&format!("the certificate of {endpoint} is not trusted: {why}"))
                .hint("--s3-ca FILE names the authority that it is of"),
            Self::Cut => failed("the answer ended in the middle").hint("try again; is there a proxy on the way?"),
            Self::Late => failed("no answer in time").hint("--s3-timeout waits longer"),
            Self::Foreign => failed(&format!("the answer of {endpoint} makes no sense"))
                .hint("is this an object store that speaks S3? is there a proxy on the way?"),
            Self::Unsigned => failed("it makes no request that can be signed")
                .hint("are there odd letters in the key or the credentials?"),
            Self::TooLarge => failed("the answer is larger than any that is expected").hint("is this an object store?"),
            Self::Status { status, code, region } => {
                let word = if code.is_empty() { format!("status {status}") } else { code.clone() };
                match (code.as_str(), status) {
                    ("NoSuchBucket", _) => Failure { exit: Exit::Usage, ..failed(&format!("there is no bucket {bucket}")) }
                        .hint("make it first; this tool makes none"),
                    ("NoSuchKey" | "NotFound", _) => {
                        Failure { exit: Exit::Usage, ..failed("there is no such object") }
                            .hint("`kubectl mlops backup list` names the archives of a prefix")
                    }
                    ("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "ExpiredToken", _) => {
                        failed(&format!("the credentials are refused: {word}"))
                            .hint("look at AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or AWS_PROFILE")
                    }
                    ("RequestTimeTooSkewed", _) => failed("the clocks of this machine and of the server differ too much")
                        .hint("set this machine's clock: `timedatectl` says what it is"),
                    ("AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException", _) | (_, 301 | 307) => {
                        let failure = failed(&format!("the bucket is in another region: {word}"));
                        match region {
                            Some(region) => failure.hint(format!("it says so itself: --s3-region {region}")),
                            None => failure.hint("name the region: --s3-region REGION"),
                        }
                    }
                    ("BadDigest" | "XAmzContentSHA256Mismatch" | "InvalidDigest" | "XAmzContentChecksumMismatch", _) => {
                        failed("the server did not get what was sent: the checksum differs").hint("try again; is there a proxy on the way?")
                    }
                    (_, 403) => failed(&format!("these credentials may not: {word}")).hint(
                        "create needs s3:PutObject, GetObject and AbortMultipartUpload; list and prune also ListBucket, prune DeleteObject",
                    ),
                    (_, 404) => Failure { exit: Exit::Usage, ..failed("there is no such object") }
                        .hint("`kubectl mlops backup list` names the archives of a prefix"),
                    ("InternalError" | "SlowDown" | "ServiceUnavailable", _) | (_, 500..) => failed(&format!("the server is not well: {word}")).hint("try again later"),
                    _ => failed(&format!("the server refuses it: {word}")).hint("is this an object store that speaks S3?"),
                }
            }
        }
    }
}

/// A word of a server: letters and digits, not many.
fn plain(text: &str) -> String {
    text.chars().filter(|it| it.is_ascii_alphanumeric() || *it == '-').take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Failure {
        let status = StatusCode::from_u16(status).expect("a status");
        Told::of_answer(status, &HeaderMap::new(), body.as_bytes()).failure("read s3://b/k", "b", "http://x")
    }

    #[test]
    fn a_certificate_that_is_not_trusted_is_found_however_deep_it_lies() {
        use tokio_rustls::rustls::{CertificateError, Error};
        let tls = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let nested = std::io::Error::other(std::io::Error::new(std::io::ErrorKind::InvalidData, tls));
        assert!(matches!(Told::of_transport(&nested), Told::Untrusted(why) if why.contains("UnknownIssuer")));
        let cut = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        assert_eq!(Told::of_transport(&cut), Told::Cut);
    }

    #[test]
    fn each_answer_is_one_line_with_a_hint_and_nothing_of_the_servers_prose() {
        let rows = [
            (404, "NoSuchBucket", "no bucket b", Exit::Usage),
            (404, "NoSuchKey", "no such object", Exit::Usage),
            (403, "AccessDenied", "may not: AccessDenied", Exit::Unchecked),
            (403, "RequestTimeTooSkewed", "clocks", Exit::Unchecked),
            (403, "SignatureDoesNotMatch", "credentials are refused", Exit::Unchecked),
            (400, "AuthorizationHeaderMalformed", "another region", Exit::Unchecked),
            (400, "XAmzContentSHA256Mismatch", "checksum differs", Exit::Unchecked),
            (503, "SlowDown", "not well: SlowDown", Exit::Unchecked),
            (418, "", "status 418", Exit::Unchecked),
        ];
        for (status, code, says, exit) in rows {
            let failure = of(status, &format!("<Error><Code>{code}</Code><Message>CANARY \u{1b}[2J</Message></Error>"));
            assert!(failure.message.contains(says), "{failure:?}");
            assert_eq!(failure.exit, exit, "{failure:?}");
            assert!(!failure.hints.is_empty() && !failure.message.contains(['\n', '\u{1b}']));
            assert!(!format!("{failure:?}").contains("CANARY"));
        }
        assert!(of(200, "<Code>\u{1b}[2J<b>x</Code>").message.contains("2Jbx"));
    }
}
