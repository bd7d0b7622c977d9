//! What the command line may say.

use crate::restore::Existing;
use crate::s3::S3Args;
use clap::{Args as ArgGroup, Parser, Subcommand, ValueEnum, ValueHint};
use mlops_shared::archive;
use mlops_shared::cli::{ConnectionArgs, OutputArgs, ScopeArgs, SourceArgs, WriteArgs};
use std::path::PathBuf;

const EXIT_CODES: &str = "\
Exit codes:
  0  done, and everything asked for was read
  1  findings: what was verified does not hold together, something differs, could not be restored or removed
  2  wrong usage or a broken archive
  3  not done, or only in part: something could not be read
  130  interrupted";

/// Save what Git cannot rebuild, and prove what was saved.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-mlops-backup",
    bin_name = "kubectl mlops backup",
    version,
    after_help = EXIT_CODES,
    max_term_width = 100
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    #[command(flatten)]
    pub(crate) s3: S3Args,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the state of the cluster into a new archive
    Create(CreateArgs),
    /// What Kafka clusters of Strimzi's need to be made again, into a new archive, and whether that is all there
    Kafka(KafkaArgs),
    /// Check an archive from its first byte to its last, and its signature
    Verify(VerifyArgs),
    /// The archives of a folder or of s3://BUCKET/PREFIX
    List(ListArgs),
    /// What an archive says of itself, the objects of a kind, or one object; values of Secrets are never shown
    Show(ShowArgs),
    /// What changed from one archive to another or to the live cluster; exit 1 where something did
    Diff(DiffArgs),
    /// Make objects of an archive again, by a plan that says of each what becomes of it
    Restore(RestoreArgs),
    /// Which archives of a folder or of s3://BUCKET/PREFIX may go; they go only with --yes
    Prune(PruneArgs),
    /// Which claims have a VolumeSnapshot that would serve; --create makes some, --keep-last removes old ones
    Snapshots(SnapshotsArgs),
    /// Who would make each object again if it were lost, and what is lost where nobody does
    Coverage(CoverageArgs),
}

#[derive(Debug, ArgGroup)]
pub(crate) struct CreateArgs {
    /// Only these kinds: Secret, deployments.apps, kafkas.kafka.strimzi.io; separated by commas
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub(crate) kinds: Vec<String>,
    #[command(flatten)]
    pub(crate) archive: ArchiveArgs,
}

#[derive(Debug, ArgGroup)]
pub(crate) struct KafkaArgs {
    /// Only the Kafka of this name
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Only the report: no archive is written
    #[arg(long)]
    pub(crate) check: bool,
    /// Ask the brokers too, by Kafka's scripts in a broker's pod (kubectl exec)
    #[arg(long)]
    pub(crate) describe: bool,
    /// With --describe, the address that the scripts are given; without it a listener of the Kafka at localhost
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) bootstrap: Option<String>,
    /// With --describe, a client config in the pod for the scripts: a cluster that authorizes needs one
    #[arg(long, value_name = "PATH")]
    pub(crate) command_config: Option<String>,
    /// With --describe, print KafkaTopics for topics that none declares, and nothing else
    #[arg(long, requires = "describe")]
    pub(crate) topic_manifests: bool,
    #[command(flatten)]
    pub(crate) archive: ArchiveArgs,
}

/// How an archive is written.
#[derive(Debug, ArgGroup)]
pub(crate) struct ArchiveArgs {
    /// A folder or s3://BUCKET/PREFIX, or a new file or object whose name ends in .tar.zst or .tar.zst.age
    #[arg(long, value_name = "PATH", default_value = ".", value_hint = ValueHint::AnyPath)]
    pub(crate) to: PathBuf,
    /// Encrypt to this age or SSH public key; may be given more than once
    #[arg(long, value_name = "KEY")]
    pub(crate) recipient: Vec<String>,
    /// Encrypt to the public keys of this file, one a line
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) recipients_file: Vec<PathBuf>,
    /// What becomes of Secrets: kept with a recipient, names without one
    #[arg(long, value_enum, value_name = "HOW")]
    pub(crate) secrets: Option<Secrets>,
    /// With --secrets=names, a key of at least 32 bytes that makes values comparable between backups
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) compare_key: Option<PathBuf>,
    /// Sign the archive with this minisign key; the signature is written beside it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) sign_key: Option<PathBuf>,
    /// The whole run may take so long
    #[arg(long, value_name = "DURATION", default_value = "30m")]
    pub(crate) timeout: String,
}

/// What becomes of the values of Secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Secrets {
    /// They are in the archive; it must be encrypted
    Kept,
    /// The names of their keys are, with a class of length for each value
    Names,
    /// No Secret is in the archive
    Omit,
}

impl From<Secrets> for archive::Secrets {
    fn from(secrets: Secrets) -> Self {
        match secrets {
            Secrets::Kept => Self::Kept,
            Secrets::Names => Self::Names,
            Secrets::Omit => Self::Omitted,
        }
    }
}

