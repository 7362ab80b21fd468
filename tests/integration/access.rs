//! Access: which callers the function admits, which jobs each may read, and the errors for other callers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Method, header};
use http_sd_lambda::http::{Access, Service, Settings, TokenHash};
use test_support::{
    Ask, Dynamo, Row, TOKEN,
    access::token_access,
    fault::{Fault, FaultyDynamo},
    log,
    row::{put_all, tenths_of_a_page},
};

const EVERYTHING: &str = "test-secret-1";
const NODES: &str = "test-secret-2";
const TWO_JOBS: &str = "test-secret-3";
const NOTHING_YET: &str = "test-secret-4";

fn hash(token: &str) -> TokenHash {
    TokenHash::of(token.as_bytes())
}

/// Four callers, each with its own token.
fn four_callers() -> Access {
    token_access(&format!(
        "{},nodes:{}:node,two:{}:sql%2Fmaster|node,later:{}:none|nor-this",
        hash(EVERYTHING),
        hash(NODES),
        hash(TWO_JOBS),
        hash(NOTHING_YET)
    ))
}

async fn three_jobs() -> Dynamo {
    let dynamo = Dynamo::with_table().await;
    Row::new("node", "web", &["n:1"]).put(&dynamo).await;
    Row::new("node", "db", &["n:2"]).put(&dynamo).await;
    Row::new("nodes", "web", &["m:1"]).put(&dynamo).await;
    Row::new("sql/master", "db", &["s:1"]).put(&dynamo).await;
    dynamo
}

#[tokio::test]
async fn every_path_except_healthy_requires_a_token() {
    let dynamo = three_jobs().await;
    let access = token_access(&format!("{},{}", hash(EVERYTHING), hash(TOKEN)));
    let service = Service::new(dynamo.table(), access, Settings::default());
    for path in ["/prom/node", "/prom", "/-/ready", "/metrics", "/nowhere", "/prom/%FF", "/prom?meta=1"] {
        for ask in refused(path) {
            let answer = ask.of(&service).await;
            assert_eq!(answer.code(), (401, "unauthorized".into()), "{path}");
            assert_eq!(
                answer.header(header::WWW_AUTHENTICATE),
                Some("Basic realm=\"http-sd\", charset=\"UTF-8\", Bearer realm=\"http-sd\"")
            );
        }
        let bare = || Ask::get(path);
        let accepted = [
            bare().bearer(TOKEN),
            bare().bearer(EVERYTHING),
            bare().header(header::AUTHORIZATION, &format!("bearer  {TOKEN} ")),
            bare().basic("prometheus", TOKEN),
            bare().basic("", EVERYTHING),
        ];
        for ask in accepted {
            assert_ne!(ask.of(&service).await.status(), 401, "{path}");
        }
    }
    assert_eq!(Ask::get("/-/healthy").of(&service).await.status(), 200);
}

/// Requests without a token, or with a wrong one.
fn refused(path: &str) -> Vec<Ask> {
    let bare = || Ask::get(path);
    let authorization = |value: &str| bare().header(header::AUTHORIZATION, value);
    vec![
        bare(),
        bare().bearer("test-secret-wrong"),
        bare().bearer(""),
        bare().bearer(&hash(TOKEN).to_string()),
        bare().bearer(&format!("{TOKEN}x")),
        bare().bearer(&TOKEN[1..]),
        bare().bearer(&TOKEN.to_uppercase()),
        bare().bearer(&"test-secret".repeat(1000)),
        bare().bearer(TOKEN).bearer(TOKEN),
        bare().bearer(TOKEN).basic("prometheus", TOKEN),
        bare().basic("prometheus", "test-secret-wrong"),
        bare().basic(TOKEN, "test-secret-wrong"),
        bare().basic(TOKEN, ""),
        authorization(TOKEN),
        authorization(&format!("Token {TOKEN}")),
        authorization("Bearer"),
        authorization("Basic"),
        authorization("Basic test-secret"),
        authorization("AWS4-HMAC-SHA256 Credential=test-secret/20261125/eu-central-1/lambda/aws4_request"),
        authorization("é"),
        authorization(""),
    ]
}

#[tokio::test]
async fn unauthorized_response_does_not_reveal_the_reason() {
    let dynamo = three_jobs().await;
    let service = Service::new(dynamo.table(), token_access(&hash(TOKEN).to_string()), Settings::default());
    let mut told = Vec::new();
    for ask in refused("/prom/node") {
        let (answer, log) = log::of(ask.of(&service)).await;
        let millis = log.split(' ').find(|word| word.starts_with("duration_ms=")).unwrap().to_owned();
        assert!(log.contains("missing or invalid credentials") && log.contains("status=401"), "{log}");
        told.push((answer.text().to_owned(), answer.0.headers().clone(), log.replace(&millis, "")));
    }
    assert!(told.len() > 20 && told.iter().all(|other| *other == told[0]), "{told:#?}");
    // A caller may have put its token into the path, so the log omits the job.
    let (_, log) = log::of(Ask::get("/prom/test-secret-in-the-path").of(&service)).await;
    assert_eq!(log::secret_in(&log), None, "{log}");
}

