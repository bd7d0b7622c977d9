//! JUnit XML: a suite an area, a case for everything that was checked.

use crate::report::{Case, Level};
use crate::text;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

/// Columns of a message; what reads JUnit shows a line of it.
const MESSAGE: usize = 1_000;
/// Columns of a name: an API server takes 253, and a namespace 63.
const NAME: usize = 400;
/// Lines of evidence of a case.
const EVIDENCE: usize = 20;

/// The cases as JUnit XML. FAIL is a failure, UNKNOWN an error; WARN passes and says so on its
/// output; what is suspended, absent or on its way is skipped: nobody knows yet how it ends.
///
/// # Errors
/// The writer's words.
pub(super) fn render(cases: &[Case<'_>]) -> Result<String, String> {
    let mut report = Report::new("kubectl mlops");
    let mut suites: Vec<TestSuite> = Vec::new();
    for case in cases {
        let name = safe(case.suite, NAME);
        let index = suites.iter().position(|suite| suite.name.as_str() == name).unwrap_or_else(|| {
            suites.push(TestSuite::new(name.as_str()));
            suites.len() - 1
        });
        suites[index].add_test_case(test_case(case, &name));
    }
    report.add_test_suites(suites);
    report.to_string().map_err(|error| error.to_string())
}

fn test_case(case: &Case<'_>, suite: &str) -> TestCase {
    let message = safe(case.message, MESSAGE);
    let mut status = match case.level {
        Level::Ok | Level::Warn => TestCaseStatus::success(),
        Level::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Level::Unknown => TestCaseStatus::non_success(NonSuccessKind::Error),
        Level::Absent | Level::Suspended | Level::Progressing => TestCaseStatus::skipped(),
    };
    if case.level != Level::Ok && case.level != Level::Warn {
        status.set_message(format!("{}: {message}", case.level));
        status.set_type(safe(case.code, NAME));
        let lines: Vec<String> = case.evidence.iter().take(EVIDENCE).map(|line| safe(line, MESSAGE)).collect();
        if !lines.is_empty() {
            status.set_description(lines.join("\n"));
        }
    }
    let mut out = TestCase::new(safe(&case.subject.label(), NAME), status);
    out.set_classname(suite);
    if case.level == Level::Warn {
        out.set_system_out(format!("{}: {message} [{}]", case.level, safe(case.code, NAME)));
    }
    out
}

/// Safe text of at most `width` columns without the two characters that XML forbids beyond control
/// characters.
fn safe(text: &str, width: usize) -> String {
    text::truncate(text, width).replace('\u{fffe}', "<U+FFFE>").replace('\u{ffff}', "<U+FFFF>")
}
