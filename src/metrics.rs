//! The table as metrics, computed from a snapshot, the rules and the time.

use std::{fmt, time::Duration};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeMetric, prometheus_text, text as openmetrics},
    metrics::{MetricType, gauge::ConstGauge},
    registry::Registry,
};

use crate::{
    answer::Counts,
    group::{EpochSeconds, Job},
    table::Snapshot,
};

/// The maximum number of jobs with metrics. Each job has at most nine time series.
const MOST_JOBS: usize = 1000;
/// The maximum size of the metrics of all jobs, in bytes of a buffered response, which may be 6 MB.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// The number of time series of a job, and the approximate size of one without the name of the job, in bytes.
const SERIES: usize = 9;
const SERIES_BYTES: usize = 96;

/// The text format of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Prometheus's text format, version 0.0.4.
    #[default]
    Text,
    /// `OpenMetrics`, version 1.0.0.
    OpenMetrics,
}

impl Format {
    /// Returns the media type of the format.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The metrics of one read of the table.
#[derive(Debug, Default)]
pub struct Metrics {
    /// The numbers of the jobs with metrics, by name. `None` if the table could not be read.
    jobs: Option<Vec<(Job, Counts)>>,
    /// The number of jobs, with metrics or not.
    total: usize,
    /// The duration of the read.
    read: Duration,
}

impl Metrics {
    /// Returns the metrics of the table at the time `now`. The snapshot should include details.
    #[must_use]
    pub fn of(snapshot: &Snapshot, read: Duration, grace: Duration, now: EpochSeconds) -> Self {
        let (mut bytes, mut jobs) = (0, Vec::new());
        for (job, rows) in snapshot.jobs.iter().take(MOST_JOBS) {
            bytes += SERIES * (SERIES_BYTES + escaped_bytes(job));
            if bytes > MOST_BYTES {
                break;
            }
            jobs.push((job.clone(), Counts::of(rows, now, grace)));
        }
        Self { jobs: Some(jobs), total: snapshot.jobs.len(), read }
    }

    /// Returns the metrics of a table that could not be read.
    #[must_use]
    pub fn of_failure(read: Duration) -> Self {
        Self { read, ..Self::default() }
    }

    /// Returns the metrics as text.
    ///
    /// # Errors
    /// [`fmt::Error`] if the library cannot write a value.
    pub fn encode(self, format: Format) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        match format {
            Format::Text => prometheus_text::encode(&mut text, &registry)?,
            Format::OpenMetrics => openmetrics::encode(&mut text, &registry)?,
        }
        Ok(text)
    }
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        encoder
            .encode_descriptor("http_sd_build", "The version of the function", None, MetricType::Info)?
            .encode_info(&version)?;
        let up = u32::from(self.jobs.is_some());
        gauge(&mut encoder, "http_sd_up", "Whether the table could be read", up)?;
        let seconds = self.read.as_secs_f64();
        let help = "The duration of the read of the table for these metrics";
        gauge(&mut encoder, "http_sd_table_read_duration_seconds", help, seconds)?;
        let Some(jobs) = &self.jobs else { return Ok(()) };
        gauge(&mut encoder, "http_sd_jobs", "The jobs in the table that the token may read", self.total)?;
        let omitted = self.total - jobs.len();
        let help = format!("The jobs without metrics: only the first {MOST_JOBS} jobs by name, or 4 MB, have metrics");
        gauge(&mut encoder, "http_sd_omitted_jobs", &help, omitted)?;
        if jobs.is_empty() {
            return Ok(());
        }
        let mut family = encoder.encode_descriptor(
            "http_sd_groups",
            "The target groups by state: served, kept (also served, after their leases lapsed together), lapsed",
            None,
            MetricType::Gauge,
        )?;
        for (job, counts) in jobs {
            let states = [("served", counts.active), ("kept", counts.kept), ("lapsed", counts.lapsed)];
            for (state, count) in states {
                let labels = [("config", job.as_str()), ("state", state)];
                ConstGauge::new(count).encode(family.encode_family(&labels)?)?;
            }
        }
        let mut each = |name, help, value: fn(&Counts) -> Option<i64>| {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (job, counts) in jobs {
                if let Some(value) = value(counts) {
                    ConstGauge::new(value).encode(family.encode_family(&[("config", job.as_str())])?)?;
                }
            }
            Ok(())
        };
        each("http_sd_targets", "The targets of the job in the list", |counts| number(counts.targets))?;
        let help = "The broken rows, which fail a list or are left out of it";
        each("http_sd_invalid_groups", help, |counts| number(counts.broken))?;
        let help = "The time of the last change of a row, if a row has the attribute updated_at";
        each("http_sd_last_update_timestamp_seconds", help, |counts| counts.last_update.map(|at| at.0))?;
        let help = "The end of the active lease that ends first, if the job has active leases";
        each("http_sd_next_lease_expiry_timestamp_seconds", help, |counts| counts.next_expiry.map(|at| at.0))
    }
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: impl EncodeGaugeValue,
) -> Result<(), fmt::Error> {
    ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

/// Returns the maximum size of a job's name in a buffered response: as a label, and then in the JSON of Lambda's envelope.
fn escaped_bytes(job: &Job) -> usize {
    let bytes = job.as_str().bytes().map(|byte| match byte {
        b'"' | b'\\' => 4,
        ..=0x1f => 6,
        _ => 1,
    });
    bytes.sum()
}

fn number(count: usize) -> Option<i64> {
    i64::try_from(count).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::table::{Page, RowRules};

    #[test]
    fn metrics_of_long_names_fit_the_envelope() {
        for c in ['j', '"', '\u{1}', 'é'] {
            let name = |i: usize| format!("{i:04}{}", c.to_string().repeat(2000 / c.len_utf8()));
            let row = |i| json!({ "job": { "S": name(i) }, "group": { "S": "g" }, "targets": { "L": [] } });
            let rows: Vec<Value> = (0..300).map(row).collect();
            let page = Page::new(serde_json::to_vec(&json!({ "Items": rows })).unwrap());
            let now = EpochSeconds(1_800_000_000);
            let snapshot = Snapshot::of_pages(&[page], RowRules::default(), now).unwrap();
            let metrics = Metrics::of(&snapshot, Duration::ZERO, Duration::ZERO, now);
            assert!(metrics.jobs.as_ref().is_some_and(|jobs| jobs.len() < 300), "{c:?}");
            let text = metrics.encode(Format::Text).unwrap();
            let size = serde_json::to_vec(&text).unwrap().len();
            assert!((1_000_000..MOST_BYTES).contains(&size), "{c:?}: {size} bytes");
        }
    }
}
