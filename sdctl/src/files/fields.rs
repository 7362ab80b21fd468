//! The fields of a configuration that each poller accepts. Each refuses a configuration with any other field.
//!
//! <https://github.com/prometheus/prometheus/blob/main/config/config.go>
//! <https://docs.victoriametrics.com/victoriametrics/sd_configs/#scrape_configs>

use clap::ValueEnum;

/// A program that reads the files, in any release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Poller {
    /// Prometheus 2, the strictest
    Prometheus2,
    /// Prometheus 3 and pollers built on it: Grafana Alloy, the OpenTelemetry target allocator
    Prometheus3,
    /// vmagent, which over HTTP ignores unknown fields and the content type
    Vmagent,
}

/// A part of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// The whole configuration.
    Whole,
    Global,
    ScrapeConfig,
    FileSdConfig,
}

/// The pollers that accept a field, as bits.
type Pollers = u8;

const P2: Pollers = 1;
const P3: Pollers = 2;
const VM: Pollers = 4;
const P: Pollers = P2 | P3;
const ALL: Pollers = P | VM;

const WHOLE: [(Pollers, &[&str]); 2] = [
    (ALL, &["global", "scrape_configs", "scrape_config_files"]),
    (P, &["runtime", "alerting", "rule_files", "remote_write", "remote_read", "storage", "tracing", "otlp"]),
];

const GLOBAL: [(Pollers, &[&str]); 4] = [
    (ALL, &["scrape_interval", "scrape_timeout", "external_labels", "sample_limit", "label_limit"]),
    (
        P,
        &[
            "scrape_protocols",
            "evaluation_interval",
            "rule_query_offset",
            "query_log_file",
            "scrape_failure_log_file",
            "body_size_limit",
            "target_limit",
            "label_name_length_limit",
            "label_value_length_limit",
            "keep_dropped_targets",
            "metric_name_validation_scheme",
        ],
    ),
    (
        P3,
        &[
            "metric_name_escaping_scheme",
            "scrape_native_histograms",
            "convert_classic_histograms_to_nhcb",
            "always_scrape_classic_histograms",
            "extra_scrape_metrics",
        ],
    ),
    (VM, &["metric_relabel_configs", "relabel_configs"]),
];

const SCRAPE_CONFIG: [(Pollers, &[&str]); 5] = [
    (
        ALL,
        &[
            "job_name",
            "honor_labels",
            "honor_timestamps",
            "params",
            "scrape_interval",
            "scrape_timeout",
            "metrics_path",
            "scheme",
            "enable_compression",
            "sample_limit",
            "label_limit",
            "relabel_configs",
            "metric_relabel_configs",
            "basic_auth",
            "authorization",
            "oauth2",
            "bearer_token",
            "bearer_token_file",
            "tls_config",
            "follow_redirects",
            "proxy_url",
            "static_configs",
            "azure_sd_configs",
            "consul_sd_configs",
            "digitalocean_sd_configs",
            "dns_sd_configs",
            "docker_sd_configs",
            "dockerswarm_sd_configs",
            "ec2_sd_configs",
            "eureka_sd_configs",
            "file_sd_configs",
            "gce_sd_configs",
            "hetzner_sd_configs",
            "http_sd_configs",
            "kubernetes_sd_configs",
            "kuma_sd_configs",
            "marathon_sd_configs",
            "nomad_sd_configs",
            "openstack_sd_configs",
            "ovhcloud_sd_configs",
            "puppetdb_sd_configs",
            "vultr_sd_configs",
        ],
    ),
    (
        P,
        &[
            "track_timestamps_staleness",
            "scrape_protocols",
            "scrape_failure_log_file",
            "body_size_limit",
            "target_limit",
            "label_name_length_limit",
            "label_value_length_limit",
            "native_histogram_bucket_limit",
            "native_histogram_min_bucket_factor",
            "keep_dropped_targets",
            "metric_name_validation_scheme",
            "enable_http2",
            "no_proxy",
            "proxy_from_environment",
            "proxy_connect_header",
            "http_headers",
            "ionos_sd_configs",
            "lightsail_sd_configs",
            "linode_sd_configs",
            "nerve_sd_configs",
            "scaleway_sd_configs",
            "serverset_sd_configs",
            "triton_sd_configs",
            "uyuni_sd_configs",
        ],
    ),
    (P2, &["scrape_classic_histograms"]),
    (
        P3,
        &[
            "fallback_scrape_protocol",
            "scrape_native_histograms",
            "always_scrape_classic_histograms",
            "convert_classic_histograms_to_nhcb",
            "metric_name_escaping_scheme",
            "extra_scrape_metrics",
            "aws_sd_configs",
            "outscale_sd_configs",
            "stackit_sd_configs",
        ],
    ),
    (
        VM,
        &[
            "max_scrape_size",
            "headers",
            "proxy_authorization",
            "proxy_basic_auth",
            "proxy_bearer_token",
            "proxy_bearer_token_file",
            "proxy_tls_config",
            "proxy_headers",
            "proxy_oauth2",
            "disable_compression",
            "disable_keepalive",
            "stream_parse",
            "scrape_align_interval",
            "scrape_offset",
            "series_limit",
            "no_stale_markers",
            "consulagent_sd_configs",
            "yandexcloud_sd_configs",
        ],
    ),
];

