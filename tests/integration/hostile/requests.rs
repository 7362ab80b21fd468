//! The requests, and how each must be answered.

use http_sd_lambda::service::TokenHash;
use test_support::TOKEN;

/// The only groups that a hostile request may ever see.
pub(super) const NODE: &str = r#"[{"targets":["a:1"],"labels":{}}]"#;
const ALL: &str = r#"[{"targets":["a:1"],"labels":{}},{"targets":["s:1"],"labels":{}}]"#;

/// How a request must be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// 200 with exactly that list.
    List(&'static str),
    /// 304 without a body.
    NotModified,
    /// An error of that status.
    Error(u16),
}

impl Answer {
    fn status(self) -> u16 {
        match self {
            Self::List(_) => 200,
            Self::NotModified => 304,
            Self::Error(status) => status,
        }
    }

    /// Fails if it was answered in another way.
    pub(super) fn check(self, status: u16, body: &str, what: &str) {
        assert_eq!(status, self.status(), "{what}: {body}");
        match self {
            Self::List(list) => assert_eq!(body, list, "{what}"),
            Self::NotModified => assert_eq!(body, "", "{what}"),
            Self::Error(_) => assert!(body.starts_with(r#"{"error":{"code":""#), "{what}: {body}"),
        }
    }
}

/// A request of somebody who means no good.
pub(super) struct Request {
    pub(super) method: &'static str,
    /// Path and query.
    pub(super) target: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) answer: Answer,
}

/// A `GET` with a right token.
fn get(target: impl Into<String>, answer: Answer) -> Request {
    send("GET", target, &[("authorization", &format!("Bearer {TOKEN}"))], answer)
}

fn send(method: &'static str, target: impl Into<String>, headers: &[(&'static str, &str)], answer: Answer) -> Request {
    let headers = headers.iter().map(|&(name, value)| (name, value.to_owned())).collect();
    Request { method, target: target.into(), headers, answer }
}

fn odd_paths() -> Vec<Request> {
    use Answer::{Error, List};
    let refused = [
        // What a job may not be: encoded slashes and dots, on their way to another place.
        "/prom/%2F",
        "/prom/%2f",
        "/prom/a%2Fb",
        "/prom/secret%2fjob",
        "/prom/..",
        "/prom/.",
        "/prom/../",
        "/prom/%2e",
        "/prom/%2e%2E",
        "/prom/.%2e",
        "/prom/%2e%2e%2fsecret%2fjob",
        "/prom/..%5c..%5c",
        "/prom/%5C%5Chost%5Cshare",
        // Control characters, bare and encoded.
        "/prom/%00",
        "/prom/node%00",
        "/prom/node%00.json",
        "/prom/%0A",
        "/prom/node%0d%0aX-Injected:%201",
        "/prom/%1b[31m",
        "/prom/%7F",
        "/prom/%C2%85",
        // What is no UTF-8: overlong, surrogates, too high, cut off.
        "/prom/%C0%AF",
        "/prom/%C0%80",
        "/prom/%C1%81",
        "/prom/%E0%80%AF",
        "/prom/%F0%80%80%AF",
        "/prom/%ED%A0%80",
        "/prom/%F5%80%80%80",
        "/prom/%E2%82",
        "/prom/%80",
        "/prom/%FF%FE",
        // What is no percent-encoding.
        "/prom/%",
        "/prom/%2",
        "/prom/node%",
        "/prom/%zz",
        "/prom/%u002e%u002e",
        "/prom/%%32%46",
    ];
    let not_found = [
        "/prom//",
        "//prom/node",
        "/prom//node",
        "/prom/node//",
        "/prom/node/web",
        "/prom/../-/ready",
        "/prom/node/../../etc/passwd",
        "/PROM/node",
        "/Prom",
        "/prom%2Fnode",
        "/%70rom/node",
        "/prom%00",
        "/prom;/node",
        "/prom.json",
        "/promnode",
        "/-/healthy%00",
        "/-/Healthy",
        "/-/healthy/x",
        "/-/healthy/..",
        "/-/ready%20",
        "/-/reload",
        "/-/quit",
        "/.env",
        "/.git/config",
        "/metrics",
        "/actuator/env",
        "/wp-login.php",
        "/cgi-bin/.%2e/.%2e/bin/sh",
        "/2015-03-31/functions/function/invocations",
        "/latest/meta-data/iam/security-credentials/",
    ];
    // Names like any other, of which there is no row: nothing is made of them, and nothing of them comes back.
    let names = [
        "/prom/node'%20OR%20'1'='1",
        "/prom/%27%3B%20DROP%20TABLE%20x",
        "/prom/%3Cscript%3Ealert(1)%3C%73cript%3E",
        "/prom/%24%7Bjndi:ldap:x%7D",
        "/prom/%7B%7B7*7%7D%7D",
        "/prom/$(id)",
        "/prom/*",
        "/prom/:job",
        "/prom/%25",
        "/prom/%252F",
        "/prom/%252e%252e",
        "/prom/Node",
        "/prom/node%20",
        "/prom/node;x=1",
        "/prom/...",
        "/prom/%EF%BB%BFnode",
    ];
    let refused = refused.map(|target| get(target, Error(400))).into_iter();
    let not_found = not_found.map(|target| get(target, Error(404))).into_iter();
    let names = names.map(|target| get(target, List("[]"))).into_iter();
    let long = |bytes| format!("/prom/{}", "j".repeat(bytes));
    let lengths = [
        get(long(2048), List("[]")),
        get(long(2049), Error(400)),
        get(long(8192), Error(400)),
        get(long(60_000), Error(400)),
        get(format!("/prom/{}", "%6A".repeat(2049)), Error(400)),
        get(format!("/{}", "a/".repeat(4000)), Error(404)),
    ];
    refused.chain(not_found).chain(names).chain(lengths).collect()
}

