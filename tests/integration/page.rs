//! The pages for people.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{Method, header};
use http_sd_lambda::http::{Access, OnInvalid, OnOff, Service, Settings, TokenHash};
use test_support::{
    Answer, Ask, Dynamo, Row,
    access::token_access,
    ask::service,
    clock::{NOW, at_now, with_grace},
    fault::{Fault, FaultyDynamo},
    log,
    row::{n, put_all, s},
};

async fn three_jobs() -> Dynamo {
    let dynamo = Dynamo::with_table().await;
    let kept = |group, seconds: i64| Row::new("api", group, &["k:1"]).with("expires_at", n(NOW - seconds));
    put_all(
        &dynamo,
        [
            Row::new("node", "web", &["a:1", "b:1"]).labels([("env", "prod")]).with("managed_by", s("fleet.yml")),
            Row::new("node", "lease", &["c:1"]).with("expires_at", n(NOW + 40)).with("registered_by", s("host/1")),
            Row::new("node", "gone", &["d:1"]).with("expires_at", n(NOW - 9000)).with("updated_at", n(NOW - 9300)),
            kept("1", 300),
            kept("2", 300),
            kept("3", 300),
            Row::key("sql", "broken").with("targets", n(9100)),
            Row::new("a/b", "g", &["x:1"]),
        ],
    )
    .await;
    dynamo
}

/// Returns the text of a page without its tags.
fn words(answer: &Answer) -> String {
    let body = answer.text().split("<body>").nth(1).unwrap();
    let text: String =
        body.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect::<Vec<_>>().join(" ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
}

#[tokio::test]
async fn start_page_lists_jobs_with_problems_first() {
    let dynamo = three_jobs().await;
    let service = at_now(service(&dynamo, with_grace()));
    let answer = Ask::get("/").of(&service).await;
    assert_eq!((answer.status(), answer.header(header::CONTENT_TYPE)), (200, Some("text/html; charset=utf-8")));
    let text = words(&answer);
    assert_has(&text, &["4 Jobs", "6 Groups", "7 Targets", "1 Active leases", "3 Kept", "1 Lapsed", "1 Broken"]);
    let places: Vec<usize> = ["./jobs/sql", "./jobs/api", "./jobs?job=a%2Fb", "./jobs/node"]
        .map(|link| answer.text().find(&format!("href=\"{link}\"")).unwrap())
        .into();
    assert!(places.is_sorted(), "{places:?}");
    assert_has(answer.text(), &["<title>(1 broken) Jobs"]);
    let filtered = Ask::get("/?q=NO").of(&service).await;
    assert!(filtered.text().contains("/jobs/node") && !filtered.text().contains("/jobs/sql"));
}

#[tokio::test]
async fn empty_table_says_how_to_add_a_job() {
    let dynamo = Dynamo::with_table().await;
    let (answer, log) = log::of(Ask::get("/").of(&service(&dynamo, with_grace()))).await;
    assert_has(&words(&answer), &["0 Jobs", "The table has no rows", "sdctl put"]);
    assert!(!log.contains("WARN"), "{log}");
}

#[tokio::test]
async fn job_page_shows_groups_and_how_to_poll() {
    let dynamo = three_jobs().await;
    let service = at_now(service(&dynamo, with_grace()));
    let ask = || Ask::get("/jobs/node").header(header::HOST, "id.on.aws");
    let (answer, log) =
        log::of(ask().header(http::HeaderName::from_static("x-forwarded-proto"), "https").of(&service)).await;
    let text = words(&answer);
    let expected = [
        "node",
        "gone lapsed",
        "lapsed 2 h ago",
        "2 h ago",
        "lease c:1 no labels ends in 40 s",
        "process host/1",
        "web a:1 b:1 env = prod no lease set fleet.yml",
        "https://id.on.aws/prom/node",
        "scrape_configs:",
    ];
    assert_has(&text, &expected);
    assert!(!text.contains("credentials_file"), "{text}");
    assert_has(&log, &["route=\"page\"", "job=\"node\"", "rows=3", "groups=2", "targets=3", "lapsed=1"]);
    let kept = words(&Ask::get("/jobs/api").of(&service).await);
    assert_has(&kept, &["3 leases lapsed together", "kept until 2096-10-02 07:55:00 UTC", "lapsed 5 min ago"]);
    let broken = Ask::get("/jobs/sql").of(&service).await;
    assert_eq!(broken.status(), 200);
    assert_has(&words(&broken), &["1 broken row", "list of this job fails", "targets is a number (N)", "sdctl put"]);
    let skip = at_now(self::service(&dynamo, Settings { on_invalid: OnInvalid::Skip, ..with_grace() }));
    assert_has(&words(&Ask::get("/jobs/sql").of(&skip).await), &["leaves them out"]);
    assert_has(&words(&Ask::get("/jobs?job=a%2Fb").of(&service).await), &["a/b", "x:1", "__meta_dynamodb_job"]);
    assert_has(&words(&Ask::get("/jobs/none").of(&service).await), &["No row has this job"]);
}

#[tokio::test]
async fn query_of_a_page_selects_groups() {
    let dynamo = three_jobs().await;
    let service = at_now(service(&dynamo, with_grace()));
    let cases = [
        ("q=fleet", 200, "web"),
        ("q=host/1", 200, "lease"),
        ("match[]=%7Benv=%22prod%22%7D", 200, "web"),
        ("match[]=&q=web", 200, "web"),
        ("state=lapsed", 200, "gone"),
        ("from=w", 200, "web"),
        ("state=odd", 400, ""),
        ("match[]=x", 400, ""),
    ];
    for (query, status, group) in cases {
        let answer = Ask::get(&format!("/jobs/node?{query}")).of(&service).await;
        assert_eq!(answer.status(), status, "{query}");
        let groups: Vec<&str> = answer.text().split("scope=\"row\"><bdi>").skip(1).collect();
        assert_eq!(groups.len(), usize::from(!group.is_empty()), "{query}");
        assert!(groups.iter().all(|rest| rest.starts_with(&format!("{group}<"))), "{query}");
    }
}

#[tokio::test]
async fn page_requires_the_token_as_password() {
    let dynamo = three_jobs().await;
    let all = TokenHash::of(b"test-secret-all");
    let one = TokenHash::of(b"test-secret-one");
    let service = at_now(Service::new(dynamo.table(), token_access(&format!("{all},one:{one}:node")), with_grace()));
    for path in ["/", "/jobs/node", "/jobs?job=x", "/jobs/%FF"] {
        for ask in [Ask::get(path), Ask::get(path).basic("", "test-secret-no"), Ask::get(path).method(Method::POST)] {
            let answer = ask.of(&service).await;
            assert_eq!((answer.status(), answer.header(header::CONTENT_TYPE)), (401, Some("text/html; charset=utf-8")));
            let challenge = answer.header(header::WWW_AUTHENTICATE).unwrap();
            assert!(challenge.starts_with("Basic "), "{challenge}");
            assert!(!answer.text().contains("fleet"), "{path}");
        }
    }
    let answer = Ask::get("/jobs/node").basic("anyone", "test-secret-all").of(&service).await;
    assert_has(&words(&answer), &["fleet.yml", "credentials_file: http-sd.token"]);
    let answer = Ask::get("/").basic("", "test-secret-one").of(&service).await;
    assert_has(&words(&answer), &["1 Jobs", "2 Groups", "0 Broken"]);
    assert!(!answer.text().contains("sql"), "the job of another token");
    let answer = Ask::get("/jobs/sql").basic("", "test-secret-one").of(&service).await;
    assert_eq!(answer.status(), 403);
    assert_has(&words(&answer), &["Error 403", "forbidden", "not valid for this job"]);
}

#[tokio::test]
async fn page_that_is_off_is_unknown() {
    let dynamo = three_jobs().await;
    let service = service(&dynamo, Settings { page: OnOff::Off, ..with_grace() });
    for path in ["/", "/jobs/node", "/jobs?job=node"] {
        assert_eq!(Ask::get(path).of(&service).await.code(), (404, "not_found".into()), "{path}");
    }
    assert_eq!(Ask::get("/metrics").of(&service).await.status(), 200);
}

#[tokio::test]
async fn page_policy_allows_only_its_style() {
    let dynamo = three_jobs().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let service = at_now(Service::new(faulty.table(), Access::Open, with_grace()));
    let pages = [("/", 200), ("/jobs/node", 200), ("/jobs/%FF", 400), ("/jobs", 400), ("/jobs?job=", 400)];
    let check = async |path: &str, status: u16| {
        let answer = Ask::get(path).of(&service).await;
        assert_eq!(answer.status(), status, "{path}");
        let style = answer.text().split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let hash = BASE64_STANDARD.encode(hex::decode(TokenHash::of(style.as_bytes()).to_string()).unwrap());
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'"
        );
        assert_eq!(answer.header(header::CONTENT_SECURITY_POLICY), Some(&*policy), "{path}");
        assert_eq!(answer.header(header::REFERRER_POLICY), Some("no-referrer"));
        assert_eq!(answer.header(header::X_CONTENT_TYPE_OPTIONS), Some("nosniff"));
        assert_eq!(answer.header(header::CACHE_CONTROL), Some("no-store"));
        assert!(!answer.text().contains("<script") && !answer.text().contains(" style=\""), "{path}");
    };
    for (path, status) in pages {
        check(path, status).await;
    }
    faulty.fail(|_, _| Fault::Error(400, "ResourceNotFoundException"));
    check("/jobs/node", 500).await;
}

