//! Credentials of an object store: from the environment, or from a profile in the files that the AWS tools use.

use crate::keys;
use mlops_shared::cli::Failure;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// A variable of the environment that is set and not empty.
pub(super) type Env<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// A pair of keys. Its values are never printed.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(super) key: String,
    pub(super) secret: String,
    pub(super) token: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("credentials")
    }
}

impl Credentials {
    /// Those of the environment; `None` where it has none.
    ///
    /// # Errors
    /// When only one half of a pair is there, or one cannot be sent.
    pub(super) fn of_env(env: &Env<'_>) -> Result<Option<Self>, Failure> {
        match (env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY")) {
            (None, None) => Ok(None),
            (Some(key), Some(secret)) => Self::new(key, secret, env("AWS_SESSION_TOKEN"), "the environment").map(Some),
            (Some(_), None) => Err(Failure::usage("AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not")),
            (None, Some(_)) => Err(Failure::usage("AWS_SECRET_ACCESS_KEY is set, and AWS_ACCESS_KEY_ID is not")),
        }
    }

    fn new(key: String, secret: String, token: Option<String>, place: &str) -> Result<Self, Failure> {
        let is_sent = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_graphic());
        if !is_sent(&key) || !is_sent(&secret) || !token.as_deref().is_none_or(is_sent) {
            return Err(Failure::usage(format!("the credentials of {place} hold spaces, or what is no letter"))
                .hint("is there a line break at the end of one?"));
        }
        Ok(Self { key, secret, token })
    }
}

/// What a profile says.
#[derive(Debug, Default)]
pub(super) struct Profile {
    pub(super) credentials: Option<Credentials>,
    pub(super) region: Option<String>,
    pub(super) endpoint: Option<String>,
}

/// By section, then by key.
type Sections = BTreeMap<String, BTreeMap<String, String>>;

/// Reads the profile of `AWS_PROFILE`, or `default`, from `~/.aws/credentials` and `~/.aws/config`, or where
/// `AWS_SHARED_CREDENTIALS_FILE` and `AWS_CONFIG_FILE` point.
///
/// # Errors
/// When a file cannot be read, the named profile is in none, or it says to get credentials in a way that would contact
/// somebody or start a program.
pub(super) fn read(env: &Env<'_>) -> Result<Profile, Failure> {
    let named = env("AWS_PROFILE");
    let name = named.clone().unwrap_or_else(|| "default".to_owned());
    let home = env("HOME").map(PathBuf::from);
    let path = |variable: &str, file: &str| {
        env(variable).map(PathBuf::from).or_else(|| home.as_ref().map(|home| home.join(".aws").join(file)))
    };
    let read = |path: Option<PathBuf>| -> Result<Sections, Failure> {
        let text = path.map(|path| keys::text_of(&path)).transpose()?.flatten();
        Ok(text.as_deref().map_or_else(Sections::new, sections))
    };
    let mut secrets = read(path("AWS_SHARED_CREDENTIALS_FILE", "credentials"))?;
    let mut config = read(path("AWS_CONFIG_FILE", "config"))?;
    let section = if name == "default" { name.clone() } else { format!("profile {name}") };
    let (secret, settings) = (secrets.remove(&name), config.remove(&section));
    if named.is_some() && secret.is_none() && settings.is_none() {
        return Err(Failure::usage(format!("there is no profile {name:?}"))
            .hint("AWS_PROFILE names it; profiles are in ~/.aws/credentials and ~/.aws/config"));
    }
    // As the AWS tools do: of a key in both files, the one in credentials counts.
    let mut all = settings.unwrap_or_default();
    all.extend(secret.unwrap_or_default());
    let credentials = match (all.remove("aws_access_key_id"), all.remove("aws_secret_access_key")) {
        (Some(key), Some(secret)) => {
            let place = format!("the profile {name:?}");
            Some(Credentials::new(key, secret, all.remove("aws_session_token"), &place)?)
        }
        _ => None,
    };
    let other = ["role_arn", "credential_process", "sso_session", "sso_start_url", "web_identity_token_file"];
    if credentials.is_none()
        && let Some(way) = other.iter().find(|way| all.contains_key(**way))
    {
        return Err(Failure::usage(format!(
            "the profile {name:?} gets its credentials by {way}, which is not done here"
        ))
        .hint("put them into the environment: eval \"$(aws configure export-credentials --format env)\""));
    }
    Ok(Profile { credentials, region: all.remove("region"), endpoint: all.remove("endpoint_url") })
}