fn odd_queries() -> Vec<Request> {
    use Answer::{Error, List};
    let ignored = [
        "x",
        "%FF=%FE",
        "%",
        "&&&&",
        "=",
        "meta%00=true",
        "Meta=true",
        "__proto__=1",
        "collector_id=../..",
        "url=http://169.254.169.254",
        "Shard=1&OF=0",
        "shard[]=1&of[]=x",
        "shard%00=1&of%20=0",
        // The whole, and the part of it in which a:1 is.
        "shard=0&of=1",
        "%73hard=%30&o%66=%32",
        "shard=00000000000000000000000000&of=0000000000000000000000000002",
    ];
    // The shard in which a:1 is not.
    let empty = ["shard=1&of=2", "shard=1&of=1024", "of=3&shard=0&meta=true"];
    let refused =
        ["meta", "meta=", "meta=1", "meta=true%00", "meta=TRUE", "meta=true%20", "meta[]=1&meta=x", "meta=%FF"];
    // One in which a:1 is not: whatever of these was read as a shard, the list would be short.
    let no_shards = [
        "shard=1",
        "of=2",
        "shard&of",
        "shard=&of=",
        "shard=1&of=0",
        "shard=2&of=2",
        "shard=1&of=1025",
        "shard=-1&of=2",
        "shard=%2B1&of=2",
        "shard=+1&of=2",
        "shard=1+&of=2",
        "shard=1%00&of=2",
        "shard=1%0A&of=2",
        "shard=0x1&of=2",
        "shard=1.0&of=2",
        "shard=1e0&of=2",
        "shard=1/2&of=2",
        "shard=1;of=2",
        "shard=NaN&of=2",
        "shard=%D9%A1&of=2",
        "shard=%EF%BC%91&of=2",
        "shard=%FF&of=2",
        "shard=1&of=two",
        "shard=1&of=-2",
        "shard=1&shard=0&of=2",
        "shard=1&of=2&shard=1",
        "shard=1&of=2&of=3",
        "shard=1&of=2&%73hard=0",
        "shard=4294967297&of=4294967298",
        "shard=1&of=18446744073709551618",
        "shard=18446744073709551617&of=2",
        "shard=1&of=99999999999999999999999999999999999999999999",
    ];
    let ignored = ignored.map(|query| get(format!("/prom/node?{query}"), List(NODE))).into_iter();
    let refused = refused.map(|query| get(format!("/prom/node?{query}"), Error(400))).into_iter();
    let empty = empty.map(|query| get(format!("/prom/node?{query}"), List("[]"))).into_iter();
    let no_shards = no_shards
        .into_iter()
        .flat_map(|query| ["/prom/node", "/prom"].map(|path| get(format!("{path}?{query}"), Error(400))));
    let lengths = [
        get(format!("/prom/node?{}", "q".repeat(8192)), List(NODE)),
        get(format!("/prom/node?{}", "q".repeat(8193)), Error(400)),
        get(format!("/prom/node?{}", "a&".repeat(4000)), List(NODE)),
    ];
    ignored.chain(empty).chain(refused).chain(no_shards).chain(lengths).collect()
}

