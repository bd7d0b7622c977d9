//! Where a durable change of an object belongs, and what becomes of one that is made by hand.

use super::chain::{Chain, Link, Manager, Presence};
use super::hold::ExemptionKind;
use crate::object::{Custom, Inventory, Object, ObjectRef, find_condition};
use crate::text;

/// What becomes of a change that somebody makes on the object itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByHand {
    /// It is undone at the manager's next reconciliation, as far as the manager sets the field.
    Undone,
    /// It stays until the release is upgraded, which writes what the chart says.
    UntilUpgrade,
    /// It stays until the application is synchronised.
    UntilSync,
    /// It stays until what is suspended or exempt is so no longer.
    UntilResumed,
    /// It stays as long as the manager fails, for it applies nothing meanwhile: neither does a change in Git arrive.
    UntilApplied,
    /// Nothing deploys it, and its owner writes what it wants, or makes the object anew from its own template.
    Overruled,
    /// Nobody can tell: the manager is only guessed at, or was not read.
    Unknown,
}

impl ByHand {
    /// A stable word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Undone => "undone",
            Self::UntilUpgrade => "until-upgrade",
            Self::UntilSync => "until-sync",
            Self::UntilResumed => "until-resumed",
            Self::UntilApplied => "until-applied",
            Self::Overruled => "overruled",
            Self::Unknown => "unknown",
        }
    }
}

/// Where a durable change belongs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Home {
    /// The source that the manifests come from: a GitRepository, OCIRepository, Bucket.
    pub source: Option<ObjectRef>,
    /// The revision that was applied: `main@sha1:…`.
    pub revision: Option<String>,
    /// The folder in the source.
    pub path: Option<String>,
    /// Whether the source says that it cannot be fetched: then a change in it does not arrive.
    pub is_source_failing: bool,
    /// How often the deployer looks, as its spec says: `10m0s`.
    pub interval: Option<String>,
}

impl Chain {
    /// Where a durable change belongs: the source of the first Kustomization, else of the first Application.
    pub fn home(&self, inventory: &Inventory) -> Home {
        let custom = |link: &Link| inventory.find(&link.object).found().and_then(Object::custom);
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let interval = self.deployer().and_then(custom).and_then(|custom| some(custom.spec_text("/interval")));
        if let Some(link) = self.links.iter().find(|link| link.manager == Manager::Kustomization)
            && let Some(custom) = custom(link)
        {
            let source = source(custom, &link.object);
            let is_false =
                |custom: &Custom| find_condition(&custom.conditions(), "Ready").is_some_and(|it| it.is_false());
            return Home {
                is_source_failing: source
                    .as_ref()
                    .and_then(|source| inventory.find(source).found()?.custom())
                    .is_some_and(is_false),
                source,
                revision: some(custom.status_text("/lastAppliedRevision")),
                path: some(custom.spec_text("/path")),
                interval,
            };
        }
        if let Some(link) = self.links.iter().find(|link| link.manager == Manager::Application)
            && let Some(custom) = custom(link)
        {
            return Home {
                source: None,
                is_source_failing: false,
                revision: some(custom.status_text("/sync/revision")),
                path: some(custom.spec_text("/source/path")),
                interval,
            };
        }
        Home { interval, ..Home::default() }
    }

