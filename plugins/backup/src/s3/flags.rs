//! The flags of object stores, and what they, the environment and a profile say together.

use super::profile::{self, Credentials, Profile};
use clap::{Args, ValueHint};
use mlops_shared::cli::Failure;
use mlops_shared::text;
use std::path::PathBuf;
use std::time::Duration;

/// Where an object store is, for paths that begin with s3://.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Object storage (s3://)")]
pub(crate) struct S3Args {
    /// The server, as in https://minio.example.com:9000; else AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, the profile, or AWS
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) s3_endpoint: Option<String>,
    /// The region; else AWS_REGION, AWS_DEFAULT_REGION, the profile, or us-east-1
    #[arg(long, global = true, value_name = "REGION")]
    pub(crate) s3_region: Option<String>,
    /// Trust only the certificate authorities of this file (PEM) for the server
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) s3_ca: Option<PathBuf>,
    /// Speak to the server without TLS though it is not on this machine
    #[arg(long, global = true)]
    pub(crate) s3_allow_http: bool,
    /// One request may take so long, its retries included
    #[arg(long, global = true, value_name = "DURATION", default_value = "1m")]
    pub(crate) s3_timeout: String,
}

/// What is known of a server before it is asked.
#[derive(Debug)]
pub(crate) struct Server {
    /// `https://host:port`; `None` for AWS.
    pub(crate) endpoint: Option<String>,
    pub(crate) region: String,
    pub(crate) credentials: Credentials,
    /// The authorities that it may have its certificate of; `None` for the system's.
    pub(crate) ca: Option<PathBuf>,
    /// One request with its retries.
    pub(crate) patience: Duration,
}

impl S3Args {
    /// Resolves flags, environment and profile, in this order.
    ///
    /// # Errors
    /// When there are no credentials, or a value cannot be used.
    pub(crate) fn server(&self) -> Result<Server, Failure> {
        let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let from_env = Credentials::of_env(&env)?;
        let profile = match profile::read(&env) {
            Ok(profile) => profile,
            // What is not needed may be missing.
            Err(_) if from_env.is_some() && env("AWS_PROFILE").is_none() => Profile::default(),
            Err(failure) => return Err(failure),
        };
        let credentials = from_env.or(profile.credentials).ok_or_else(|| {
            Failure::usage("there are no credentials for the object store")
                .hint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")
                .hint("no metadata service and no cluster is asked for any")
        })?;
        let endpoint = self
            .s3_endpoint
            .clone()
            .or_else(|| env("AWS_ENDPOINT_URL_S3"))
            .or_else(|| env("AWS_ENDPOINT_URL"))
            .or(profile.endpoint);
        let region = self
            .s3_region
            .clone()
            .or_else(|| env("AWS_REGION"))
            .or_else(|| env("AWS_DEFAULT_REGION"))
            .or(profile.region)
            .unwrap_or_else(|| "us-east-1".to_owned());
        if region.is_empty() || !region.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-') {
            return Err(Failure::usage(format!("{region:?} is no region")));
        }
        let patience = text::parse_duration(&self.s3_timeout)
            .and_then(|it| Duration::try_from(it).ok())
            .filter(|it| !it.is_zero())
            .ok_or_else(|| {
                Failure::usage(format!("{:?} is no duration", self.s3_timeout)).hint("as in --s3-timeout 1m")
            })?;
        let endpoint = endpoint.map(|url| endpoint_of(&url, self.s3_allow_http)).transpose()?;
        Ok(Server { endpoint, region, credentials, ca: self.s3_ca.clone(), patience })
    }
}

/// Checks a server's URL. It is not repeated where it may hold a password.
fn endpoint_of(url: &str, allow_http: bool) -> Result<String, Failure> {
    let refused = |why: &str| {
        Failure::usage(format!("the endpoint of the object store {why}"))
            .hint("as in --s3-endpoint https://minio.example.com:9000")
    };
    let uri: http::Uri = url.parse().map_err(|_| refused("is no URL"))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(refused("is no URL with https:// or http://"));
    };
    if authority.as_str().contains('@') {
        return Err(refused("holds a user name or a password: credentials come from the environment"));
    }
    if uri.query().is_some() {
        return Err(refused("has a query"));
    }
    match scheme {
        "https" => {}
        "http" if allow_http || is_loopback(uri.host().unwrap_or_default()) => {}
        "http" => {
            return Err(refused("is http://, which anybody on the way can read and change")
                .hint("use https://, or --s3-allow-http where the way is safe"));
        }
        _ => return Err(refused("is neither https:// nor http://")),
    }
    Ok(url.trim_end_matches('/').to_owned())
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_needs_loopback_or_a_word_and_passwords_are_refused_unseen() {
        for url in ["https://minio.example.com:9000/", "http://127.0.0.1:9000", "http://[::1]:9000", "http://localhost"]
        {
            assert!(endpoint_of(url, false).is_ok(), "{url}");
        }
        assert!(endpoint_of("http://minio.example.com", false).is_err());
        assert!(endpoint_of("http://minio.example.com", true).is_ok());
        for url in ["minio:9000", "ftp://x", "https://user:CANARY@x", "https://x?y", ""] {
            let failure = endpoint_of(url, true).expect_err(url);
            assert!(!format!("{failure:?}").contains("CANARY"));
        }
    }
}