#[test]
fn log_search_finds_secrets() {
    let basic = |user: &str| Ask::get("/").basic(user, TOKEN).authorization().to_owned();
    let secrets = [
        format!("token={TOKEN}"),
        "x test-secret-9".into(),
        hash(TOKEN).to_string(),
        "Authorization: Bearer x".into(),
        basic("")[6..].into(),
        basic("a")[6..].into(),
        basic("ab")[6..].into(),
        "AWS4-HMAC-SHA256 Credential=x".into(),
    ];
    for text in secrets {
        assert!(log::secret_in(&text).is_some(), "{text}");
    }
    assert_eq!(log::secret_in("missing or invalid credentials; send \"Authorization: Bearer <token>\""), None);
}

#[tokio::test]
async fn unauthorized_request_and_health_check_read_no_table() {
    let dynamo = three_jobs().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    faulty.fail(move |_, _| {
        counter.fetch_add(1, Ordering::Relaxed);
        Fault::None
    });
    let settings = Settings { cache: Duration::from_mins(1), ..Settings::default() };
    let service = Service::new(faulty.table(), four_callers(), settings);
    let mut asks = vec![
        (Ask::get("/-/healthy"), 200),
        (Ask::get("/prom/node").bearer(EVERYTHING).method(Method::POST), 405),
        (Ask::get("/prom/nodes").bearer(NODES), 403),
        (Ask::get("/nowhere").bearer(NODES), 404),
        (Ask::get("/prom/%00").bearer(NODES), 400),
    ];
    for path in ["/prom/node", "/prom", "/-/ready"] {
        asks.extend(refused(path).into_iter().map(|ask| (ask, 401)));
    }
    for (ask, status) in asks {
        assert_eq!(ask.of(&service).await.status(), status);
    }
    let open_to_iam = Service::new(faulty.table(), Access::Iam, Settings::default());
    assert_eq!(Ask::get("/prom").bearer(EVERYTHING).of(&open_to_iam).await.status(), 401);
    assert_eq!(asked.load(Ordering::Relaxed), 0, "the function read the table");
    assert_eq!(Ask::get("/prom/node").bearer(NODES).of(&service).await.status(), 200);
    assert!(asked.load(Ordering::Relaxed) > 0);
}

#[tokio::test]
async fn token_reads_only_its_jobs() {
    let dynamo = three_jobs().await;
    let service = Service::new(dynamo.table(), four_callers(), Settings::default());
    let all: &[&str] = &["n:2", "n:1", "m:1", "s:1"];
    let cases: [(&str, &str, &[&str]); 11] = [
        (EVERYTHING, "/prom", all),
        (EVERYTHING, "/prom/nodes", &["m:1"]),
        (EVERYTHING, "/prom/none", &[]),
        (NODES, "/prom", &["n:2", "n:1"]),
        (NODES, "/prom/node", &["n:2", "n:1"]),
        (NODES, "/prom/n%6Fde/?x", &["n:2", "n:1"]),
        (TWO_JOBS, "/prom", &["n:2", "n:1", "s:1"]),
        (TWO_JOBS, "/prom/node", &["n:2", "n:1"]),
        (NOTHING_YET, "/prom", &[]),
        (NOTHING_YET, "/prom/none", &[]),
        (NOTHING_YET, "/prom/nor-this", &[]),
    ];
    for (token, path, targets) in cases {
        for ask in [Ask::get(path).bearer(token), Ask::get(path).basic("x", token)] {
            assert_eq!(ask.of(&service).await.targets(), targets, "{token} {path}");
        }
    }
    for (token, path) in [
        (NODES, "/prom/nodes"),
        (NODES, "/prom/Node"),
        (NODES, "/prom/none"),
        (NODES, "/prom/nod"),
        (TWO_JOBS, "/prom/nodes"),
        (NOTHING_YET, "/prom/node"),
    ] {
        let (status, code, message) = Ask::get(path).bearer(token).of(&service).await.error();
        assert_eq!((status, code.as_str()), (403, "forbidden"), "{token} {path}");
        assert!(!message.contains("node"), "{message}");
    }
    assert_eq!(Ask::get("/-/ready").bearer(NODES).of(&service).await.status(), 200);
}

#[tokio::test]
async fn callers_with_different_jobs_share_no_cached_response() {
    let dynamo = three_jobs().await;
    let settings = Settings { cache: Duration::from_mins(1), ..Settings::default() };
    let service = Service::new(dynamo.table(), four_callers(), settings);
    for _ in 0..2 {
        for (token, targets) in [(EVERYTHING, 4), (NODES, 2), (TWO_JOBS, 3), (NOTHING_YET, 0)] {
            assert_eq!(Ask::get("/prom").bearer(token).of(&service).await.targets().len(), targets, "{token}");
        }
        assert_eq!(Ask::get("/prom/nodes").bearer(EVERYTHING).of(&service).await.targets(), ["m:1"]);
        assert_eq!(Ask::get("/prom/nodes").bearer(NODES).of(&service).await.status(), 403);
    }
}

