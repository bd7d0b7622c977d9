//! The ids of a node pool's nodes: which come, and which go.
//!
//! As the operator assigns them (strimzi-kafka-operator, `NodeIdAssignor`, `NodeIdRange`): on the way up the annotation
//! `strimzi.io/next-node-ids` first, then the lowest id that is free in the cluster; on the way down
//! `strimzi.io/remove-node-ids` first, then the highest of the pool.

use std::collections::BTreeSet;

/// Asks for the ids of new nodes.
pub(crate) const NEXT: &str = "strimzi.io/next-node-ids";
/// Asks for the ids of the nodes that go.
pub(crate) const REMOVE: &str = "strimzi.io/remove-node-ids";

/// The ids of so many more nodes. `used` are those of all pools of the cluster.
pub(crate) fn added(used: &BTreeSet<u32>, more: u32, asked: Option<&str>) -> Vec<u32> {
    let mut used = used.clone();
    let mut ranges = asked.and_then(parse).unwrap_or_default().into_iter().flat_map(ids);
    let mut added = Vec::new();
    for _ in 0..more {
        let asked = ranges.find(|id| !used.contains(id));
        let Some(id) = asked.or_else(|| (0..).find(|id| !used.contains(id))) else { break };
        used.insert(id);
        added.push(id);
    }
    added
}

/// The ids of so many nodes that go from a pool that has `own`.
pub(crate) fn removed(own: &BTreeSet<u32>, fewer: u32, asked: Option<&str>) -> Vec<u32> {
    let mut own = own.clone();
    let mut ranges = asked.and_then(parse).unwrap_or_default().into_iter().flat_map(ids);
    let mut removed = Vec::new();
    for _ in 0..fewer {
        let asked = ranges.find(|id| own.remove(id));
        let Some(id) = asked.or_else(|| own.pop_last()) else { break };
        removed.push(id);
    }
    removed.sort_unstable();
    removed
}

/// `[0, 1, 10-20, 60-50]` as ranges, either way up; `None` when it is none, and then the operator ignores it.
pub(crate) fn parse(text: &str) -> Option<Vec<(u32, u32)>> {
    let inner = text.trim().strip_prefix('[')?.strip_suffix(']')?;
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let range = |part: &str| match part.split_once('-') {
        Some((from, to)) => Some((number(from)?, number(to)?)),
        None => number(part).map(|id| (id, id)),
    };
    inner.split(',').map(range).collect()
}

fn ids((from, to): (u32, u32)) -> Box<dyn Iterator<Item = u32>> {
    if from <= to { Box::new(from..=to) } else { Box::new((to..=from).rev()) }
}

/// `broker 3`, `brokers 3, 4 and 7`
pub(crate) fn brokers(ids: &[u32]) -> String {
    match ids {
        [] => "the brokers".to_owned(),
        [one] => format!("broker {one}"),
        [most @ .., last] => {
            format!("brokers {} and {last}", most.iter().map(u32::to_string).collect::<Vec<_>>().join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ids: &[u32]) -> BTreeSet<u32> {
        ids.iter().copied().collect()
    }

    #[test]
    fn new_nodes_get_what_is_asked_for_then_the_lowest_that_is_free() {
        assert_eq!(added(&set(&[0, 1, 2]), 2, None), [3, 4]);
        assert_eq!(added(&set(&[0, 2, 5]), 3, None), [1, 3, 4]);
        assert_eq!(added(&set(&[]), 1, None), [0]);
        assert_eq!(added(&set(&[0, 1]), 3, Some("[1, 100-101]")), [100, 101, 2]);
        assert_eq!(added(&set(&[0]), 2, Some("[12-10]")), [12, 11]);
        // What the operator cannot read it ignores.
        assert_eq!(added(&set(&[0]), 1, Some("10-12")), [1]);
        assert_eq!(added(&set(&[0]), 1, Some("[x]")), [1]);
    }

    #[test]
    fn the_highest_go_unless_others_are_asked_for() {
        assert_eq!(removed(&set(&[3, 4, 5]), 2, None), [4, 5]);
        assert_eq!(removed(&set(&[3, 4, 5]), 1, Some("[3]")), [3]);
        assert_eq!(removed(&set(&[3, 4, 5]), 2, Some("[9, 3]")), [3, 5]);
        assert_eq!(removed(&set(&[1]), 4, None), [1]);
        assert_eq!(removed(&set(&[1, 2]), 1, Some("[0-4294967295]")), [1]);
    }
}
