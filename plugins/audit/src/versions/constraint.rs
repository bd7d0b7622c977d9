//! Version constraints as Helm reads them (github.com/Masterminds/semver): comparisons joined by spaces or commas, sets of
//! them by `||`, hyphen ranges, `~`, `^` and wildcards.

use semver::Version;

/// The least version that a text may mean, and how many of its parts are given (`1.2` is two).
fn partial(text: &str) -> Option<(Version, usize)> {
    let text = text.trim();
    let text = text.strip_prefix('v').unwrap_or(text);
    let core_end = text.find(['-', '+']).unwrap_or(text.len());
    let (core, rest) = text.split_at(core_end);
    let mut numbers = [0u64; 3];
    let mut given = 0;
    for (place, part) in core.split('.').enumerate() {
        if place >= 3 {
            return None;
        }
        if matches!(part, "x" | "X" | "*" | "") {
            break;
        }
        numbers[place] = part.parse().ok()?;
        given = place + 1;
    }
    let mut version = Version::new(numbers[0], numbers[1], numbers[2]);
    if let Some(pre) = rest.strip_prefix('-') {
        version.pre = semver::Prerelease::new(pre.split('+').next()?).ok()?;
    }
    Some((version, given))
}

/// The first version above all that a partial one covers: `1.2` covers below 1.3.0.
fn above(version: &Version, given: usize) -> Option<Version> {
    Some(match given {
        0 => return None,
        1 => Version::new(version.major.saturating_add(1), 0, 0),
        2 => Version::new(version.major, version.minor.saturating_add(1), 0),
        _ => Version::new(version.major, version.minor, version.patch.saturating_add(1)),
    })
}

/// Whether one comparison holds; `None` where it cannot be read.
fn holds(term: &str, version: &Version) -> Option<bool> {
    let split = term.find(|next: char| !"=!<>~^".contains(next)).unwrap_or(term.len());
    let (operator, operand) = term.split_at(split);
    let (least, given) = partial(operand)?;
    let is_below = |bound: Option<Version>| bound.is_none_or(|bound| *version < bound);
    Some(match operator {
        "" | "=" if given == 3 => version.cmp_precedence(&least).is_eq(),
        "" | "=" => *version >= least && is_below(above(&least, given)),
        "!=" if given == 3 => !version.cmp_precedence(&least).is_eq(),
        "!=" => !(*version >= least && is_below(above(&least, given))),
        ">" if given == 3 => *version > least,
        ">" => !is_below(above(&least, given)),
        ">=" | "=>" => *version >= least,
        "<" => *version < least,
        "<=" | "=<" if given == 3 => *version <= least,
        "<=" | "=<" => is_below(above(&least, given)),
        "~" | "~>" => *version >= least && is_below(above(&least, given.min(2))),
        "^" => {
            // The first part that is not zero stays.
            let places = match (least.major, least.minor) {
                (0, 0) if given == 3 => 3,
                (0, _) if given >= 2 => 2,
                _ => 1,
            };
            *version >= least && is_below(above(&least, places.min(given)))
        }
        _ => return None,
    })
}

/// Whether a version meets a constraint; `None` where the constraint cannot be read. A prerelease counts as what it
/// precedes is compared, as Helm does for Kubernetes' versions whose constraints end in `-0`.
pub(super) fn meets(constraint: &str, version: &Version) -> Option<bool> {
    let mut is_met = false;
    for set in constraint.split("||") {
        let set = set.replace(" - ", "\u{0}");
        // An operator may stand apart from its version.
        let mut terms: Vec<String> = Vec::new();
        for word in set.split(|next: char| next == ',' || next.is_whitespace()).filter(|word| !word.is_empty()) {
            match terms.last_mut() {
                Some(last) if last.chars().all(|next| "=!<>~^".contains(next)) => last.push_str(word),
                _ => terms.push(word.to_owned()),
            }
        }
        if terms.is_empty() {
            return None;
        }
        let mut all = true;
        for term in &terms {
            all &= match term.split_once('\u{0}') {
                Some((low, high)) => holds(&format!(">={low}"), version)? && holds(&format!("<={high}"), version)?,
                None => holds(term, version)?,
            };
        }
        is_met |= all;
    }
    Some(is_met)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_mean_what_helm_means() {
        for (constraint, version, want) in [
            (">=1.25.0-0", "1.36.3", Some(true)),
            (">=1.38.0-0", "1.36.3", Some(false)),
            (">= 1.20.0-0 < 1.30.0-0", "1.36.3", Some(false)),
            (">= 1.20.0-0, < 1.40", "1.36.3", Some(true)),
            ("^1.21.0-0", "1.36.3", Some(true)),
            ("^1.21.0-0", "2.0.0", Some(false)),
            ("^0.2.3", "0.3.0", Some(false)),
            ("^0.0.3", "0.0.4", Some(false)),
            ("~1.36.1", "1.36.9", Some(true)),
            ("~1.36.1", "1.37.0", Some(false)),
            ("~1", "1.99.0", Some(true)),
            ("1.x", "1.36.3", Some(true)),
            ("1.36", "1.36.3", Some(true)),
            ("*", "1.36.3", Some(true)),
            ("<1.20.0 || >=1.30.0", "1.36.3", Some(true)),
            ("1.20 - 1.36", "1.36.3", Some(true)),
            ("1.20 - 1.35.9", "1.36.3", Some(false)),
            ("!=1.36.3", "1.36.3", Some(false)),
            (">1.36", "1.36.3", Some(false)),
            (">1.36", "1.37.0", Some(true)),
            ("<=1.36", "1.36.3", Some(true)),
            ("v1.36.3", "1.36.3", Some(true)),
            ("", "1.36.3", None),
            ("about 3", "1.36.3", None),
        ] {
            let version = Version::parse(version).expect("a version");
            assert_eq!(meets(constraint, &version), want, "{constraint} {version}");
        }
    }
}
