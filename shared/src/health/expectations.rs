//! What the platform file expects and the cluster does not hold.

use crate::object::{Inventory, Lookup, ObjectRef};
use crate::platform::{Area, Component, Platform};
use crate::report::{Level, Verdict, codes};

codes! {
    NAMESPACE_MISSING = "namespace-missing", "A namespace of the platform is missing",
        "The platform file expects this namespace and the cluster has none of that name. A list of namespaces piped through grep shows nothing in this case, which reads as if all were well.",
        "Find out who removed it: with Flux, look at the Kustomization that holds it and at its inventory. If the platform does without it, take it out of the platform file.";
    COMPONENT_MISSING = "component-missing", "A component of the platform is missing",
        "The platform file expects this component and no object fits its description. An empty list is not health.",
        "Install it, or correct its description in the platform file.";
    COMPONENT_ABSENT = "component-absent", "A component is not installed",
        "The profile knows this component, nothing requires it, and it is not there.",
        "Nothing to do. Set `required: true` in the platform file if it should be there.";
}

/// Something that is not there.
#[derive(Debug)]
pub struct Absence {
    /// What it would be.
    pub object: ObjectRef,
    /// The area that it would belong to.
    pub area: Area,
    /// Whether that matters.
    pub verdict: Verdict,
}

/// Expected namespaces and components that are known to be absent. Where the kind was not read,
/// nothing is said.
///
/// The built-in profile speaks of another cluster than the guide's, unless one of the namespaces
/// that only the guide's platform has is there: then its namespaces are merely absent.
pub(super) fn absences(inventory: &Inventory, platform: &Platform) -> Vec<Absence> {
    let is_there = |name: &str| inventory.get("", "Namespace", "", name).found().is_some();
    let own = platform.namespaces.iter().filter(|namespace| namespace.name != "flux-system" && namespace.required);
    let recognised = !platform.is_built_in || own.map(|namespace| namespace.name.as_str()).any(is_there);
    let mut absences = Vec::new();
    for namespace in platform.namespaces.iter().filter(|namespace| namespace.required) {
        if !matches!(inventory.get("", "Namespace", "", &namespace.name), Lookup::Missing) {
            continue;
        }
        let message = format!("the platform {} expects this namespace, and it is not there", platform.name);
        absences.push(Absence {
            object: ObjectRef::new("", "Namespace", "", &namespace.name),
            area: namespace.area,
            verdict: if recognised {
                Verdict::fail(&NAMESPACE_MISSING, message).command("kubectl get namespaces")
            } else {
                Verdict::new(
                    Level::Absent,
                    &NAMESPACE_MISSING,
                    "not there; the built-in profile is of another platform",
                )
            },
        });
    }
    for component in &platform.components {
        if is_absent(component, inventory) {
            let object = ObjectRef::new(&component.group, &component.kind, &component.namespace, &component.object);
            let verdict = if component.required {
                let message = format!("{} is expected, and no object fits", component.name);
                let resource = if component.group.is_empty() {
                    component.kind.to_lowercase()
                } else {
                    format!("{}.{}", component.kind.to_lowercase(), component.group)
                };
                Verdict::fail(&COMPONENT_MISSING, message)
                    .command(format!("kubectl get {} --all-namespaces", crate::text::shell_word(&resource)))
            } else {
                Verdict::new(Level::Absent, &COMPONENT_ABSENT, format!("{} is not installed", component.name))
            };
            absences.push(Absence { object, area: component.area, verdict });
        }
    }
    absences
}

fn is_absent(component: &Component, inventory: &Inventory) -> bool {
    let read = inventory.sections().iter().any(|section| {
        let fits = *section.group == *component.group
            && (component.kind.contains(['*', '?']) || *section.kind == *component.kind);
        fits && matches!(section.state, crate::object::SectionState::Read(_))
    });
    // A kind that the API server does not serve has no object, and that is known.
    let not_served = inventory.is_complete()
        && inventory.section(&component.group, &component.kind).is_none()
        && inventory.section(&component.group, "*").is_none();
    let scoped = match inventory.scope() {
        crate::object::Scope::Cluster => true,
        crate::object::Scope::Namespaces(names) => {
            !component.namespace.is_empty() && names.iter().any(|name| **name == *component.namespace)
        }
    };
    (read || not_served) && scoped && !inventory.objects().iter().any(|object| component.matches(object))
}
