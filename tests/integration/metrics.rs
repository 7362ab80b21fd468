//! The metrics of the table.

use http::header;
use http_sd_lambda::http::{Access, OnOff, Service, Settings, TokenHash};
use test_support::{
    Ask, Dynamo, Row,
    access::token_access,
    ask::service,
    clock::{NOW, at_now, with_grace},
    fault::{Fault, FaultyDynamo},
    log,
    row::{n, put_all, s},
};

/// Rows in each state, of three jobs.
async fn each_state() -> Dynamo {
    let dynamo = Dynamo::with_table().await;
    let leased = |group, seconds| Row::new("node", group, &["a:1", "b:1"]).with("expires_at", n(NOW + seconds));
    put_all(
        &dynamo,
        [
            Row::new("node", "stays", &["a:1"]).with("updated_at", n(NOW - 500)),
            Row::new("node", "old", &["a:1"]).with("updated_at", n(NOW - 700)).with("managed_by", s("x")),
            leased("soon", 40),
            leased("later", 90).with("delete_at", n(NOW + 30)),
            leased("kept-1", -10),
            leased("kept-2", -11),
            leased("kept-3", -12),
            leased("lapsed", -5000).with("updated_at", n(NOW - 100)),
            Row::key("node", "broken").with("targets", n(1)).with("updated_at", n(NOW - 900)),
            Row::key("node", "broken-and-lapsed").with("targets", n(1)).with("expires_at", n(NOW - 5000)),
            Row::new("quotes\"\\\n", "g", &["a:1"]),
            Row::new("sql", "g", &[]),
        ],
    )
    .await;
    dynamo
}

/// Returns the samples of a metric, without its name.
fn samples<'t>(text: &'t str, metric: &str) -> Vec<&'t str> {
    let is_end = |rest: &&str| rest.starts_with(['{', ' ']);
    text.lines().filter_map(|line| line.strip_prefix(metric).filter(is_end)).collect()
}

#[tokio::test]
async fn metrics_count_rows_of_each_state() {
    let dynamo = each_state().await;
    let service = at_now(service(&dynamo, with_grace()));
    let answer = Ask::get("/metrics").of(&service).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.header(header::CONTENT_TYPE), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(answer.header(header::CACHE_CONTROL), Some("no-store"));
    let text = answer.text();
    let node = |metric| samples(text, metric).into_iter().find(|line| line.starts_with("{config=\"node\"}"));
    assert_eq!(samples(text, "http_sd_up"), [" 1"]);
    assert_eq!(samples(text, "http_sd_jobs"), [" 3"]);
    assert_eq!(samples(text, "http_sd_omitted_jobs"), [" 0"]);
    assert_eq!(samples(text, "http_sd_build_info").len(), 1);
    assert_eq!(
        samples(text, "http_sd_groups"),
        [
            "{config=\"node\",state=\"served\"} 4",
            "{config=\"node\",state=\"kept\"} 3",
            "{config=\"node\",state=\"lapsed\"} 2",
            r#"{config="quotes\"\\\n",state="served"} 1"#,
            r#"{config="quotes\"\\\n",state="kept"} 0"#,
            r#"{config="quotes\"\\\n",state="lapsed"} 0"#,
            "{config=\"sql\",state=\"served\"} 1",
            "{config=\"sql\",state=\"kept\"} 0",
            "{config=\"sql\",state=\"lapsed\"} 0",
        ]
    );
    assert_eq!(node("http_sd_targets"), Some("{config=\"node\"} 12"));
    assert_eq!(node("http_sd_invalid_groups"), Some("{config=\"node\"} 1"));
    let updated = format!("{{config=\"node\"}} {}", NOW - 100);
    assert_eq!(samples(text, "http_sd_last_update_timestamp_seconds"), [updated]);
    let next = format!("{{config=\"node\"}} {}", NOW + 30);
    assert_eq!(samples(text, "http_sd_next_lease_expiry_timestamp_seconds"), [next]);
    let targets = Ask::get("/prom/quotes%22%5C").of(&service).await;
    assert_eq!(targets.status(), 400, "only /prom lists this job");
}

#[tokio::test]
async fn openmetrics_and_gzip_are_sent_if_asked() {
    let dynamo = each_state().await;
    let service = at_now(service(&dynamo, with_grace()));
    let accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
    let ask = || Ask::bare(http::Method::GET, "/metrics").header(header::ACCEPT, accept);
    let answer = ask().of(&service).await;
    let kind = Some("application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert_eq!(answer.header(header::CONTENT_TYPE), kind);
    assert!(answer.text().ends_with("# EOF\n"), "{}", answer.text());
    let zipped = ask().gzip().of(&service).await;
    assert_eq!(zipped.header(header::CONTENT_ENCODING), Some("gzip"));
    assert_eq!(samples(&zipped.unzipped(), "http_sd_groups"), samples(answer.text(), "http_sd_groups"));
}

#[tokio::test]
async fn unreadable_table_is_zero_with_200() {
    let dynamo = each_state().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let service = Service::new(faulty.table(), Access::Open, with_grace());
    faulty.fail(|_, _| Fault::Error(400, "AccessDeniedException"));
    let (answer, log) = log::of(Ask::get("/metrics").of(&service)).await;
    assert_eq!((answer.status(), samples(answer.text(), "http_sd_up")), (200, vec![" 0"]));
    assert!(!answer.text().contains("http_sd_groups") && answer.text().contains("http_sd_build_info"));
    assert!(log.contains("table_misconfigured") && log.contains("route=\"metrics\""), "{log}");
    faulty.heal();
    assert_eq!(samples(Ask::get("/metrics").of(&service).await.text(), "http_sd_up"), [" 1"]);
}

#[tokio::test]
async fn token_of_a_job_sees_its_metrics_alone() {
    let dynamo = each_state().await;
    let hash = TokenHash::of(b"test-secret-sql");
    let access = token_access(&format!("sql:{hash}:sql|none"));
    let settings = Settings { page: OnOff::Off, ..with_grace() };
    let service = at_now(Service::new(dynamo.table(), access, settings));
    let (answer, log) = log::of(Ask::get("/metrics").bearer("test-secret-sql").of(&service)).await;
    assert_eq!(samples(answer.text(), "http_sd_jobs"), [" 2"]);
    assert_eq!(samples(answer.text(), "http_sd_targets"), ["{config=\"none\"} 0", "{config=\"sql\"} 0"]);
    assert!(!log.contains("WARN") && log.contains("groups=1") && log.contains("caller=\"sql\""), "{log}");
    assert_eq!(Ask::get("/metrics").of(&service).await.code(), (401, "unauthorized".into()));
}

#[tokio::test]
async fn metrics_of_very_many_jobs_are_limited() {
    let dynamo = Dynamo::with_table().await;
    put_all(&dynamo, (0..1005).map(|i| Row::new(&format!("job-{i:04}"), "g", &["a:1"]))).await;
    let service = service(&dynamo, with_grace());
    let answer = Ask::get("/metrics").of(&service).await;
    assert_eq!(samples(answer.text(), "http_sd_jobs"), [" 1005"]);
    assert_eq!(samples(answer.text(), "http_sd_omitted_jobs"), [" 5"]);
    assert_eq!(samples(answer.text(), "http_sd_targets").last(), Some(&"{config=\"job-0999\"} 1"));
}
