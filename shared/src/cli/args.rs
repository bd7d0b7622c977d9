//! Flag groups that plugins share. Names and meanings are kubectl's where kubectl has them.

use super::Failure;
use crate::cluster::Settings;
use crate::object::Selector;
use crate::platform::Platform;
use crate::text;
use clap::{ArgAction, Args, ValueEnum, ValueHint};
use std::path::PathBuf;

/// How to reach the cluster: kubectl's own flags.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArgs {
    /// Path of the kubeconfig file
    #[arg(long, value_name = "FILE", global = true)]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig; may be given more than once
    #[arg(long, value_name = "NAME", global = true, action = ArgAction::Append)]
    pub context: Vec<String>,
    /// Every context of the kubeconfig
    #[arg(long, global = true, conflicts_with = "context")]
    pub all_contexts: bool,
    /// Cluster of the kubeconfig
    #[arg(long, value_name = "NAME", global = true)]
    pub cluster: Option<String>,
    /// User of the kubeconfig
    #[arg(long, value_name = "NAME", global = true)]
    pub user: Option<String>,
    /// Address of the API server
    #[arg(short, long, value_name = "URL", global = true)]
    pub server: Option<String>,
    /// Name that the server's certificate must bear
    #[arg(long, value_name = "NAME", global = true)]
    pub tls_server_name: Option<String>,
    /// Do not check the server's certificate
    #[arg(long, global = true)]
    pub insecure_skip_tls_verify: bool,
    /// File with the authority of the server's certificate
    #[arg(long, value_name = "FILE", global = true)]
    pub certificate_authority: Option<PathBuf>,
    /// File with the client's certificate
    #[arg(long, value_name = "FILE", global = true)]
    pub client_certificate: Option<PathBuf>,
    /// File with the client's key
    #[arg(long, value_name = "FILE", global = true)]
    pub client_key: Option<PathBuf>,
    /// Bearer token
    #[arg(long, value_name = "TOKEN", global = true, hide_env_values = true)]
    pub token: Option<String>,
    /// User to impersonate
    #[arg(long = "as", value_name = "USER", global = true)]
    pub as_user: Option<String>,
    /// Group to impersonate; may be given more than once
    #[arg(long, value_name = "GROUP", global = true)]
    pub as_group: Vec<String>,
    /// UID to impersonate
    #[arg(long, value_name = "UID", global = true)]
    pub as_uid: Option<String>,
    /// Extra field to impersonate, KEY=VALUE; may be given more than once
    #[arg(long, value_name = "KEY=VALUE", global = true)]
    pub as_user_extra: Vec<String>,
    /// Time limit of one request, such as 30s; 0 for none
    #[arg(long, value_name = "DURATION", global = true)]
    pub request_timeout: Option<String>,
    /// Do not ask the server for compressed answers
    #[arg(long, global = true)]
    pub disable_compression: bool,
    /// Folder of caches (accepted as kubectl does; nothing is cached)
    #[arg(long, value_name = "DIR", global = true, value_hint = ValueHint::DirPath)]
    pub cache_dir: Option<PathBuf>,
}

impl ConnectionArgs {
    /// Whether the person asked for several contexts, which is answered by a list even of one.
    pub fn is_several(&self) -> bool {
        self.all_contexts || self.context.len() > 1
    }

    /// The settings of a connection to `context` (the current one when `None`).
    ///
    /// # Errors
    /// When the request timeout is no duration.
    pub fn settings(&self, context: Option<&str>) -> Result<Settings, Failure> {
        let timeout = self.request_timeout.as_deref().map(|text| {
            text::parse_duration(text).and_then(|limit| limit.try_into().ok()).ok_or_else(|| {
                Failure::usage(format!("invalid value for --request-timeout: {text:?}"))
                    .hint("a duration such as 30s or 1m; 0 for none")
            })
        });
        Ok(Settings {
            kubeconfig: self.kubeconfig.clone(),
            context: context.map(str::to_owned),
            cluster: self.cluster.clone(),
            user: self.user.clone(),
            server: self.server.clone(),
            tls_server_name: self.tls_server_name.clone(),
            insecure: self.insecure_skip_tls_verify,
            certificate_authority: self.certificate_authority.clone(),
            client_certificate: self.client_certificate.clone(),
            client_key: self.client_key.clone(),
            token: self.token.clone(),
            as_user: self.as_user.clone(),
            as_groups: self.as_group.clone(),
            as_uid: self.as_uid.clone(),
            as_user_extra: self.as_user_extra.clone(),
            request_timeout: timeout.transpose()?,
            disable_compression: self.disable_compression,
        })
    }
}