fn odd_selectors() -> Vec<Request> {
    use Answer::{Error, List};
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    // Each of them selects a:1, so that whatever is refused is refused for what it is.
    let one = "match[]=%7B__address__%3D%22a:1%22%7D";
    let taken = [
        one.to_owned(),
        one.replace("[]", "%5B%5D"),
        one.replace("match", "%6D%61tch"),
        [one; 16].join("&"),
        format!("&&{one}&x&"),
        format!("{one}&shard=0&of=1&meta=false"),
        "match[]={__address__=\"a:1\"}".replace('"', "%22"),
        format!("match[]={}", encode("{__address__=~`(a|b):\\d{1,1000}`}")),
        format!("match[]={}", encode(&format!("{{__address__=~\"{}a:1\"}}", "x|".repeat(1000)))),
        format!("match[]={}", encode(&format!("{{__address__=~\"{}a:1{}\"}}", "(".repeat(60), ")".repeat(60)))),
        format!("match[]={}", encode(&format!("{{__address__=\"a:1\"{}}}", ",x=\"\"".repeat(600)))),
    ];
    let empty = [
        "{__address__=\"a:2\"}",
        "{__meta_dynamodb_job=\"secret/job\"}",
        "{__address__=\"'; DROP TABLE x\"}",
        "{__address__=\"${jndi:ldap:x}\"}",
        "{x=\"\u{202e}\"}",
        "{x=\"\\u0000\"}",
    ];
    let empty = empty.map(|text| format!("match[]={}", encode(text)));
    let other_names = [
        "match",
        "match[",
        "match[0]",
        "match%00[]",
        "match[]%00",
        "%20match[]",
        "Match[]",
        "MATCH",
        "matches[]",
        "matchers",
        "match%255B%255D",
        "amp;match[]",
        "match_target",
        "match[][]",
    ];
    let other_names = other_names.map(|name| one.replacen("match[]", name, 1));
    let broken = [
        "match[]".to_owned(),
        "match[]=".into(),
        "match[]=&".into(),
        format!("{one}&match[]="),
        format!("{one}&match=x"),
        [one; 17].join("&"),
        "match[]=%7B__address__%3D%22a:1%22%7".into(),
        "match[]=%7B__address__%3D%22a:1%22,x!%3D%22%zz%22%7D".into(),
        "match[]=%7B__address__%3D%22a:1%22,x!%3D%22%FF%22%7D".into(),
        "match[]=%7B__address__%3D%22a:1%22,x!%3D%22%C0%AF%22%7D".into(),
        "match[]=%7B__address__%3D%22a:1%22,x!%3D%22%ED%A0%80%22%7D".into(),
    ];
    let texts = broken_selectors().into_iter().map(|text| format!("match[]={}", encode(&text)));
    let refused = other_names.into_iter().chain(broken).chain(texts).map(|query| (query, Error(400)));
    let taken = taken.into_iter().map(|query| (query, List(NODE)));
    let empty = empty.into_iter().map(|query| (query, List("[]")));
    let all = taken.chain(empty).chain(refused);
    all.map(|(query, answer)| get(format!("/prom/node?{query}"), answer)).collect()
}

