//! `?match[]=<series_selector>` selects targets by their labels.

use std::time::Duration;

use http::{Method, header};
use http_sd_lambda::http::{Service, Settings, TokenHash};
use test_support::{
    Ask, Dynamo, Row, TOKEN, access::token_access, ask::service, log, part::fails_with_the_whole_list, row::put_all,
};

const MINUTE: Duration = Duration::from_mins(1);

/// Adds selectors to the query of a path.
fn path(path: &str, selectors: &[&str]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let query = query.extend_pairs(selectors.iter().map(|text| ("match[]", text))).finish();
    format!("{path}{}{query}", if path.contains('?') { '&' } else { '?' })
}

async fn fleet() -> Dynamo {
    let dynamo = Dynamo::with_table().await;
    let web = Row::new("node", "web", &["web-1:9100", "web-2:9100", "[::1]:9100"]);
    web.labels([("env", "prod"), ("region", "eu")]).put(&dynamo).await;
    Row::new("node", "db", &["db-1:9100", "web-1:9100"]).labels([("env", "test")]).put(&dynamo).await;
    Row::new("node", "none", &[]).labels([("env", "prod")]).put(&dynamo).await;
    let forged = [("__address__", "forged"), ("__meta_dynamodb_job", "forged"), ("__meta_dynamodb_group", "forged")];
    Row::new("app", "bare", &["app:1"]).labels(forged).put(&dynamo).await;
    dynamo
}