/// Which part of the cluster to look at.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Scope")]
pub struct ScopeArgs {
    /// Only this namespace; may be given more than once
    #[arg(short, long, value_name = "NAME", global = true)]
    pub namespace: Vec<String>,
    /// All namespaces (the default)
    #[arg(short = 'A', long, global = true, conflicts_with = "namespace")]
    pub all_namespaces: bool,
    /// Only objects with these labels
    #[arg(short = 'l', long, value_name = "SELECTOR", global = true)]
    pub selector: Option<String>,
}

impl ScopeArgs {
    /// The selector, read as kubectl's `-l` does.
    ///
    /// # Errors
    /// When it is none.
    pub fn selector(&self) -> Result<Option<Selector>, Failure> {
        let parse = |text: &str| {
            Selector::parse(text).map_err(|reason| {
                Failure::usage(format!("invalid selector {text:?}: {reason}"))
                    .hint("as for kubectl: app=kafka, tier!=test, env in (a,b), key, !key")
            })
        };
        self.selector.as_deref().map(parse).transpose()
    }
}

/// Where objects come from, and what is expected of them.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Source")]
pub struct SourceArgs {
    /// Read from a folder, file, bundle (.tar.gz), backup or standard input (-) instead of the cluster
    #[arg(long, value_name = "PATH", global = true)]
    pub from: Option<PathBuf>,
    /// Age or SSH key that opens an encrypted backup; may be given more than once
    #[arg(long, value_name = "FILE", global = true)]
    pub identity: Vec<PathBuf>,
    /// Platform file: expectations, thresholds, exceptions
    #[arg(long, value_name = "FILE", global = true, env = "MLOPS_PLATFORM")]
    pub platform: Option<PathBuf>,
    /// Judge as of this instant (RFC 3339) instead of now
    #[arg(long, value_name = "TIME", global = true, value_parser = instant)]
    pub now: Option<jiff::Timestamp>,
}

fn instant(text: &str) -> Result<jiff::Timestamp, &'static str> {
    text.parse().map_err(|_| "an instant is written like 2026-11-20T03:00:00Z")
}

/// Yes, no, or as the terminal allows.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal that can, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Even into a pipe.
    Always,
    /// Not at all.
    Never,
}

/// How to print.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Format: table, wide, json, yaml, name, markdown, html, junit or prometheus
    #[arg(short, long, value_name = "FORMAT", global = true)]
    pub output: Option<String>,
    /// Leave table headers out
    #[arg(long, global = true)]
    pub no_headers: bool,
    /// Use colours
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto", global = true)]
    pub color: When,
    /// No notes on standard error
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more about the run on standard error
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

impl OutputArgs {
    /// Whether to colour, given whether the answer goes to a terminal.
    pub fn use_color(&self, is_terminal: bool) -> bool {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match self.color {
            When::Always => true,
            When::Never => false,
            When::Auto => is_terminal && !dumb && !refused,
        }
    }
}

/// The platform file that applies: the one that was named, the person's own, or the built-in one;
/// and what to call it.
///
/// # Errors
/// When the file that applies cannot be read.
pub fn platform(named: Option<&PathBuf>) -> Result<(Platform, String), Failure> {
    if let Some(path) = named {
        return Ok((Platform::read(path)?, path.display().to_string()));
    }
    let config = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")));
    match config.map(|folder| folder.join("mlops").join("platform.yaml")).filter(|path| path.is_file()) {
        Some(path) => Ok((Platform::read(&path)?, path.display().to_string())),
        None => Ok((Platform::built_in(), "built-in".to_owned())),
    }
}