#[derive(Debug, ArgGroup)]
pub(crate) struct VerifyArgs {
    /// The archive: a file, or s3://BUCKET/KEY
    #[arg(value_name = "ARCHIVE", value_hint = ValueHint::FilePath)]
    pub(crate) archive: PathBuf,
    /// With level 3 or 4 only these objects, also narrowed by -n and -l: KIND, KIND/NAME (with -n) or KIND/NAMESPACE/NAME
    #[arg(value_name = "OBJECT")]
    pub(crate) objects: Vec<String>,
    /// How far: 1 digests and signature; 2 also that every object parses and every owner is there; 3 also asks the API
    /// server of a cluster whether it takes each object; 4 also restores what is harmless, compares it and deletes it
    #[arg(long, value_name = "LEVEL", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub(crate) level: u8,
    /// The minisign public key, or a file with it, that the signature must be of
    #[arg(long, value_name = "KEY")]
    pub(crate) public_key: Option<String>,
    /// Record beside the archive that it was verified: prune never removes the newest that was
    #[arg(long)]
    pub(crate) record: bool,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

#[derive(Debug, ArgGroup)]
pub(crate) struct ListArgs {
    /// The folder, or s3://BUCKET/PREFIX
    #[arg(value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, ArgGroup)]
pub(crate) struct ShowArgs {
    /// The archive: a file, or s3://BUCKET/KEY
    #[arg(value_name = "ARCHIVE", value_hint = ValueHint::FilePath)]
    pub(crate) archive: PathBuf,
    /// KIND, KIND/NAME (with -n) or KIND/NAMESPACE/NAME
    #[arg(value_name = "OBJECT")]
    pub(crate) object: Option<String>,
    /// Write the archive itself to standard output, for another plugin: `… --stream | kubectl mlops health --from -`
    #[arg(long, conflicts_with = "object")]
    pub(crate) stream: bool,
}

#[derive(Debug, ArgGroup)]
pub(crate) struct DiffArgs {
    /// The older archive
    #[arg(value_name = "FROM", value_hint = ValueHint::FilePath)]
    pub(crate) from: PathBuf,
    /// The newer archive, or the word live for the cluster
    #[arg(value_name = "TO", value_hint = ValueHint::FilePath)]
    pub(crate) to: PathBuf,
    /// Compare status too
    #[arg(long)]
    pub(crate) status: bool,
}

#[derive(Debug, ArgGroup)]
pub(crate) struct PruneArgs {
    /// The folder, or s3://BUCKET/PREFIX
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folder: PathBuf,
    /// Keep so many of the newest
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) keep_last: usize,
    /// Keep the newest of each of so many hours that have one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) keep_hourly: usize,
    /// Keep the newest of each of so many days that have one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) keep_daily: usize,
    /// Keep the newest of each of so many weeks that have one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) keep_weekly: usize,
    /// Keep the newest of each of so many months that have one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) keep_monthly: usize,
    /// Remove what may go; without it that is only told
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, ArgGroup)]
pub(crate) struct CoverageArgs {
    /// A snapshot of a volume that is older does not count
    #[arg(long, value_name = "DURATION", default_value = "24h")]
    pub(crate) fresh: String,
}

#[derive(Debug, ArgGroup)]
pub(crate) struct SnapshotsArgs {
    /// Only these claims: NAME with one -n, or NAMESPACE/NAME
    #[arg(value_name = "CLAIM")]
    pub(crate) claims: Vec<String>,
    /// A snapshot that is older does not count
    #[arg(long, value_name = "DURATION", default_value = "24h")]
    pub(crate) fresh: String,
    /// Make a VolumeSnapshot of each claim, and wait until it is ready (5m, --timeout)
    #[arg(long)]
    pub(crate) create: bool,
    /// With --create, the VolumeSnapshotClass; without it the one of the claim's driver
    #[arg(long, value_name = "NAME", requires = "create")]
    pub(crate) class: Option<String>,
    /// Delete the snapshots that --create made, but for so many of the newest of each claim
    #[arg(long, value_name = "N", conflicts_with = "create", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keep_last: Option<u32>,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

#[derive(Debug, ArgGroup)]
pub(crate) struct RestoreArgs {
    /// The archive: a file, or s3://BUCKET/KEY
    #[arg(value_name = "ARCHIVE", value_hint = ValueHint::FilePath)]
    pub(crate) archive: PathBuf,
    /// KIND, KIND/NAME (with -n) or KIND/NAMESPACE/NAME; everything without one
    #[arg(value_name = "OBJECT")]
    pub(crate) objects: Vec<String>,
    /// Restore a namespace under another name, as in data-plane=drill; may be given more than once
    #[arg(long, value_name = "FROM=TO")]
    pub(crate) map_namespace: Vec<String>,
    /// What becomes of an object that is there and differs
    #[arg(long, value_enum, value_name = "HOW", default_value = "skip")]
    pub(crate) existing: Existing,
    /// With --existing=recreate, the names of objects whose data is lost when they are made anew, separated by commas
    #[arg(long, value_name = "NAME")]
    pub(crate) accept_data_loss: Option<String>,
    /// Restore also what Flux, Argo CD and Helm through Flux would make again
    #[arg(long)]
    pub(crate) include_managed: bool,
    /// Where the journal of the restore is; beside the archive by default
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) journal: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}