/// Lines `[section]` and `key = value`; lines that are indented belong to a nested setting, and are passed over.
fn sections(text: &str) -> Sections {
    let mut all = Sections::new();
    let mut section = None;
    for line in text.lines() {
        if let Some(name) = line.trim().strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
            all.entry(name.clone()).or_default();
            section = Some(name);
        } else if line.starts_with(char::is_whitespace) || line.starts_with(['#', ';']) {
        } else if let (Some(section), Some((key, value))) = (&section, line.split_once('=')) {
            let value = value.split(" #").next().unwrap_or_default().trim();
            all.entry(section.clone()).or_default().insert(key.trim().to_ascii_lowercase(), value.to_owned());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_read_as_the_tools_of_aws_read_them_and_no_secret_is_told() {
        let folder = tempfile::tempdir().expect("folder");
        let aws = folder.path().join(".aws");
        std::fs::create_dir(&aws).expect("folder");
        let secrets = "[default]\naws_access_key_id = A\naws_secret_access_key=CANARY-1 # mine\n\n[ ops ]\naws_access_key_id=B\naws_secret_access_key=CANARY-2\naws_session_token=CANARY-3\n";
        let config = "# x\n[default]\nregion = eu-central-1\ns3 =\n  region = nested\n[profile ops]\nendpoint_url = https://minio.example.com\n[profile role]\nrole_arn = arn:x\n";
        std::fs::write(aws.join("credentials"), secrets).expect("write");
        std::fs::write(aws.join("config"), config).expect("write");
        let home = folder.path().display().to_string();
        let profile = |name: Option<&str>| {
            read(&|variable: &str| match variable {
                "HOME" => Some(home.clone()),
                "AWS_PROFILE" => name.map(str::to_owned),
                _ => None,
            })
        };
        let default = profile(None).expect("read");
        let keys = default.credentials.clone().expect("keys");
        assert_eq!((keys.key.as_str(), keys.secret.as_str(), keys.token), ("A", "CANARY-1", None));
        assert_eq!(default.region.as_deref(), Some("eu-central-1"));
        let ops = profile(Some("ops")).expect("read");
        assert_eq!(ops.endpoint.as_deref(), Some("https://minio.example.com"));
        assert_eq!(ops.credentials.as_ref().and_then(|it| it.token.as_deref()), Some("CANARY-3"));
        assert!(!format!("{default:?}{ops:?}").contains("CANARY"));
        assert!(profile(Some("none")).expect_err("refused").to_string().contains("no profile"));
        assert!(profile(Some("role")).expect_err("refused").to_string().contains("role_arn"));
    }

    #[test]
    fn half_a_pair_and_line_breaks_are_refused_without_being_repeated() {
        let of = |key: Option<&'static str>, secret: Option<&'static str>| {
            Credentials::of_env(&move |name: &str| match name {
                "AWS_ACCESS_KEY_ID" => key.map(str::to_owned),
                "AWS_SECRET_ACCESS_KEY" => secret.map(str::to_owned),
                _ => None,
            })
        };
        assert!(of(None, None).is_ok_and(|it| it.is_none()) && of(Some("A"), Some("B")).is_ok_and(|it| it.is_some()));
        for (key, secret) in [(Some("CANARY"), None), (None, Some("CANARY")), (Some("A"), Some("CANARY\n"))] {
            assert!(!format!("{:?}", of(key, secret).expect_err("refused")).contains("CANARY"));
        }
    }
}
