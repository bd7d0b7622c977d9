//! `health explain`: what a code means and what to do.

use mlops_shared::cli::Failure;
use mlops_shared::health::{all_codes, find_code};
use mlops_shared::report::{API_VERSION, Code};
use mlops_shared::text;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;

/// Finding codes as JSON and YAML print them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingCodeList {
    /// `mlops/v1`
    api_version: &'static str,
    /// `FindingCodeList`
    kind: &'static str,
    /// The codes, by name.
    items: Vec<FindingCode>,
}

/// One code.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingCode {
    /// The stable name: `pod-crash-loop`.
    code: &'static str,
    /// One line: what it is.
    title: &'static str,
    /// What it means and how it comes about.
    meaning: &'static str,
    /// What to do.
    remedy: &'static str,
    /// What becomes of it when nobody does anything.
    outlook: String,
}

/// One code or all of them, as text, `json` or `yaml`.
pub(crate) fn explain(code: Option<&str>, format: &str) -> Result<String, Failure> {
    let codes = match code {
        Some(id) => vec![find_code(id).ok_or_else(|| unknown(id))?],
        None => all_codes(),
    };
    match format {
        "table" | "wide" if code.is_some() => Ok(codes.into_iter().map(page).collect()),
        "table" | "wide" => Ok(list(&codes)),
        "json" => serde_json::to_string_pretty(&data(&codes))
            .map(|text| text + "\n")
            .map_err(|error| Failure::unchecked(error.to_string())),
        "yaml" => serde_saphyr::to_string(&data(&codes)).map_err(|error| Failure::unchecked(error.to_string())),
        other => Err(Failure::usage(format!("codes are printed as table, json or yaml, not as {other:?}"))),
    }
}

fn data(codes: &[&'static Code]) -> FindingCodeList {
    let item = |code: &&'static Code| FindingCode {
        code: code.id,
        title: code.title,
        meaning: code.meaning,
        remedy: code.remedy,
        outlook: code.outlook.sentence(),
    };
    FindingCodeList { api_version: API_VERSION, kind: "FindingCodeList", items: codes.iter().map(item).collect() }
}

fn list(codes: &[&Code]) -> String {
    let width = codes.iter().map(|code| code.id.len()).max().unwrap_or(0);
    let mut out = String::new();
    for code in codes {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{:width$}  {}", code.id, code.title);
    }
    out
}

fn page(code: &Code) -> String {
    let outlook = code.outlook.sentence();
    format!("{}: {}\n\n{}\n\nWhat to do: {}\n\nOutlook: {outlook}\n", code.id, code.title, code.meaning, code.remedy)
}

fn unknown(id: &str) -> Failure {
    let failure = Failure::usage(format!("no finding has the code {id:?}"));
    let ids = || all_codes().into_iter().map(|code| code.id);
    if let Some(near) = text::nearest(id, ids()) {
        return failure.hint(format!("did you mean {near}?"));
    }
    // Words of it, where the whole is like nothing.
    let words: Vec<&str> = id.split('-').filter(|word| word.len() > 3).collect();
    let near: Vec<&str> = ids().filter(|known| words.iter().any(|word| known.contains(word))).take(5).collect();
    if near.is_empty() {
        failure.hint("`kubectl mlops health explain` lists all codes")
    } else {
        failure.hint(format!("did you mean one of {}?", near.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_explained_and_misspelt_ones_are_guessed() {
        assert!(explain(Some("no-status"), "table").expect("page").contains("What to do:"));
        assert!(explain(None, "table").expect("list").lines().count() > 5);
        for (misspelt, meant) in [
            ("pod-crashloop", "pod-crash-loop"),
            ("Pod-Crash-Loop", "pod-crash-loop"),
            ("the-quorum-is-gone", "kafka-quorum-lost"),
        ] {
            let failure = explain(Some(misspelt), "table").expect_err("unknown");
            assert!(failure.hints[0].contains(meant), "{misspelt}: {:?}", failure.hints);
        }
        assert!(explain(None, "html").is_err());
    }
}