    /// What becomes of a change by hand of the object that is deployed (or of the owner, where nothing deploys it),
    /// fields aside; `None` when nothing manages the object.
    pub fn by_hand(&self, inventory: &Inventory) -> Option<ByHand> {
        let Some(nearest) = self.deployer() else {
            let owner = self.links.first()?;
            // Deployments can be paused, and still make their pods anew.
            let is_operators = !matches!(&*owner.object.group, "" | "apps" | "batch");
            return Some(if owner.hold.is_some() && is_operators { ByHand::UntilResumed } else { ByHand::Overruled });
        };
        let exempt = self.exemption.as_ref().map(|exemption| exemption.kind);
        if nearest.presence != Presence::Read && nearest.manager != Manager::Helm {
            return Some(ByHand::Unknown);
        }
        if nearest.hold.is_some() {
            return Some(ByHand::UntilResumed);
        }
        let custom = inventory.find(&nearest.object).found().and_then(Object::custom);
        Some(match nearest.manager {
            Manager::Kustomization if exempt.is_some_and(ExemptionKind::stops_applying) => ByHand::UntilResumed,
            Manager::HelmRelease => match custom.map(|custom| custom.spec_text("/driftDetection/mode")) {
                Some("enabled") if exempt != Some(ExemptionKind::Drift) => ByHand::Undone,
                _ => ByHand::UntilUpgrade,
            },
            Manager::Helm => ByHand::UntilUpgrade,
            Manager::Application => {
                let heals = custom.is_some_and(|custom| custom.spec_true("/syncPolicy/automated/selfHeal"));
                if heals { ByHand::Undone } else { ByHand::UntilSync }
            }
            Manager::Kustomization if custom.and_then(applies_nothing).is_some() => ByHand::UntilApplied,
            _ => ByHand::Undone,
        })
    }
}

/// Why a Kustomization applies nothing now, from the reason of Ready=False: its source, its build or its dependencies
/// fail before anything is applied (kustomize-controller, `reconcile` in `kustomization_controller.go`).
fn applies_nothing(custom: &Custom) -> Option<String> {
    let conditions = custom.conditions();
    let ready = find_condition(&conditions, "Ready").filter(|ready| ready.is_false())?;
    let before = ["ArtifactFailed", "BuildFailed", "DependencyNotReady", "InvalidPath", "ReconciliationFailed"];
    before.contains(&&*ready.reason).then(|| ready.reason.to_string())
}

fn source(custom: &Custom, owner: &ObjectRef) -> Option<ObjectRef> {
    let text = |key: &str| custom.spec_text(&format!("/sourceRef/{key}")).to_owned();
    if text("name").is_empty() {
        return None;
    }
    let namespace = if text("namespace").is_empty() { owner.namespace.to_string() } else { text("namespace") };
    let kind = if text("kind").is_empty() { "GitRepository".to_owned() } else { text("kind") };
    Some(ObjectRef::new("source.toolkit.fluxcd.io", &kind, &namespace, &text("name")))
}

/// One line for people: who manages it, from where, and what a change by hand is good for. `None` when nothing does.
/// Not made safe to print.
pub fn describe(chain: &Chain, inventory: &Inventory) -> Option<String> {
    let hand = chain.by_hand(inventory)?;
    let home = chain.home(inventory);
    let mut line = String::new();
    let deployer = chain.deployer();
    // A pod's Deployment goes without saying where something deploys it; an operator's own object does not.
    let is_built_in = |link: &&Link| matches!(&*link.object.group, "" | "apps" | "batch");
    if let Some(top) = chain.top_controller().filter(|top| deployer.is_none() || !is_built_in(top)) {
        line.push_str(&named(top));
        line.push_str(if deployer.is_some() { " of " } else { "" });
    }
    if let Some(deployer) = deployer {
        line.push_str(&named(deployer));
        if deployer.manager != Manager::Kustomization
            && let Some(above) = chain.links.iter().find(|link| link.manager == Manager::Kustomization)
        {
            line.push_str(&format!(" of {}", named(above)));
        }
        line.push_str(&from(&home, chain));
    }
    line.push_str(": ");
    line.push_str(&advice(chain, hand, inventory));
    if let [rival, ..] = chain.rivals.as_slice() {
        line.push_str(&format!("; {rival} lists it too, and they undo each other's work"));
    }
    // A pile of manifests claims to know nothing else.
    if deployer.is_none() && !chain.unread.is_empty() && inventory.is_complete() {
        line.push_str(&format!("; {} were not read", chain.unread.join(", ")));
    }
    Some(line)
}