#[tokio::test]
async fn selected_list_keeps_groups_of_selected_targets() {
    let dynamo = fleet().await;
    let service = service(&dynamo, Settings::default());
    let web = r#"[{"targets":["web-1:9100","web-2:9100","[::1]:9100"],"labels":{"env":"prod","region":"eu"}}]"#;
    let db = r#"[{"targets":["db-1:9100","web-1:9100"],"labels":{"env":"test"}}]"#;
    let webs = r#"[{"targets":["web-1:9100"],"labels":{"env":"test"}},{"targets":["web-1:9100","web-2:9100"],"labels":{"env":"prod","region":"eu"}}]"#;
    let cases: [(&[&str], &str); 14] = [
        (&[r#"{env="prod"}"#], web),
        (&[r#"{env!="prod",__address__!=""}"#], db),
        (&[r#"{env=~"te.t|x"}"#], db),
        (&[r#"{env!~"te.t|x",env!=""}"#], web),
        (&[r#"{region="",env=~".+"}"#], db),
        (&[r#"{__meta_dynamodb_group="web"}"#], web),
        (&[r#"{__meta_dynamodb_job="node",region="eu"}"#], web),
        (&[r#"{__address__=~"web-.:9100"}"#], webs),
        (&[r#"{__address__="[::1]:9100",env="test"}"#], "[]"),
        (&[r#"{env="prod",env="test"}"#], "[]"),
        (&[r#"{env="prod"}"#, r#"{region="eu"}"#], web),
        (&[r#"{env="nowhere"}"#, r#"{__address__="web-1:9100",env!="prod"}"#, r#"{__address__=~"web-[12].*"}"#], webs),
        (&[r#"{job="node"}"#], "[]"),
        (&[r#"{instance=~"web.*"}"#], "[]"),
    ];
    for (selectors, body) in cases {
        for job in ["/prom/node", "/prom", "/prom/node/"] {
            // The list of all jobs starts with a group that no list of one job contains.
            let body = if job == "/prom" && selectors == [r#"{env!="prod",__address__!=""}"#] {
                body.replacen('[', &format!("[{APP},"), 1)
            } else {
                body.to_owned()
            };
            let answer = Ask::get(&path(job, selectors)).of(&service).await;
            assert_eq!((answer.status(), answer.text()), (200, &*body), "{job} {selectors:?}");
        }
    }
}

/// The group of the job `app`.
const APP: &str = r#"{"targets":["app:1"],"labels":{"__address__":"forged","__meta_dynamodb_group":"forged","__meta_dynamodb_job":"forged"}}"#;

#[tokio::test]
async fn stored_labels_cannot_forge_address_job_or_group() {
    let dynamo = fleet().await;
    let service = service(&dynamo, Settings::default());
    let meta = r#"{"targets":["app:1"],"labels":{"__address__":"forged","__meta_dynamodb_group":"bare","__meta_dynamodb_job":"app"}}"#;
    for label in ["__address__", "__meta_dynamodb_job", "__meta_dynamodb_group"] {
        for (query, group) in [("", APP), ("?meta=true", meta)] {
            let own =
                [r#"{__address__="app:1"}"#, r#"{__meta_dynamodb_job="app"}"#, r#"{__meta_dynamodb_group="bare"}"#];
            let own = own.iter().find(|text| text.contains(label)).unwrap();
            let answer = Ask::get(&path(&format!("/prom/app{query}"), &[own])).of(&service).await;
            assert_eq!(answer.text(), format!("[{group}]"), "{own}{query}");
            let forged = format!("{{{label}=\"forged\"}}");
            assert_eq!(
                Ask::get(&path(&format!("/prom{query}"), &[&forged])).of(&service).await.text(),
                "[]",
                "{label}"
            );
        }
    }
}

#[tokio::test]
async fn selector_and_shard_combine() {
    let dynamo = Dynamo::with_table().await;
    let all: Vec<String> = (0..60).map(|i| format!("{}-{i}:9100", ["web", "db", "x"][i % 3])).collect();
    put_all(
        &dynamo,
        all.chunks(7).zip(0..).map(|(targets, i)| {
            let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
            Row::new("node", &format!("{i}"), &targets).labels([("env", ["a", "b"][i % 2])])
        }),
    )
    .await;
    let service = service(&dynamo, Settings::default());
    let selectors = [r#"{env="a",__address__=~"web.*"}"#, r#"{env="b",__address__!~"web.*"}"#];
    let selected = Ask::get(&path("/prom/node", &selectors)).of(&service).await.targets();
    assert!((10..50).contains(&selected.len()), "the test proves nothing: {selected:?}");
    let mut found = Vec::new();
    for shard in 0..3 {
        let shard = format!("/prom/node?shard={shard}&of=3");
        let whole = Ask::get(&shard).of(&service).await.targets();
        let part = Ask::get(&path(&shard, &selectors)).of(&service).await.targets();
        let expected: Vec<String> = whole.into_iter().filter(|target| selected.contains(target)).collect();
        assert_eq!(part, expected, "{shard}");
        assert!(!part.is_empty(), "{shard}");
        found.extend(part);
    }
    assert_eq!(found.len(), selected.len());
}

#[tokio::test]
async fn invalid_selector_error_names_parameter_and_syntax() {
    let dynamo = fleet().await;
    let service = service(&dynamo, Settings::default());
    let selector = r#"match[] must be matchers in braces, such as {env="prod",region=~"eu-.*"}, with =, !=, =~ or !~, label names without quotes and values in quotes, but is "#;
    let cases = [
        ("match[]", r#"match[] is empty: write a selector such as {env="prod"}"#.to_owned()),
        ("match[]=&match[]={env=%22a%22}", r#"match[] is empty: write a selector such as {env="prod"}"#.into()),
        ("match={env=%22a%22}", "for selectors is match[]: write match%5B%5D".into()),
        ("match[]={env=%FF}", "match[] is not percent-encoded UTF-8".into()),
        ("match[]={env}", format!("{selector}\"{{env}}\"")),
        (
            "match[]=up",
            r#"match[] names a metric, which targets do not have: write only label matchers in braces, such as {env="prod"}"#
                .into(),
        ),
        (
            "match[]={env=%22a%22}[5m]",
            r#"match[] has "[5m]" after the selector: write a selector without range, offset, @ or operator"#.into(),
        ),
        (
            "match[]={env!=%22a%22}",
            r#"match[] must contain at least one non-empty matcher, as in Prometheus, but is "{env!=\"a\"}", which selects targets without labels: add __address__!="", which holds for every target"#.into(),
        ),
        (
            "match[]={env=~%22(%22}",
            r#"match[] has a regular expression for "env" that cannot be parsed: unclosed group. Rewrite it, or escape literal characters"#.into(),
        ),
        (
            "match[]={env=~`\\pL`}",
            r#"match[] has a regular expression for "env" that contains a Unicode class, which depends on the version of Unicode: write the characters, as in [a-zäöü]"#.into(),
        ),
    ];
    for (query, problem) in cases {
        for job in ["/prom", "/prom/node", "/prom/nodes"] {
            let answer = Ask::get(&format!("{job}?{query}")).of(&service).await;
            let expected = (400, "bad_request".to_owned(), format!("the query parameter {problem}"));
            assert_eq!(answer.error(), expected, "{query}");
        }
    }
    let many = path("/prom", &[r#"{env="a"}"#; 17]);
    assert!(Ask::get(&many).of(&service).await.error().2.contains("match[] occurs more than 16 times"));
    // Health and readiness ignore `match[]`.
    assert_eq!(Ask::get("/-/ready?match[]=").of(&service).await.status(), 200);
}

#[tokio::test]
async fn selected_lists_have_separate_etags() {
    let dynamo = fleet().await;
    let service = service(&dynamo, Settings::default());
    let mut etags: Vec<String> = Vec::new();
    for selectors in [&[][..], &[r#"{env="prod"}"#], &[r#"{env="test"}"#], &[r#"{__address__="web-1:9100"}"#]] {
        let path = path("/prom/node", selectors);
        let get = Ask::get(&path).of(&service).await;
        let etag = get.header(header::ETAG).unwrap().to_owned();
        let head = Ask::get(&path).method(Method::HEAD).of(&service).await;
        assert_eq!((head.text(), head.header(header::ETAG)), ("", Some(etag.as_str())));
        assert_eq!(Ask::get(&path).header(header::IF_NONE_MATCH, &etag).of(&service).await.status(), 304);
        for other in &etags {
            assert_eq!(Ask::get(&path).header(header::IF_NONE_MATCH, other).of(&service).await.status(), 200);
        }
        etags.push(etag);
    }
}

#[tokio::test]
async fn selectors_share_cached_rows_but_no_response() {
    let dynamo = fleet().await;
    let service = service(&dynamo, Settings { cache: MINUTE, ..Settings::default() });
    let (prod, test) = (r#"{env="prod"}"#, r#"{env="test"}"#);
    let not = r#"{env!="prod",env!=""}"#;
    let cases: [(&str, &[&str], usize); 8] = [
        ("/prom/node", &[], 5),
        ("/prom/node", &[prod], 3),
        ("/prom/node", &[test], 2),
        ("/prom/node", &[not], 2),
        ("/prom/node", &[prod, test], 5),
        ("/prom/node", &[r#"{env=~"prod|x"}"#], 3),
        ("/prom/node?shard=0&of=1", &[test], 2),
        ("/prom", &[r#"{__address__=~".*1.*",__meta_dynamodb_job="app"}"#], 1),
    ];
    for _ in 0..2 {
        for (job, selectors, targets) in cases {
            let found = Ask::get(&path(job, selectors)).of(&service).await.targets();
            assert_eq!(found.len(), targets, "{job} {selectors:?}");
        }
        // Now the rows exist only in memory.
        for (job, group) in [("node", "web"), ("node", "db"), ("node", "none"), ("app", "bare")] {
            dynamo.delete(job, group).await;
        }
    }
    // Another selector causes no read.
    assert_eq!(Ask::get(&path("/prom/node", &[test, prod])).of(&service).await.targets().len(), 5);
}

#[tokio::test]
async fn token_with_jobs_selects_only_from_them() {
    let dynamo = fleet().await;
    Row::new("secret", "one", &["web-1:1"]).labels([("env", "prod")]).put(&dynamo).await;
    let access = token_access(&format!("two:{}:node|app", TokenHash::of(TOKEN.as_bytes())));
    let service = Service::new(dynamo.table(), access, Settings { cache: MINUTE, ..Settings::default() });
    let web = r#"{__address__=~"web-1.*"}"#;
    let cases: [(&str, &str, &[&str]); 4] = [
        ("/prom", web, &["web-1:9100", "web-1:9100"]),
        ("/prom", r#"{__meta_dynamodb_job!="node",__address__!=""}"#, &["app:1"]),
        ("/prom", r#"{__meta_dynamodb_job="secret"}"#, &[]),
        ("/prom/node", web, &["web-1:9100", "web-1:9100"]),
    ];
    for (job, selector, targets) in cases {
        assert_eq!(
            Ask::get(&path(job, &[selector])).bearer(TOKEN).of(&service).await.targets(),
            targets,
            "{job} {selector}"
        );
    }
    for (job, selector, status) in [("/prom/secret", web, 403), ("/prom", "{}", 400)] {
        assert_eq!(Ask::get(&path(job, &[selector])).bearer(TOKEN).of(&service).await.status(), status, "{job}");
    }
    assert_eq!(Ask::get(&path("/prom", &["{}"])).of(&service).await.status(), 401);
}

#[tokio::test]
async fn log_has_selectors_and_warns_of_empty_selection() {
    let dynamo = fleet().await;
    let service = service(&dynamo, Settings::default());
    let of = async |path: String| log::of(Ask::get(&path).of(&service)).await.1;
    let log = of(path("/prom/node", &[r#"{env="prod"}"#, r#"{env="x"}"#])).await;
    for field in [r#"match="{env=\"prod\"} or {env=\"x\"}""#, "job=\"node\"", "rows=3", "groups=1", "targets=3"] {
        assert!(log.contains(field), "no {field} in {log}");
    }
    assert!(!log.contains("WARN"), "{log}");
    assert!(!of("/prom/node".into()).await.contains("match="));

    let log = of(path("/prom/node", &[r#"{job="node"}"#])).await;
    assert!(log.contains("event=\"empty_match\"") && log.contains("rows=3") && log.contains("groups=0"), "{log}");
    let log = of(path("/prom/nodes", &[r#"{job="node"}"#])).await;
    assert!(log.contains("event=\"empty_job\"") && !log.contains("empty_match"), "{log}");
    // The log cuts long selectors and escapes line breaks.
    let wide = format!("{{env=\"{}\nend\"}}", "é".repeat(500)).replace('\n', "\\n");
    let log = of(path("/prom/node", &[&wide])).await;
    let line = log.lines().find(|line| line.contains("event=\"request\"")).unwrap();
    assert!(line.contains("éé") && line.contains('…') && line.len() < 1200, "{line}");

    let open =
        Service::new(dynamo.table(), token_access(&TokenHash::of(b"test-secret").to_string()), Settings::default());
    let (_, log) = log::of(Ask::get(&path("/prom/node", &[r#"{env="prod"}"#])).of(&open)).await;
    assert!(log.contains("status=401") && !log.contains("env="), "{log}");
}

#[tokio::test]
async fn failed_list_fails_every_selection() {
    let selectors = [r#"{__address__="0:1"}"#, r#"{__address__="24:1"}"#, r#"{none="x"}"#];
    let paths = selectors.into_iter().flat_map(|text| ["/prom", "/prom/node"].map(|job| path(job, &[text])));
    let paths: Vec<String> = paths.collect();
    fails_with_the_whole_list(&paths, async |service| {
        for path in &paths[..4] {
            assert_eq!(Ask::get(path).of(service).await.targets().len(), 1, "{path}");
        }
    })
    .await;
}

/// Matching the one page takes many times the deadline. Without a check of the deadline, the response would be the
/// list.
#[tokio::test]
async fn expensive_selector_ends_at_the_deadline() {
    let dynamo = Dynamo::with_table().await;
    let targets: Vec<String> = (b'a'..=b'z').map(|c| char::from(c).to_string().repeat(40)).collect();
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    put_all(&dynamo, (0..600).map(|i| Row::new("node", &format!("{i:03}"), &targets))).await;
    let service = service(&dynamo, Settings::default());
    // Each character of the address reaches every state of this expression.
    let path = path("/prom/node", &["{__address__=~\"(([a-z]*){15}){15}-\"}"]);
    let answer = Ask::get(&path).within(Duration::from_secs(1)).of(&service).await;
    assert_eq!(answer.code(), (504, "table_timeout".into()));
}
