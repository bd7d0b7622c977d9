//! NO_PROXY against the cluster's address, as client-go reads it.

/// Whether `no_proxy` (the variable's text) exempts this host and port.
///
/// Entries are `*`, a host, a domain with or without a leading dot, an IP address, each with an
/// optional port. Empty entries are skipped. Networks (`10.0.0.0/8`) match IPv4 addresses.
pub(super) fn is_exempt(no_proxy: &str, host: &str, port: u16) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    no_proxy.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.to_ascii_lowercase();
        if entry == "*" {
            return true;
        }
        if let Some((network, bits)) = entry.split_once('/') {
            return in_network(&host, network, bits);
        }
        let (name, wanted) = match entry.rsplit_once(':') {
            Some((name, text)) if !name.contains(':') => (name.to_owned(), text.parse::<u16>().ok()),
            _ => (entry.clone(), None),
        };
        if wanted.is_some_and(|wanted| wanted != port) {
            return false;
        }
        let name = name.trim_start_matches('*').trim_start_matches('.');
        host == name || host.strip_suffix(name).is_some_and(|start| start.ends_with('.'))
    })
}

/// Whether a host is this machine, which no proxy of the environment is asked for.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn in_network(host: &str, network: &str, bits: &str) -> bool {
    let address = |text: &str| text.parse::<std::net::Ipv4Addr>().ok().map(u32::from);
    match (address(host), address(network), bits.parse::<u32>()) {
        (Some(host), Some(network), Ok(bits)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            host & mask == network & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_needs_no_proxy() {
        assert!(is_loopback("localhost") && is_loopback("127.0.0.5") && is_loopback("[::1]"));
        assert!(!is_loopback("10.0.0.1") && !is_loopback("localhost.example"));
    }

    #[test]
    fn the_clusters_address_decides() {
        for (entries, host, port, want) in [
            ("*", "a.example", 443, true),
            ("example,", "a.example", 443, true),
            (".example", "a.example", 443, true),
            ("ample", "a.example", 443, false),
            ("a.example:6443", "a.example", 443, false),
            ("10.0.0.0/8", "10.1.2.3", 443, true),
            ("10.0.0.0/8", "11.1.2.3", 443, false),
            ("127.0.0.1", "127.0.0.1", 6443, true),
            ("", "a", 1, false),
        ] {
            assert_eq!(is_exempt(entries, host, port), want, "{entries} {host}:{port}");
        }
    }
}
