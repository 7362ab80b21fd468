//! What is wrong with the address of a target that the poller takes.

use std::net::Ipv6Addr;

const FAILS: &str = "every scrape of it fails";

/// What is wrong with an address, `host` or `host:port`, and what comes of it.
pub(super) fn wrong(address: &str) -> Option<(String, &'static str)> {
    if address.contains(',') {
        return Some(("has a comma in it: make each address a target of its own".into(), FAILS));
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
        return Some((problem, "its last part is taken for a port, if it is scraped at all"));
    } else {
        match address.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        }
    };
    match port {
        _ if host.is_empty() => Some(("has no host before its port".into(), "it is the poller's own host, if any")),
        Some("") => Some(("has no port after its \":\"".into(), "it is scraped at 80 or 443, if at all")),
        Some(port) if !is_port(port) => Some(("has a port that is not one of 1 to 65535".into(), FAILS)),
        _ => None,
    }
}

/// Whether it is an IPv6 address, maybe with a zone.
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
    fn an_address_is_a_host_and_maybe_a_port() {
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