const FILE_SD_CONFIG: [(Pollers, &[&str]); 2] = [(ALL, &["files"]), (P, &["refresh_interval"])];

/// The use of a field by a poller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Accepted,
    /// Only these programs accept the field.
    OnlyBy(&'static str),
    Unknown,
}

impl Section {
    /// Returns the name of the section with its article, for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Whole => "a Prometheus configuration",
            Self::Global => "global",
            Self::ScrapeConfig => "a scrape configuration",
            Self::FileSdConfig => "an element of file_sd_configs",
        }
    }

    fn pollers(self, field: &str) -> Pollers {
        let fields: &[(Pollers, &[&str])] = match self {
            Self::Whole => &WHOLE,
            Self::Global => &GLOBAL,
            Self::ScrapeConfig => &SCRAPE_CONFIG,
            Self::FileSdConfig => &FILE_SD_CONFIG,
        };
        fields.iter().find(|(_, fields)| fields.contains(&field)).map_or(0, |(pollers, _)| *pollers)
    }

    /// Returns what a poller does with a field; without a poller, whether any poller accepts the field.
    pub(super) fn field(self, field: &str, poller: Option<Poller>) -> Use {
        let pollers = self.pollers(field);
        let asked = match poller {
            None => ALL,
            Some(Poller::Prometheus2) => P2,
            Some(Poller::Prometheus3) => P3,
            Some(Poller::Vmagent) => VM,
        };
        match pollers {
            0 => Use::Unknown,
            _ if pollers & asked != 0 => Use::Accepted,
            P => Use::OnlyBy("Prometheus"),
            P2 => Use::OnlyBy("Prometheus 2"),
            P3 => Use::OnlyBy("Prometheus 3"),
            _ => Use::OnlyBy("vmagent"),
        }
    }
}

/// Returns the field that a misspelt field of a section most likely stands for.
pub(super) fn right_name(section: Section, field: &str) -> Option<String> {
    let known = |field: &String| section.pollers(field) != 0;
    match section {
        Section::Whole if field.starts_with("scrape_config_f") => Some("scrape_config_files".into()),
        Section::Whole if field.starts_with("scrape") => Some("scrape_configs".into()),
        Section::ScrapeConfig if ["target_groups", "targets", "static"].contains(&field) => {
            Some("static_configs".into())
        }
        Section::ScrapeConfig if field.ends_with("_sd_config") => Some(format!("{field}s")),
        Section::FileSdConfig if field == "file" => Some("files".into()),
        _ => {
            Some(format!("{field}s")).filter(known).or_else(|| field.strip_suffix('s').map(str::to_owned).filter(known))
        }
    }
}

/// Returns whether only a scrape configuration has the field, so that the field elsewhere is at the wrong level.
pub(super) fn is_of_targets(field: &str) -> bool {
    let is_discovery = field == "static_configs" || field.ends_with("_sd_configs") || field.ends_with("_sd_config");
    is_discovery || ["job_name", "targets", "target_groups", "static_config"].contains(&field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_is_known_to_its_pollers() {
        use Poller::{Prometheus2, Prometheus3, Vmagent};
        for (section, field, poller, expected) in [
            (Section::ScrapeConfig, "static_configs", Some(Prometheus2), Use::Accepted),
            (Section::ScrapeConfig, "target_groups", None, Use::Unknown),
            (Section::ScrapeConfig, "scrape_offset", Some(Prometheus3), Use::OnlyBy("vmagent")),
            (Section::ScrapeConfig, "scrape_offset", None, Use::Accepted),
            (Section::ScrapeConfig, "fallback_scrape_protocol", Some(Prometheus2), Use::OnlyBy("Prometheus 3")),
            (Section::Whole, "alerting", Some(Vmagent), Use::OnlyBy("Prometheus")),
            (Section::FileSdConfig, "refresh_interval", Some(Vmagent), Use::OnlyBy("Prometheus")),
            (Section::Global, "static_configs", None, Use::Unknown),
        ] {
            assert_eq!(section.field(field, poller), expected, "{field} for {poller:?}");
        }
    }

    #[test]
    fn no_field_is_listed_twice() {
        for fields in [&WHOLE[..], &GLOBAL, &SCRAPE_CONFIG, &FILE_SD_CONFIG] {
            let mut all: Vec<_> = fields.iter().flat_map(|(_, fields)| *fields).collect();
            let count = all.len();
            all.sort();
            all.dedup();
            assert_eq!(all.len(), count);
        }
    }
}
