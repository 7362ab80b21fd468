//! Finds errors in target addresses that a poller accepts.

use std::net::Ipv6Addr;

const FAILS: &str = "every scrape of this target fails";

/// Returns the problem of an address, `host` or `host:port`, and its consequence.
pub(super) fn wrong(address: &str) -> Option<(String, &'static str)> {
    if address.contains(',') {
        return Some(("contains a comma: write each address as a separate target".into(), FAILS));
    }
    let (host, port) = if let Some(rest) = address.strip_prefix('[') {
        let Some((host, rest)) = rest.split_once(']').filter(|(host, _)| is_ipv6(host)) else {
            return Some(("has no IPv6 address in its brackets".into(), FAILS));
        };
        match rest.strip_prefix(':') {
            None if !rest.is_empty() => return Some(("has no \":\" after its brackets".into(), FAILS)),
            port => (host, port),
        }
    } else if is_ipv6(address) {
        let problem = format!("is an IPv6 address without brackets: write \"[{address}]\", and the port after it");
        return Some((problem, "the poller reads the last part as a port, or does not scrape the target"));
    } else {
        match address.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        }
    };
    match port {
        _ if host.is_empty() => {
            Some(("has no host before its port".into(), "the poller scrapes its own host or nothing"))
        }
        Some("") => Some(("has no port after its \":\"".into(), "the poller scrapes port 80 or 443, or nothing")),
        Some(port) if !is_port(port) => Some(("has an invalid port: use 1 to 65535".into(), FAILS)),
        _ => None,
    }
}

/// Whether the host is an IPv6 address, with or without a zone.
fn is_ipv6(host: &str) -> bool {
    host.split('%').next().unwrap_or_default().parse::<Ipv6Addr>().is_ok()
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_host_with_optional_port_is_valid() {
        for (address, problem) in [
            ("h", ""),
            ("h:1", ""),
            ("9100", ""),
            ("10.0.0.1:65535", ""),
            ("[::1]", ""),
            ("[::1]:9100", ""),
            ("[fe80::1%eth0]:9100", ""),
            ("h:1,h:2", "comma"),
            ("h,i", "comma"),
            ("a:99999", "1 to 65535"),
            ("a:0", "1 to 65535"),
            ("a:+1", "1 to 65535"),
            ("a:http", "1 to 65535"),
            ("a:1:2", "1 to 65535"),
            ("a:", "no port"),
            ("[::1]:", "no port"),
            (":80", "no host"),
            (":", "no host"),
            ("::1", "write \"[::1]\""),
            ("2001:db8::1:9100", "without brackets"),
            ("[]:80", "in its brackets"),
            ("[h]:80", "in its brackets"),
            ("[::1", "in its brackets"),
            ("[::1]9100", "after its brackets"),
        ] {
            let found = wrong(address).map(|(problem, _)| problem).unwrap_or_default();
            assert!(found.contains(problem) && found.is_empty() == problem.is_empty(), "{address}: {found:?}");
        }
    }
}
