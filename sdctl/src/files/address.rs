//! Finds errors in target addresses that a list may contain, but no poller scrapes as intended.

use std::net::Ipv6Addr;

use http_sd_lambda::group::Labels;

/// Labels of targets that a blackbox exporter probes. The address is then what the exporter probes, not what is scraped.
pub(crate) const PROBING: [&str; 2] = ["__param_module", "__param_target"];

const FAILS: &str = "every scrape of this target fails";

/// The problem of an address.
#[derive(Debug)]
pub(crate) struct Wrong {
    /// The problem, as text that continues from the address.
    pub(crate) problem: String,
    /// The effect on the poller.
    pub(crate) consequence: &'static str,
    /// Whether no poller can ever scrape it, and no relabelling rule is likely to turn it into an address. Rules that
    /// take an address apart, such as `host:_:module`, are common.
    pub(crate) is_hopeless: bool,
}

/// Returns whether a blackbox exporter probes the targets with these labels.
pub(crate) fn is_probed(labels: &Labels) -> bool {
    labels.iter().any(|(name, value)| PROBING.contains(&name.as_str()) && !value.is_empty())
}

/// Returns whether the address or URL has no host, for example because a variable is unset.
pub(crate) fn has_no_host(target: &str) -> bool {
    let address = ["http://", "https://"].iter().find_map(|scheme| target.strip_prefix(scheme)).unwrap_or(target);
    (address.is_empty() || address.starts_with([':', '/']) || address.starts_with("[]")) && !is_ipv6(address)
}

/// Returns the problem of an address, `host` or `host:port`.
pub(crate) fn wrong(address: &str) -> Option<Wrong> {
    let wrong =
        |problem: &str, consequence, is_hopeless| Some(Wrong { problem: problem.to_owned(), consequence, is_hopeless });
    if address.contains(',') {
        let is_list = address.split(',').all(|part| part.rsplit_once(':').is_some_and(|(_, port)| is_number(port)));
        return wrong("contains a comma: write each address as a separate target", FAILS, is_list);
    }
    if let Some(problem) = without_brackets(address) {
        return wrong(&problem, "the poller reads the last part as a port, or does not scrape the target", false);
    }
    let (host, port) = if let Some(rest) = address.strip_prefix('[') {
        let Some((host, rest)) = rest.split_once(']') else {
            return wrong("has no IPv6 address in its brackets", FAILS, true);
        };
        if !is_ipv6(host) {
            return wrong("has no IPv6 address in its brackets", FAILS, false);
        }
        match rest.strip_prefix(':') {
            None if !rest.is_empty() => return wrong("has no \":\" after its brackets", FAILS, true),
            port => (host, port),
        }
    } else {
        match address.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        }
    };
    match port {
        Some(port) if is_number(port) && !is_port(port) => wrong("has an invalid port: use 1 to 65535", FAILS, true),
        None | Some("") if host.is_empty() => wrong("has neither a host nor a port", FAILS, true),
        _ if host.is_empty() => {
            wrong("has no host before its port", "the poller scrapes its own host or nothing", false)
        }
        Some("") => wrong("has no port after its \":\"", "the poller scrapes port 80 or 443, or nothing", false),
        Some(port) if !is_port(port) => wrong("has an invalid port: use 1 to 65535", FAILS, false),
        _ => None,
    }
}

/// Returns the problem of an IPv6 address without brackets, with or without a port.
fn without_brackets(address: &str) -> Option<String> {
    let with_port = address.rsplit_once(':').filter(|(host, port)| is_ipv6(host) && is_port(port));
    let with_port = with_port.map(|(host, port)| (format!("\"[{host}]:{port}\""), port));
    let write = match (is_ipv6(address), with_port) {
        (true, None) => format!("\"[{address}]\", and the port after it"),
        (false, Some((right, _))) => right,
        (true, Some((right, port))) => format!("{right}, or \"[{address}]\" if {port} is not the port"),
        (false, None) => return None,
    };
    Some(format!("is an IPv6 address without brackets: write {write}"))
}

/// Whether the host is an IPv6 address, with or without a zone.
fn is_ipv6(host: &str) -> bool {
    host.split('%').next().unwrap_or_default().parse::<Ipv6Addr>().is_ok()
}

fn is_number(port: &str) -> bool {
    !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_port(port: &str) -> bool {
    is_number(port) && port.parse::<u16>().is_ok_and(|port| port > 0)
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
            (":http", "no host"),
            (":", "neither"),
            ("", "neither"),
            ("::1", "write \"[::1]\", and the port after it"),
            ("::", "write \"[::]\", and the port after it"),
            ("2001:db8::1", "write \"[2001:db8::1]\", and the port after it"),
            ("2001:db8::11:9100", "write \"[2001:db8::11]:9100\", or \"[2001:db8::11:9100]\" if 9100 is not the port"),
            ("2001:db8::a:b", "write \"[2001:db8::a:b]\", and the port after it"),
            ("2001:db8::11:59100", "without brackets: write \"[2001:db8::11]:59100\""),
            ("1:2:3:4:5:6:7:8:9100", "without brackets: write \"[1:2:3:4:5:6:7:8]:9100\""),
            ("fe80::1%eth0:9100", "write \"[fe80::1%eth0]:9100\""),
            ("::1:9100", "write \"[::1]:9100\", or \"[::1:9100]\" if 9100 is not the port"),
            ("[]:80", "in its brackets"),
            ("[h]:80", "in its brackets"),
            ("[::1", "in its brackets"),
            ("[::1]9100", "after its brackets"),
        ] {
            let found = wrong(address).map(|wrong| wrong.problem).unwrap_or_default();
            assert!(found.contains(problem) && found.is_empty() == problem.is_empty(), "{address}: {found:?}");
        }
    }

    /// The test `no_poller_scrapes_refused_addresses` asks the pollers.
    #[test]
    fn addresses_that_relabelling_may_use_have_hope() {
        let hopeless = |address| wrong(address).is_some_and(|wrong| wrong.is_hopeless);
        for address in ["a:99999", "a:0", ":0", ":", "[::1]:99999", "a:1,b:2", "[::1", "[::1]9100"] {
            assert!(hopeless(address), "{address}");
        }
        for address in ["a:", ":80", "a:http", "a:_:dc1", "a:1:2", "h,i", "a,b:1", "[h]:80", "[]:80", "::1", "1:2::3:4"]
        {
            assert!(!hopeless(address), "{address}");
        }
    }

    #[test]
    fn empty_host_is_found() {
        for address in [":9100", ":", "[]:9100", "http://:9100/", "https:///metrics", "http://", "/metrics", ""] {
            assert!(has_no_host(address), "{address}");
        }
        for address in ["::1", "::", "a:1", "[::1]:1", "http://a/", "http:1", "http"] {
            assert!(!has_no_host(address), "{address}");
        }
    }
}
