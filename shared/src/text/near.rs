//! What a misspelt word was probably meant to be.

/// The share of letters that must agree: those of `leaseSecond` and `leaseSeconds` do, those of
/// `a` and `area` do not.
const ALIKE: f64 = 0.7;

/// The name that looks most like `word`; `None` when none comes near. Case is not looked at.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Comparing costs the product of both lengths, and no name is that long.
    let word: String = word.chars().take(100).flat_map(char::to_lowercase).collect();
    let scored =
        names.into_iter().map(|name| (strsim::normalized_damerau_levenshtein(&word, &name.to_lowercase()), name));
    let best = scored.filter(|(score, _)| *score >= ALIKE).max_by(|one, two| one.0.total_cmp(&two.0));
    best.map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_words_are_recognised() {
        let names = ["apiVersion", "kind", "name", "namespaces", "components", "thresholds", "exceptions"];
        for (word, want) in [
            ("namespace", Some("namespaces")),
            ("Components", Some("components")),
            ("tresholds", Some("thresholds")),
            ("exeptions", Some("exceptions")),
            ("zzz", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, names), want, "{word}");
        }
    }
}
