//! `health explain`: what a code means and what to do.

use mlops_shared::cli::Failure;
use mlops_shared::health::{all_codes, find_code};
use mlops_shared::report::Code;
use std::fmt::Write as _;

/// The page of one code, or the list of all.
pub(crate) fn explain(code: Option<&str>) -> Result<String, Failure> {
    match code {
        Some(id) => match find_code(id) {
            Some(code) => Ok(page(code)),
            None => Err(unknown(id)),
        },
        None => {
            let codes = all_codes();
            let width = codes.iter().map(|code| code.id.len()).max().unwrap_or(0);
            let mut out = String::new();
            for code in codes {
                // Writing to a String cannot fail.
                let _ = writeln!(out, "{:width$}  {}", code.id, code.title);
            }
            Ok(out)
        }
    }
}

fn page(code: &Code) -> String {
    let outlook = code.outlook.sentence();
    format!("{}: {}\n\n{}\n\nWhat to do: {}\n\nOutlook: {outlook}\n", code.id, code.title, code.meaning, code.remedy)
}

fn unknown(id: &str) -> Failure {
    let near =
        all_codes().into_iter().filter(|code| id.split('-').any(|word| word.len() > 3 && code.id.contains(word)));
    let near: Vec<&str> = near.map(|code| code.id).take(5).collect();
    let failure = Failure::usage(format!("no finding has the code {id:?}"));
    if near.is_empty() {
        failure.hint("`kubectl mlops health explain` lists all codes")
    } else {
        failure.hint(format!("did you mean {}?", near.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_explained_and_misspelt_ones_are_guessed() {
        assert!(explain(Some("no-status")).expect("page").contains("What to do:"));
        assert!(explain(None).expect("list").lines().count() > 5);
        let failure = explain(Some("namespace-gone")).expect_err("unknown");
        assert!(failure.hints[0].contains("namespace-missing"), "{:?}", failure.hints);
    }
}