#[tokio::test]
async fn failed_page_of_one_job_fails_the_list() {
    let dynamo = three_jobs().await;
    put_all(&dynamo, tenths_of_a_page(25)).await;
    let faulty = FaultyDynamo::before(&dynamo);
    let service = Service::new(faulty.table(), four_callers(), Settings::default());
    let whole = Ask::get("/prom").bearer(TWO_JOBS).of(&service).await.targets();
    assert_eq!(whole.len(), 28);
    faulty.fail(|operation, later| match (operation, later) {
        ("Query", true) => Fault::Error(400, "ProvisionedThroughputExceededException"),
        _ => Fault::None,
    });
    let answer = Ask::get("/prom").bearer(TWO_JOBS).of(&service).await;
    assert_eq!(answer.code(), (503, "table_unavailable".into()));
    faulty.heal();
    assert_eq!(Ask::get("/prom").bearer(TWO_JOBS).of(&service).await.targets(), whole);
}

#[tokio::test]
async fn jobs_of_a_caller_share_one_response_limit() {
    let dynamo = Dynamo::with_table().await;
    let padding = "x".repeat(300_000);
    let rows = ["a", "b", "c"].into_iter().flat_map(|job| {
        (0..9).map(|i| Row::new(job, &i.to_string(), &["t:1"]).labels([("padding", &padding)])).collect::<Vec<_>>()
    });
    put_all(&dynamo, rows).await;
    let access = token_access(&format!("x:{}:a|b,y:{}:a|b|c", hash(NODES), hash(TWO_JOBS)));
    let service = Service::new(dynamo.table(), access, Settings::default());
    assert_eq!(Ask::get("/prom").bearer(NODES).of(&service).await.targets().len(), 18);
    assert_eq!(Ask::get("/prom").bearer(TWO_JOBS).of(&service).await.code(), (500, "response_too_large".into()));
    assert_eq!(Ask::get("/prom/c").bearer(TWO_JOBS).of(&service).await.targets().len(), 9);
}

#[tokio::test]
async fn iam_access_requires_a_caller_from_iam() {
    let dynamo = three_jobs().await;
    let service = Service::new(dynamo.table(), Access::Iam, Settings::default());
    for ask in [Ask::get("/prom/node"), Ask::get("/prom/node").bearer(TOKEN), Ask::get("/prom/node").iam_caller("")] {
        let answer = ask.of(&service).await;
        assert_eq!(answer.code(), (401, "unauthorized".into()));
        assert_eq!(answer.header(header::WWW_AUTHENTICATE), Some("AWS4-HMAC-SHA256"));
    }
    let arn = "arn:aws:sts::123456789012:assumed-role/prometheus/i-0";
    assert_eq!(Ask::get("/prom/nodes").iam_caller(arn).of(&service).await.targets(), ["m:1"]);
}

#[tokio::test]
async fn log_names_caller_and_program_without_credentials() {
    let dynamo = three_jobs().await;
    let service = Service::new(dynamo.table(), four_callers(), Settings::default());
    let own = http::HeaderName::from_static("x-own");
    let request = || Ask::get("/prom/node?token=test-secret").header(own.clone(), "test-secret");
    let (answer, log) = log::of(request().bearer(NODES).of(&service)).await;
    assert_eq!(answer.status(), 200);
    for field in ["caller=\"nodes\"", "client=\"Prometheus/2.42.0\"", "job=\"node\"", "status=200", "targets=2"] {
        assert!(log.contains(field), "no {field} in {log}");
    }
    let (_, log) = log::of(request().bearer(EVERYTHING).of(&service)).await;
    assert!(!log.contains("caller=") && log.contains("client="), "{log}");
    let (_, log) = log::of(request().of(&service)).await;
    assert!(!log.contains("caller=") && !log.contains("client=") && !log.contains("job="), "{log}");
    let (_, log) = log::of(Ask::get("/prom").bearer(NOTHING_YET).of(&service)).await;
    for job in ["none", "nor-this"] {
        assert!(log.contains(&format!("event=\"empty_job\" request_id=test-request job={job:?}")), "{log}");
    }
}

#[tokio::test]
async fn open_access_logs_a_warning() {
    let ((), log) = log::of(async { Access::Open.warn_if_open() }).await;
    assert!(log.contains("WARN") && log.contains("event=\"open\""), "{log}");
    let ((), log) = log::of(async {
        Access::Iam.warn_if_open();
        four_callers().warn_if_open();
    })
    .await;
    assert_eq!(log, "");
}
