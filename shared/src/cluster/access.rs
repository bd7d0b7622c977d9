//! Whether the API server would let somebody do something: SubjectAccessReviews. A review is asked by creating it,
//! and nothing of it is kept; the account that asks needs `create` on `subjectaccessreviews`.

use super::list::{Warnings, post};
use super::{ClusterError, Connection};
use futures::{StreamExt, TryStreamExt};
use serde::Deserialize;
use serde_json::json;

/// Reviews that are asked at a time.
const AT_A_TIME: usize = 8;

/// What somebody might want to do: with a resource, or with a path where there is one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// The user's name.
    pub user: String,
    /// Its groups; the API server adds none.
    pub groups: Vec<String>,
    /// The verb.
    pub verb: String,
    /// API group; empty for the core group.
    pub group: String,
    /// The resource.
    pub resource: String,
    /// Its subresource; empty for none.
    pub subresource: String,
    /// Empty for requests without a name.
    pub name: String,
    /// Empty for requests in the whole cluster.
    pub namespace: String,
    /// A path that belongs to no resource; empty for resources.
    pub path: String,
}

/// What the API server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether it would let them.
    pub is_allowed: bool,
    /// Why, in its words; may be empty.
    pub reason: String,
}

/// Asks all of them, and gives the answers in the same order.
///
/// # Errors
/// The first error of any.
pub async fn reviews(connection: &Connection, questions: &[Access]) -> Result<Vec<Answer>, ClusterError> {
    futures::stream::iter(questions)
        .map(|question| review(connection, question))
        .buffered(AT_A_TIME)
        .try_collect()
        .await
}

async fn review(connection: &Connection, asked: &Access) -> Result<Answer, ClusterError> {
    #[derive(Deserialize)]
    struct Review {
        status: Status,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Status {
        allowed: bool,
        #[serde(default)]
        reason: String,
        #[serde(default)]
        evaluation_error: String,
    }
    let mut spec = json!({"user": asked.user, "groups": asked.groups});
    if asked.path.is_empty() {
        spec["resourceAttributes"] = json!({
            "verb": asked.verb, "group": asked.group, "resource": asked.resource, "subresource": asked.subresource,
            "name": asked.name, "namespace": asked.namespace,
        });
    } else {
        spec["nonResourceAttributes"] = json!({"verb": asked.verb, "path": asked.path});
    }
    let body = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec});
    let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    let answer = post(connection, path, body.to_string(), &Warnings::default()).await?;
    let review: Review = serde_json::from_slice(&answer)
        .map_err(|_| ClusterError::BadAnswer("the answer to a SubjectAccessReview is none".to_owned()))?;
    let status = review.status;
    let reason = if status.reason.is_empty() { status.evaluation_error } else { status.reason };
    Ok(Answer { is_allowed: status.allowed, reason: reason.chars().take(300).collect() })
}