/// What is no selector, or not one that is taken. What might have been made of most of them selects a:1 as well.
fn broken_selectors() -> Vec<String> {
    let texts = [
        "{",
        "}",
        "{}",
        "{x=\"\"}",
        "{x!=\"y\"}",
        "{__address__=~\".*\"}",
        "up",
        "{__name__=\"up\"}",
        "{\"up\"}",
        "a:1",
        "*",
        "{__address__=\"a:1",
        "{__address__='a:1\"}",
        "{__address__=`a:1}",
        "{__address__=\"a:1\\",
        "{__address__=\"a:1\"}}",
        "{__address__=\"a:1\"}[5m]",
        "{__address__=\"a:1\"} offset 1h",
        "{__address__=\"a:1\"} @ 99999999999999999999999999999999999999e9999",
        "{__address__=\"a:1\"} or {x=\"y\"}",
        "{__address__=\"a:1\" or x=\"y\"}",
        "sum({__address__=\"a:1\"})",
        "{__address__=\"a:1\",x!=\"\\xff\"}",
        "{__address__=\"a:1\",x!=\"\\377\"}",
        "{__address__=\"a:1\",x!=\"\u{fffd}\"}",
        "{__address__=\"a:1\",\"x.y\"=\"\"}",
        "{__address__=~\"(\"}",
        "{__address__=~\"a:1(?=x)\"}",
        "{__address__=~\"((a{1000}){1000}){1000}|a:1\"}",
        "{__address__=~\"(((a*)*)*){1,999}{1,999}|a:1\"}",
        "{__address__=~\"a{4294967296}|a:1\"}",
        "{__address__=~`a:1|\\pL`}",
        "{__address__=~`a:1|\\Q.\\E`}",
        "{__address__=~`a:1|[[a]&&b]`}",
        "{__address__=~`(?x) a:1 # b`}",
    ]
    .map(str::to_owned);
    let long = [
        "(".repeat(2000),
        "{".repeat(2000),
        format!("{{__address__=~\"{}a:1{}\"}}", "(".repeat(1000), ")".repeat(1000)),
        format!("{{__address__=~\"{}a:1{}\"}}", "(?:".repeat(300), "*)".repeat(300)),
        format!("{{__address__=~\"a:1|{}\"}}", "a{999}".repeat(100)),
        format!("{{__address__=\"a:1\"{}}}", ",x!~\"a{999}\"".repeat(100)),
        format!("{}{{__address__=\"a:1\"}}", "-".repeat(2000)),
        format!("{{__address__=\"a:1\"{}}}", ",".repeat(2000)),
        format!("{{__address__=\"{}", "\\".repeat(1999)),
    ];
    texts.into_iter().chain(long).collect()
}

fn odd_methods() -> Vec<Request> {
    let bearer = format!("Bearer {TOKEN}");
    let methods = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "PURGE", "get", "GETX"];
    let known = methods.map(|method| send(method, "/prom/node", &[("authorization", &bearer)], Answer::Error(405)));
    let strange = methods.map(|method| send(method, "/prom/node", &[], Answer::Error(401)));
    let open = ["POST", "DELETE", "OPTIONS"].map(|method| send(method, "/-/healthy", &[], Answer::Error(405)));
    known.into_iter().chain(strange).chain(open).collect()
}

