//! Certificates that end, have ended, do not fit their key, or are too weak.

use super::certificate::{Certificate, Chain};
use super::codes::{CERT_CHAIN, CERT_EXPIRED, CERT_EXPIRES, CERT_KEY_MISMATCH, CERT_NO_NAMES, CERT_NOT_YET, CERT_WEAK};
use crate::check::Asked;
use crate::finding::Finding;
use crate::record::Head;
use crate::severity::Severity::{Critical, High, Low, Medium};
use jiff::Timestamp;
use mlops_shared::text::plural;

const DAY: i64 = 86_400;
/// Days before its end from which on a certificate is told, and from which on that is urgent.
const SOON: i64 = 30;
const NOW: i64 = 7;

/// The findings on certificates of Secrets, and on those by which the API server knows webhooks and API services.
pub(super) fn check(asked: &Asked<'_>) -> Vec<Finding> {
    let of_secrets = asked.records.secrets.iter().map(|secret| (&secret.head, &secret.chains));
    let of_bundles = asked.records.customs.iter().map(|custom| (&custom.head, &custom.chains));
    let all = of_secrets.chain(of_bundles).flat_map(|(head, chains)| chains.iter().map(move |chain| (head, chain)));
    all.flat_map(|(head, chain)| of_chain(head, chain, asked.now)).collect()
}

fn of_chain(head: &Head, chain: &Chain, now: Timestamp) -> Vec<Finding> {
    let mut found = Vec::new();
    // Of what is trusted alike one certificate that holds is enough: the one that holds longest decides.
    let judged: Vec<&Certificate> = if chain.is_shown {
        chain.certificates.iter().collect()
    } else {
        chain.certificates.iter().max_by_key(|it| it.not_after).into_iter().collect()
    };
    for (index, it) in judged.iter().enumerate() {
        // The end of an authority behind the first is told with its own Secret, if it has one; here it breaks the chain.
        found.extend(time(head, chain, it, now));
        if index == 0
            && let Some(weakness) = &it.weakness
        {
            found.push(head.finding(&CERT_WEAK, Medium, format!("{} has {weakness}", name(it))));
        }
    }
    if chain.is_shown {
        if chain.fits_key == Some(false) {
            let text = "the key beside it is not the certificate's: no server starts with this pair";
            found.push(head.finding(&CERT_KEY_MISMATCH, High, text));
        }
        if !chain.is_ordered {
            let text = "the chain is out of order: each certificate must be signed by the next";
            found.push(head.finding(&CERT_CHAIN, Medium, text));
        }
        if judged.first().is_some_and(|it| it.is_nameless) {
            let text = "it has no subject alternative name: clients no longer look at the common name";
            found.push(head.finding(&CERT_NO_NAMES, Low, text));
        }
    }
    found.into_iter().map(|finding| finding.at(chain.path.clone())).collect()
}

fn name(it: &Certificate) -> String {
    format!("{} {}", if it.is_authority { "the authority" } else { "the certificate of" }, it.subject)
}

/// Whether a certificate holds, and for how long. What lives for a few days or hours is renewed when a third of that is
/// left, and no sooner.
fn time(head: &Head, chain: &Chain, it: &Certificate, now: Timestamp) -> Option<Finding> {
    let now = now.as_second();
    let left = it.not_after - now;
    let life = (it.not_after - it.not_before).max(1);
    let day = |seconds: i64| Timestamp::from_second(seconds).map(|at| at.strftime("%Y-%m-%d").to_string());
    let date = day(it.not_after).unwrap_or_else(|_| "a day that no calendar has".to_owned());
    let days = |seconds: i64| plural(usize::try_from(seconds / DAY).unwrap_or_default(), "day");
    let whole = match chain.certificates.len() {
        count if count > 1 && !chain.is_shown => format!(", the last of {count} that are trusted"),
        _ => String::new(),
    };
    if left < 0 {
        let text = format!("{} ended on {date}, {} ago{whole}", name(it), days(-left));
        return Some(head.finding(&CERT_EXPIRED, Critical, text));
    }
    if it.not_before > now {
        let from = day(it.not_before).unwrap_or_default();
        return Some(head.finding(&CERT_NOT_YET, High, format!("{} does not hold before {from}", name(it))));
    }
    let severity = if left < (NOW * DAY).min(life / 10) {
        High
    } else if left < (SOON * DAY).min(life / 3) {
        Medium
    } else {
        return None;
    };
    let text = format!("{} ends on {date}, in {}{whole}", name(it), days(left));
    Some(head.finding(&CERT_EXPIRES, severity, text))
}

#[cfg(test)]
mod tests {
    use super::super::certificate::tests::made;
    use super::*;
    use crate::testing::found;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    fn of(yaml: &str) -> Vec<String> {
        found(check, yaml).iter().map(|it| format!("{} {} {}", it.code.id, it.severity, it.path)).collect()
    }

    /// What the API server knows a webhook by.
    fn webhook(bundle: &str) -> String {
        let bundle = STANDARD.encode(bundle);
        format!(
            "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {{name: w}}\nwebhooks: [{{name: a.example, clientConfig: {{caBundle: {bundle}}}}}]\n"
        )
    }

    #[test]
    fn certificates_are_told_before_they_end() {
        let path = "webhooks[a.example].clientConfig.caBundle";
        for (days, want) in [
            ((-60, 300), None),
            ((-360, 29), Some("cert-expires MEDIUM")),
            ((-360, 6), Some("cert-expires HIGH")),
            ((-360, -1), Some("cert-expired CRITICAL")),
            ((5, 300), Some("cert-not-yet-valid HIGH")),
            // Renewed every few days, and not overdue.
            ((-1, 3), None),
        ] {
            let (leaf, _, _) = made("web", days);
            let want: Vec<String> = want.iter().map(|code| format!("{code} {path}")).collect();
            assert_eq!(of(&webhook(&leaf)), want, "{days:?}");
        }
        // An authority that has ended beside one that holds.
        let (_, new, _) = made("web", (-60, 300));
        let (old, _, _) = made("web", (-400, -10));
        assert_eq!(of(&webhook(&format!("{new}{old}"))), Vec::<String>::new());
    }

    #[test]
    fn services_of_the_api_and_conversions_are_looked_at() {
        let (leaf, _, _) = made("web", (-360, -1));
        let bundle = STANDARD.encode(leaf);
        let service = format!(
            "apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {{name: v1.a}}\nspec: {{caBundle: {bundle}}}\n"
        );
        assert_eq!(of(&service), ["cert-expired CRITICAL spec.caBundle"]);
        let definition = format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: a.b}}\nspec: {{conversion: {{webhook: {{clientConfig: {{caBundle: {bundle}}}}}}}}}\n"
        );
        assert_eq!(of(&definition), ["cert-expired CRITICAL spec.conversion.webhook.clientConfig.caBundle"]);
    }
}
