//! The shape of a pool: servers and drives, the erasure sets that they make, and what is left to use.
//!
//! As the server divides drives (minio, `cmd/endpoint-ellipses.go`), computes the parity (`internal/config/storageclass`,
//! of the first pool alone: `cmd/erasure-server-pool.go`) and as the operator lets pools in (minio/operator,
//! `Pool.Validate`).

use mlops_shared::text::Quantity;

/// The largest erasure set.
const LARGEST: u64 = 16;
/// More servers, or drives of one, than any tenant has; keeps the arithmetic small.
const MOST: u64 = 10_000;
/// More drives than any pool has.
const MOST_DRIVES: u64 = 100_000;

/// Servers, each with so many drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) servers: u64,
    pub(crate) volumes: u64,
}

impl Shape {
    /// Drives of the pool.
    pub(crate) fn drives(self) -> u64 {
        self.servers.saturating_mul(self.volumes)
    }

    /// Drives of one erasure set: the largest divisor of all drives up to 16 that spreads evenly over the servers.
    /// Only servers enter that test, not the drives of one. `None` where there is none: such a server does not start.
    pub(crate) fn set_size(self) -> Option<u64> {
        let (servers, drives) = (self.servers, self.drives());
        if drives == 1 {
            return Some(1);
        }
        let spreads = |size: &u64| match servers > *size {
            true => servers.is_multiple_of(*size),
            false => size.is_multiple_of(servers),
        };
        (2..=LARGEST).rev().filter(|size| servers > 0 && drives > 0 && drives.is_multiple_of(*size)).find(spreads)
    }

    /// What the operator does not let in.
    pub(crate) fn refused(self) -> Option<String> {
        let least = match self.servers {
            2 => 4,
            3 => 6,
            _ => 1,
        };
        match self {
            Self { servers: 0, .. } | Self { volumes: 0, .. } => {
                Some("a pool has at least one server and one volume".to_owned())
            }
            _ if self.drives() < least => Some(format!(
                "{} servers need at least {least} volumes in all, {} are asked for",
                self.servers,
                self.drives()
            )),
            _ if self.set_size().is_none() => Some(format!(
                "{} drives on {} servers make no erasure set of 2 to {LARGEST} drives: the servers would not start",
                self.drives(),
                self.servers
            )),
            _ => None,
        }
    }

    /// What is left to use of drives of that size, with that parity.
    pub(crate) fn usable(self, size: Quantity, parity: u64) -> Option<Quantity> {
        let set = self.set_size()?;
        let data = i64::try_from(set.checked_sub(parity)?).ok()?;
        let drives = i64::try_from(self.drives()).ok()?;
        let (set, bytes) = (i128::from(i64::try_from(set).ok()?), i128::from(size.units()));
        let usable = bytes.checked_mul(i128::from(drives))?.checked_mul(i128::from(data))? / set;
        Some(Quantity::from_units(i64::try_from(usable).unwrap_or(i64::MAX)))
    }
}

/// The parity that the server takes by itself for a set of so many drives.
pub(crate) fn default_parity(set: u64) -> u64 {
    match set {
        0 | 1 => 0,
        2 | 3 => 1,
        4 | 5 => 2,
        6 | 7 => 3,
        _ => 4,
    }
}

/// `EC:4` as a number.
pub(crate) fn parity(text: &str) -> Option<u64> {
    text.trim().strip_prefix("EC:")?.parse().ok()
}

/// `4x4:1Ti` as a shape, and the size of a drive where it is said.
pub(crate) fn parse(text: &str) -> Option<(Shape, Option<Quantity>)> {
    let (shape, size) = match text.split_once(':') {
        Some((shape, size)) => (shape, Some(Quantity::parse(size).filter(|size| *size > Quantity::ZERO)?)),
        None => (text, None),
    };
    let (servers, volumes) = shape.split_once('x')?;
    let number = |text: &str| text.parse::<u64>().ok().filter(|number| (1..=MOST).contains(number));
    let shape = Shape { servers: number(servers)?, volumes: number(volumes)? };
    (shape.drives() <= MOST_DRIVES).then_some((shape, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(servers: u64, volumes: u64) -> Option<u64> {
        Shape { servers, volumes }.set_size()
    }

    #[test]
    fn drives_are_divided_as_the_server_does() {
        for (servers, volumes, size) in [
            (1, 1, 1),
            (1, 2, 2),
            (1, 4, 4),
            (4, 4, 16),
            (4, 5, 4),
            (5, 4, 10),
            (8, 3, 8),
            (11, 8, 11),
            (3, 180, 15),
            (16, 1, 16),
            (32, 1, 16),
            (2, 2, 4),
        ] {
            assert_eq!(set(servers, volumes), Some(size), "{servers}x{volumes}");
        }
        assert_eq!(set(17, 1), None);
        assert_eq!(set(0, 4), None);
    }

    #[test]
    fn the_operator_wants_more_drives_on_two_or_three_servers() {
        let refused = |servers, volumes| Shape { servers, volumes }.refused();
        for (servers, volumes) in [(2, 1), (3, 1), (17, 1), (0, 4), (4, 0)] {
            assert!(refused(servers, volumes).is_some(), "{servers}x{volumes}");
        }
        for (servers, volumes) in [(1, 1), (1, 2), (2, 2), (3, 2), (4, 1), (4, 4)] {
            assert_eq!(refused(servers, volumes), None, "{servers}x{volumes}");
        }
    }

    #[test]
    fn parity_is_by_the_size_of_the_set() {
        let table = [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (6, 3), (7, 3), (8, 4), (12, 4), (16, 4)];
        for (set, expected) in table {
            assert_eq!(default_parity(set), expected, "{set}");
        }
        assert_eq!((parity("EC:3"), parity("EC:0"), parity("3"), parity("EC:x")), (Some(3), Some(0), None, None));
    }

    #[test]
    fn what_is_left_to_use_is_without_the_parity() {
        let tebibyte = Quantity::from_units(1 << 40);
        let shape = Shape { servers: 4, volumes: 4 };
        assert_eq!(shape.usable(tebibyte, 4), Some(Quantity::from_units(12 << 40)));
        assert_eq!(Shape { servers: 1, volumes: 2 }.usable(tebibyte, 1), Some(tebibyte));
        assert_eq!(shape.usable(tebibyte, 17), None);
    }

    #[test]
    fn shapes_are_read_strictly() {
        let size = Some(Quantity::from_units(1 << 40));
        assert_eq!(parse("4x4:1Ti"), Some((Shape { servers: 4, volumes: 4 }, size)));
        assert_eq!(parse("4x4"), Some((Shape { servers: 4, volumes: 4 }, None)));
        for odd in
            ["4", "4x", "x4", "4x4:", "4x4:0", "4x4:-1Ti", "0x4", "4x99999999999", "4x4x4", "4×4", "-1x4", "4x4:1Ti:2"]
        {
            assert_eq!(parse(odd), None, "{odd}");
        }
    }
}