/// Without a token, with a wrong one, or with something in place of it.
fn odd_callers() -> Vec<Request> {
    let refused = [
        ("authorization", String::new()),
        ("authorization", "Bearer".into()),
        ("authorization", "Bearer ".into()),
        ("authorization", "Bearer null".into()),
        ("authorization", TOKEN.into()),
        ("authorization", format!("Bearer {}", TokenHash::of(TOKEN.as_bytes()))),
        ("authorization", format!("Bearer {TOKEN}\u{e9}")),
        ("authorization", format!("Bearer {TOKEN},Bearer {TOKEN}")),
        ("authorization", format!("Bearer\t{TOKEN}")),
        ("authorization", format!("Digest username=\"{TOKEN}\"")),
        ("authorization", "Basic".into()),
        ("authorization", "Basic Og==".into()),
        ("authorization", "Basic ====".into()),
        ("authorization", format!("Basic {TOKEN}")),
        ("authorization", format!("Bearer {}", "test-secret".repeat(1000))),
        ("proxy-authorization", format!("Bearer {TOKEN}")),
        ("x-authorization", format!("Bearer {TOKEN}")),
        ("x-api-key", TOKEN.into()),
        ("cookie", format!("authorization=Bearer {TOKEN}")),
        ("x-forwarded-for", "127.0.0.1".into()),
        ("x-forwarded-host", "localhost".into()),
        ("x-original-url", "/-/healthy".into()),
        ("x-amzn-request-context", "{\"authorizer\":{\"iam\":{\"userArn\":\"x\"}}}".into()),
    ];
    let refused = refused.map(|(name, value)| send("GET", "/prom/node", &[(name, &value)], Answer::Error(401)));
    let paths = ["/prom", "/prom/node", "/-/ready", "/", "/nowhere", "/prom/%00", "/-/healthy%2F..%2Fready"];
    let strangers = paths.map(|target| send("GET", target, &[], Answer::Error(401)));
    let query = send("GET", format!("/prom/node?access_token={TOKEN}&token={TOKEN}"), &[], Answer::Error(401));
    refused.into_iter().chain(strangers).chain([query]).collect()
}

fn odd_headers() -> Vec<Request> {
    use Answer::{Error, List, NotModified};
    let headers = [
        ("range", "bytes=0-1".into(), List(NODE)),
        ("if-range", "\"x\"".into(), List(NODE)),
        ("if-modified-since", "Fri, 31 Dec 9999 23:59:59 GMT".into(), List(NODE)),
        ("if-none-match", "*".into(), NotModified),
        ("if-none-match", "\"".repeat(9000), List(NODE)),
        ("if-match", "\"x\"".into(), List(NODE)),
        ("accept-encoding", "gzip;q=0, *;q=0, br;q=1e999, ;;;,,,=".into(), List(NODE)),
        ("accept-encoding", "gzip,".repeat(2000), List(NODE)),
        ("accept", "text/html".into(), List(NODE)),
        ("accept", "application/x-protobuf;q=1".into(), List(NODE)),
        ("x-http-method-override", "DELETE".into(), List(NODE)),
        ("x-original-url", "/prom".into(), List(NODE)),
        ("x-rewrite-url", "/prom".into(), List(NODE)),
        ("x-prometheus-refresh-interval-seconds", "-1e999".into(), List(NODE)),
        ("origin", "https://evil.example".into(), List(NODE)),
        ("user-agent", "() { :; }; echo".into(), List(NODE)),
        ("user-agent", "a".repeat(10_000), List(NODE)),
        ("cookie", "a=b; ".repeat(2000), List(NODE)),
        ("x", "y".repeat(17_000), Error(431)),
    ];
    let bearer = ("authorization", format!("Bearer {TOKEN}"));
    let mut requests: Vec<Request> = headers
        .into_iter()
        .map(|(name, value, answer)| Request {
            method: "GET",
            target: "/prom/node".into(),
            headers: vec![bearer.clone(), (name, value)],
            answer,
        })
        .collect();
    for (number, status) in [(60, 200), (64, 431)] {
        let answer = if status == 200 { List(NODE) } else { Error(status) };
        // Each of another name, for in an event a name has one value.
        let many = (0..number).map(|i| (&*Box::leak(format!("x-{i}").into_boxed_str()), String::new()));
        let headers = std::iter::once(bearer.clone()).chain(many).collect();
        requests.push(Request { method: "GET", target: "/prom/node".into(), headers, answer });
    }
    requests.push(send("GET", "/-/healthy", &[("x", &"y".repeat(17_000))], Error(431)));
    requests.push(send(
        "GET",
        "/prom",
        &[("authorization", &format!("Bearer {TOKEN}")), ("range", "bytes=-1")],
        List(ALL),
    ));
    requests
}

/// All of them.
pub(super) fn requests() -> Vec<Request> {
    [odd_paths(), odd_queries(), odd_selectors(), odd_methods(), odd_callers(), odd_headers()]
        .into_iter()
        .flatten()
        .collect()
}