#[tokio::test]
async fn table_error_is_a_page_with_its_status() {
    let dynamo = three_jobs().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let service = Service::new(faulty.table(), Access::Open, with_grace());
    for (fault, status, code) in [
        (Fault::Error(400, "AccessDeniedException"), 500, "table_misconfigured"),
        (Fault::Error(500, "InternalServerError"), 503, "table_unavailable"),
    ] {
        faulty.fail(move |_, _| fault);
        for path in ["/", "/jobs/node"] {
            let answer = Ask::get(path).of(&service).await;
            assert_eq!(answer.status(), status, "{path}");
            assert_has(&words(&answer), &[&format!("Error {status}"), code, "test-request"]);
            assert!(!words(&answer).contains("arn:"), "{path}");
        }
    }
}

#[tokio::test]
async fn cached_rows_serve_page_and_list() {
    let dynamo = three_jobs().await;
    let service = at_now(service(&dynamo, Settings { cache: Duration::from_mins(5), ..with_grace() }));
    let list = async || Ask::get("/prom/node").of(&service).await.text().to_owned();
    let before = list().await;
    Row::new("node", "new", &["n:1"]).put(&dynamo).await;
    assert_eq!(list().await, before);
    // The cached rows have no owner, so the page reads the job again.
    assert_has(&words(&Ask::get("/jobs/node").of(&service).await), &["n:1", "fleet.yml"]);
    let after = list().await;
    assert!(after.contains("n:1"), "{after}");
    Row::new("node", "newer", &["m:1"]).put(&dynamo).await;
    assert!(!Ask::get("/jobs/node").of(&service).await.text().contains("m:1"));
    assert_eq!(list().await, after);
}