fn named(link: &Link) -> String {
    let gone = match link.presence {
        Presence::Missing => ", which is gone",
        _ if link.hold.is_some() => ", suspended",
        _ => "",
    };
    let guessed = if matches!(link.proof, super::Proof::Label(_)) { " (by its label)" } else { "" };
    format!("{}{guessed}{gone}", link.object)
}

/// ` (GitRepository infra at main@sha1:01234567, every 10m)`.
fn from(home: &Home, chain: &Chain) -> String {
    let mut parts = Vec::new();
    if let Some(source) = &home.source {
        let is_near = chain.links.iter().any(|link| link.object.namespace == source.namespace);
        let namespace = if is_near { String::new() } else { format!("{}/", source.namespace) };
        let at = home.revision.as_deref().map_or_else(String::new, |at| format!(" at {}", short_revision(at)));
        let failing = if home.is_source_failing { ", which cannot be fetched now" } else { "" };
        parts.push(format!("{} {namespace}{}{at}{failing}", source.kind, source.name));
    }
    if let Some(interval) = &home.interval {
        let time = text::parse_duration(interval);
        parts.push(format!("every {}", time.map_or_else(|| interval.clone(), |time| format!("{time:#}"))));
    }
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

/// `main@sha1:0123456789…` with as many digits of the digest as the flux command prints.
fn short_revision(revision: &str) -> String {
    match revision.rsplit_once(':') {
        Some((name, digest)) if digest.len() >= 40 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            format!("{name}:{}", &digest[..8])
        }
        _ => revision.to_owned(),
    }
}

fn advice(chain: &Chain, hand: ByHand, inventory: &Inventory) -> String {
    let Some(nearest) = chain.deployer().or(chain.links.first()) else { return String::new() };
    // Git is where the Kustomization's manifests are; a HelmRelease's own manifest may be there too.
    let in_git = chain.links.iter().any(|link| matches!(link.manager, Manager::Kustomization | Manager::Application));
    let edit = match (chain.deployer().map(|link| link.manager), in_git) {
        (Some(Manager::HelmRelease | Manager::Helm), true) => "change its values in Git",
        (Some(Manager::HelmRelease | Manager::Helm), false) => "change its values there",
        (Some(Manager::FluxInstance | Manager::ResourceSet), false) => "change it there",
        (Some(_), _) => "edit it in Git",
        (None, _) => "change that",
    };
    match hand {
        ByHand::Undone => {
            let origin = if nearest.manager == Manager::HelmRelease { "the chart" } else { "Git" };
            format!("{edit}, a change by hand of what {origin} sets is undone")
        }
        ByHand::UntilUpgrade => format!("{edit}, a change by hand lasts until the next upgrade"),
        ByHand::UntilSync => format!("{edit}, a change by hand lasts until the next sync"),
        ByHand::UntilResumed => {
            let how = match (&nearest.hold, &chain.exemption) {
                (Some(_), _) => "that is resumed".to_owned(),
                (None, Some(exemption)) => format!("{} is taken away", exemption.how),
                (None, None) => "it is resumed".to_owned(),
            };
            format!("a change by hand stays until {how}, a change in Git does not arrive before")
        }
        ByHand::UntilApplied => {
            let custom = inventory.find(&nearest.object).found().and_then(Object::custom);
            let reason = custom.and_then(applies_nothing).unwrap_or_default();
            format!("{edit}; it applies nothing now ({reason}), so a change by hand stays until it does")
        }
        ByHand::Overruled if inventory.is_complete() && chain.unread.is_empty() => {
            format!("{edit}, it overrules a change here; neither Flux nor Helm nor Argo CD manages it")
        }
        ByHand::Overruled => format!("{edit}, it overrules a change here"),
        ByHand::Unknown => format!("{edit}; nobody can tell what becomes of a change by hand"),
    }
}
