//! Which addresses may be asked: those of the open internet, and hosts that a person allowed by name. What an object of
//! the cluster names must not make this machine ask its own network, or a cloud's metadata service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address belongs to the open internet (IANA's registries of special-purpose addresses).
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = matches!(
        (a, b, c),
        (0 | 10 | 127, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224..=255, _, _)
    );
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // Addresses that stand for one of IPv4 are what that one is.
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let parts = address.segments();
    let inner = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => inner(high, low),
        [0x2002, high, low, ..] => inner(high, low),
        // Of all others only global unicast addresses, without documentation, benchmarking and Teredo.
        [0x2001, 0 | 2 | 0xdb8, ..] | [0x3fff, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

/// Whether a host was allowed by name, with its port or without.
pub(super) fn is_allowed(allowed: &[String], host: &str, port: u16) -> bool {
    let with_port = format!("{host}:{port}");
    let host = host.trim_start_matches('[').trim_end_matches(']');
    allowed.iter().any(|name| {
        let name = name.trim();
        name.eq_ignore_ascii_case(&with_port)
            || name.trim_start_matches('[').trim_end_matches(']').eq_ignore_ascii_case(host)
    })
}

/// Whether a registry may send for its token to another host: its own, or one of the same domain, as Docker Hub's
/// `auth.docker.io` is beside `registry-1.docker.io`.
pub(super) fn is_sibling(registry: &str, other: &str) -> bool {
    let (one, two) = (registry.to_ascii_lowercase(), other.to_ascii_lowercase());
    if one == two {
        return true;
    }
    let is_address = |host: &str| host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok();
    let domain = |host: &str| -> Option<String> {
        let mut parts = host.rsplitn(3, '.');
        let (last, name) = (parts.next()?, parts.next()?);
        Some(format!("{name}.{last}"))
    };
    !is_address(&one) && !is_address(&two) && domain(&one).is_some_and(|first| domain(&two) == Some(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_open_internet_is_public() {
        for inside in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.0.192",
            "198.18.0.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001:db8::1",
            "::a00:1",
        ] {
            assert!(!is_public(inside.parse().expect("an address")), "{inside}");
        }
        for outside in ["1.1.1.1", "100.63.0.1", "172.32.0.1", "192.0.1.1", "2606:4700::1111", "::ffff:1.1.1.1"] {
            assert!(is_public(outside.parse().expect("an address")), "{outside}");
        }
    }

    #[test]
    fn a_person_allows_hosts_by_name() {
        let allowed = ["Charts.internal".to_owned(), "127.0.0.1:8080".to_owned(), "::1".to_owned()];
        assert!(is_allowed(&allowed, "charts.internal", 443) && is_allowed(&allowed, "127.0.0.1", 8080));
        assert!(is_allowed(&allowed, "[::1]", 1));
        assert!(!is_allowed(&allowed, "127.0.0.1", 8081) && !is_allowed(&allowed, "evil.charts.internal", 443));
    }

    #[test]
    fn tokens_are_asked_of_the_same_domain() {
        assert!(is_sibling("registry-1.docker.io", "auth.docker.io") && is_sibling("ghcr.io", "ghcr.io"));
        for (registry, other) in
            [("ghcr.io", "evil.io"), ("10.0.0.1", "10.1.0.1"), ("a.example.com", "a.example.org"), ("localhost", "io")]
        {
            assert!(!is_sibling(registry, other), "{registry} {other}");
        }
    }
}
