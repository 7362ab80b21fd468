//! `match[]` of the function selects the same targets as Prometheus's selectors and relabelling.

use std::{collections::BTreeSet, fmt::Write, time::Duration};

use http_sd_lambda::http::Settings;
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use serde_json::Value;
use test_support::{
    Dynamo, Row,
    ask::{serve, service},
    http,
    poller::{Kind, Poller},
    prometheus,
};

/// Values of the label `v`. Each regular expression below concerns one of them.
const VALUES: [&str; 56] = [
    "", "a", "b", "c", "ab", "ba", "aB", "AB", "A", "aa", "aaa", "aaaa", "k", "K", "\u{212a}", "s", "S", "\u{17f}",
    "sk", "é", "É", "ü", "1", "12", "٣", "１", "_", "-", "a-b", "]", "[", "[a]", "^", "a^b", "a\nb", "\n", "a\n", " ",
    "\t", "\u{b}", "\u{a0}", "{", "}", "a{2}", "a{,2}", "\\", "\\d", ".", "a.b", "&&", "~", ":", "<", "a|b", "\"", "'",
];

/// Returns the selector for Prometheus's series, whose labels replace the prefix `__`.
fn for_series(text: &str) -> String {
    text.replace("__address__", "address").replace("__meta_dynamodb_", "meta_")
}

/// The table of these tests does not change, and reading it is most of the work.
fn cached() -> Settings {
    Settings { cache: Duration::from_hours(1), ..Settings::default() }
}

/// The targets that a selector selects, each with its group, or `None` if it is rejected.
type Selected = Option<BTreeSet<String>>;

/// Returns the targets that the function lists.
fn ours(url: &str, selector: &str) -> Selected {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("match[]", selector).finish();
    let (status, body) = http::get(&format!("{url}/prom?meta=true&{query}"), None).unwrap();
    assert!(status == 200 || status == 400, "{selector}: {status} {body}");
    let groups = (status == 200).then(|| prometheus::read(body.as_bytes()).unwrap())?;
    let targets = groups.into_iter().flat_map(|group| {
        let name = group.labels["__meta_dynamodb_group"].clone();
        group.targets.into_iter().map(move |target| format!("{name} {target}"))
    });
    Some(targets.collect())
}

/// Returns the targets whose series Prometheus selects.
fn theirs(prometheus: &Poller, selector: &str) -> Selected {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let series = prometheus.series(&for_series(selector))?;
    Some(series.iter().map(|labels| format!("{} {}", text(&labels["meta_group"]), text(&labels["address"]))).collect())
}

/// A scrape config that gives each series the discovered labels of its target.
fn config_for_series(kind: Kind, url: &str) -> String {
    let entry = kind.entry(&format!("{url}/prom?meta=true"), "");
    format!(
        "
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: all
    http_sd_configs: [{entry}]
    relabel_configs:
      - {{source_labels: [__address__], target_label: address}}
      - {{regex: __meta_dynamodb_(.+), replacement: meta_$1, action: labelmap}}
      # No server listens at this address, so a scrape fails at once.
      - {{target_label: __address__, replacement: '127.0.0.1:1'}}
"
    )
}

/// Quotes a text as in a selector.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n"))
}

/// Selectors with the same meaning in Prometheus and the function.
const SELECTORS: [&str; 54] = [
    r#"{env="prod"}"#,
    r#"{env!="prod",__address__!=""}"#,
    r#"{env=~"prod|test"}"#,
    r#"{env=~"pro"}"#,
    r#"{env!~"pro.*",__address__=~".+"}"#,
    r#"{env="",__address__!=""}"#,
    r#"{env!="",region!="eu"}"#,
    r#"{env="prod",region=""}"#,
    r#"{none="",env="test"}"#,
    r#"{none!=""}"#,
    r#"{none=~".+"}"#,
    r#"{none!~".+",env=~".+"}"#,
    r#"{none!~".*",env=~".+"}"#,
    r#"{env=~"p.*",env=~".*d",env!="pd"}"#,
    r#"{__address__="web-1.invalid:9100"}"#,
    r#"{__address__=~"web-\\d.*"}"#,
    r#"{__address__=~"web-.*",__address__!~".*2.*"}"#,
    r#"{__address__="forged"}"#,
    r#"{__meta_dynamodb_job="node"}"#,
    r#"{__meta_dynamodb_job=~"n.*",__meta_dynamodb_group!="web"}"#,
    r#"{__meta_dynamodb_group="forged"}"#,
    "{env='prod'}",
    "{env=`prod`}",
    "{v=~`\\d+`}",
    "{v=`\\`}",
    "{v='\\\\'}",
    r#"{v="\""}"#,
    r"{v='\''}",
    r#"{v="\n"}"#,
    r#"{v="\u00e9"}"#,
    r#"{v="\x61\142"}"#,
    r#"{v="\U0000212a"}"#,
    "{v=`a\nb`}",
    "{env=\"prod\",}",
    "{ env = \"prod\" # \" '\n , region != \"us\" }\r\n",
    "#\n{env=\"prod\"}#",
    "{}",
    "{,}",
    "{env=\"\"}",
    "{env!=\"prod\"}",
    "{env=~\".*\"}",
    "{env!~\".+\"}",
    "",
    " ",
    "{env=\"prod\"",
    "{env=\"prod}",
    "{env=prod}",
    "{env=\"it\\'s\"}",
    "{env=\"\\d\"}",
    "{env=\"a\nb\"}",
    "{env=\"a\" or env=\"b\"}",
    "{env=\"prod\"}[5m]",
    "{env=\"prod\"} offset 5m",
    "{env=\"prod\"} or {env=\"test\"}",
];

/// Selectors that only Prometheus accepts: its series have names, and its strings need not be UTF-8.
const STRICTER: [&str; 7] = [
    "up",
    r#"up{env="prod"}"#,
    r#"{__name__="up"}"#,
    r#"{__name__=~".+"}"#,
    r#"{v="\xc3\xa9"}"#,
    r#"{v="\303\251"}"#,
    "{v=\"a\"# \r}",
];

/// Regular expressions with the same meaning in Prometheus and the function.
const PATTERNS: [&str; 102] = [
    "a|b",
    "a|",
    "|",
    "()",
    ".",
    ".*",
    ".+",
    "a.b",
    "(?-s).",
    "(?-s:a.b)",
    "(?-s).|(?s).",
    "[^a]",
    "[^a-z]+",
    "a$",
    "^a$",
    "^a|b$",
    r"\Aa\z",
    "(?m)a$.^b",
    "a$.^b",
    "(?m)^",
    r"\d",
    r"\d+",
    r"\D",
    r"\w+",
    r"\W",
    r"\s",
    r"\S",
    r"[[:space:]]",
    r"[[:^space:]]",
    "[[:alpha:]]+",
    "[[:punct:]]",
    "[[:word:]]+",
    "[[:cntrl:]]",
    "[[:print:]]",
    "[[:graph:]]",
    "[[:blank:]]",
    "[[:ascii:]]+",
    "[[:xdigit:]]+",
    r"[\d\-]",
    r"[^\d\s]",
    r"[\W\w]",
    r"[^\W\w]",
    r"\ba\b.*",
    r".*\Bb",
    r"a\b-\bb",
    r"\b.\b",
    r"\bé",
    "[]a]",
    "[^]a]",
    "[-a]",
    "[a-]",
    "[^-a]",
    "[a^&~.]",
    r"[\[\]\\]",
    "[à-ü]",
    "[:alpha:]",
    "a{2}",
    "a{2,}",
    "a{0,2}",
    "a{1,3}?",
    "a{0}",
    "(ab|c)+?",
    "(?U)a*",
    "(a{2}){2}",
    "(|a)+",
    "(a*)*",
    "(?:^)*a",
    "^*a$+",
    r"\x61\x{62}",
    r"\x{212a}",
    r"\t",
    r"\n",
    r"\v",
    r"a\.b",
    r"\-",
    r"\_",
    r"\[a\]",
    r"a\{2\}",
    "]",
    "}",
    r"\xe9",
    "(?P<x>a)b",
    "(?i)k",
    "(?i)s",
    "(?i)ab",
    "(?i)[k-s]+",
    "(?i)[^k]",
    r"(?i)\w",
    r"(?i)\W",
    "(?i)[[:lower:]]",
    r"(?i)[^\W_]",
    r"(?i)[\W_]",
    "(?i)[S-c]",
    r"(?i)[\x4A-\x4C]",
    "(?i)[[:^lower:]]",
    "(?i)[[:^graph:]]",
    "(?i)[[:^alpha:]S-c]",
    "(?i:a)b",
    "a(?i)b|b",
    "(a(?i)b)|A",
    "(?i)a(?-i)b",
    "é|ü",
];

/// Regular expressions that the function rejects, and that mean something else in Prometheus or are invalid there.
const REFUSED: [(&str, bool); 42] = [
    (r"\<", true),
    (r"\>", true),
    (r"\b{start}a", true),
    (r"\pL", true),
    (r"\p{Greek}", true),
    ("(?x)a b", false),
    ("(?u)a", false),
    ("(?R)a", false),
    ("[a-z&&b]", true),
    ("[a~~b]", true),
    ("[--a]", true),
    ("[+--]", true),
    ("[]-a]", true),
    ("[a-c-e]", true),
    (r"[\d-z]", true),
    ("[[a]", true),
    ("[[a]]", true),
    ("[[:foo:]]", false),
    ("a**", false),
    ("a{2}{3}", false),
    ("a{ 2}", true),
    ("a{02}", true),
    ("a{,2}", true),
    ("a{", true),
    ("a{x}", true),
    ("a{1001}", false),
    ("a{2,1}", false),
    ("(?i)é", true),
    (r"\u0061", false),
    (r"\Qa.b\E", true),
    (r"\C", false),
    (r"\12", true),
    (r"\0", true),
    (r"\1", false),
    (r"\Z", false),
    (r"\é", false),
    ("(", false),
    ("[b-a]", false),
    (r"[a-\d]", false),
    ("(?=a)", false),
    ("*", false),
    (r"\x{110000}", false),
];

#[tokio::test(flavor = "multi_thread")]
async fn selector_selects_the_same_as_in_prometheus() {
    let dynamo = Dynamo::with_table().await;
    let server = serve(service(&dynamo, cached()));
    let url = server.url();
    let web = Row::new("node", "web", &["web-1.invalid:9100", "web-2.invalid:9100", "web-22.invalid:9100"]);
    web.labels([("env", "prod"), ("region", "eu"), ("__address__", "forged")]).put(&dynamo).await;
    let db = Row::new("node", "db", &["db-1.invalid:9100", "[fd00::1]:9100"]);
    db.labels([("env", "prod"), ("__meta_dynamodb_group", "forged")]).put(&dynamo).await;
    Row::new("other", "test", &["test.invalid:1"]).labels([("env", "test"), ("region", "")]).put(&dynamo).await;
    Row::new("other", "none", &["web-1.invalid:9100"]).put(&dynamo).await;
    for (i, value) in VALUES.iter().enumerate() {
        Row::new("values", &i.to_string(), &[&format!("v-{i}.invalid")]).labels([("v", value)]).put(&dynamo).await;
    }
    let start = |kind| Poller::start_with(kind, &config_for_series(kind, &url));
    let servers: Vec<Poller> = Kind::PROMETHEUS.into_iter().filter_map(start).collect();
    if servers.is_empty() {
        return;
    }
    let everything = r#"{__address__!=""}"#;
    let whole = ours(&url, everything).unwrap();
    assert_eq!(whole.len(), 7 + VALUES.len());
    for prometheus in &servers {
        prometheus.wait("a target", || prometheus.active_targets().is_some_and(|targets| !targets.is_empty()));
        prometheus.wait("a series of each target", || theirs(prometheus, everything).as_ref() == Some(&whole));
    }
    // Returns what the function selects, and what each Prometheus selects.
    let select = |our_text: &str, their_text: &str| {
        let theirs: Vec<_> = servers.iter().map(|prometheus| theirs(prometheus, their_text)).collect();
        (ours(&url, our_text), theirs)
    };

    let mut seen = BTreeSet::new();
    for text in SELECTORS {
        let (ours, theirs) = select(text, text);
        assert!(theirs.iter().all(|theirs| *theirs == ours), "{text}: {ours:?}, but {theirs:?}");
        seen.insert(ours);
    }
    assert!(seen.len() > 15, "the test proves little: {seen:?}");
    for text in STRICTER {
        let (ours, theirs) = select(text, text);
        assert!(ours.is_none() && theirs.iter().all(Option::is_some), "{text}: {ours:?}, but {theirs:?}");
    }

    // Prometheus 3 sets the flag `s` for all expressions. The flag is explicit, because Prometheus 2 does not set it.
    let both = |pattern: &str, operator: &str| {
        let text = |pattern: &str| format!("{{__address__!=\"\",v{operator}{}}}", quoted(pattern));
        select(&text(pattern), &text(&format!("(?s:{pattern})")))
    };
    for pattern in PATTERNS {
        for operator in ["=~", "!~"] {
            let (ours, theirs) = both(pattern, operator);
            assert!(ours.is_some(), "{operator} {pattern} is refused");
            assert!(theirs.iter().all(|theirs| *theirs == ours), "{operator} {pattern}: {ours:?}, but {theirs:?}");
        }
    }
    for (pattern, taken) in REFUSED {
        let (ours, theirs) = both(pattern, "=~");
        assert!(ours.is_none() && theirs.iter().all(|theirs| theirs.is_some() == taken), "{pattern}: {theirs:?}");
    }

    // Any other accepted expression has the same meaning in all of them.
    let mut runner = TestRunner::deterministic();
    let mut compare = |random: &str, number: usize, select: &dyn Fn(&str) -> (Selected, Vec<Selected>)| {
        let random = proptest::string::string_regex(random).unwrap();
        let (mut taken, mut telling) = (0, 0);
        for _ in 0..number {
            let text = random.new_tree(&mut runner).unwrap().current();
            let (ours, theirs) = select(&text);
            if ours.is_some() {
                assert!(theirs.iter().all(|theirs| *theirs == ours), "{text:?}: {ours:?}, but {theirs:?}");
                taken += 1;
                telling += usize::from(!ours.unwrap_or_default().is_empty());
            }
        }
        assert!(taken > number / 8 && telling > number / 30, "{taken} taken, {telling} match: the test proves little");
    };
    compare(&random_pattern(), 1500, &|pattern| both(pattern, "=~"));
    compare(&random_selector(), 1500, &|text| select(text, text));
}

/// A regular expression that generates regular expressions, most of them odd.
fn random_pattern() -> String {
    let parts = [
        "[abkKsSé1_.\n-]",
        r"\\[dDsSwWbBAzntvxQEpPCZ<>{}.^_-]",
        r"[]\[^$.|?*+(){}&~:,-]",
        r"\{[0-3]?,?[0-3]?\}",
        r"\[\^?[]a-c\[&~^-]{1,4}\]",
        r"\[\[:\^?(alpha|space|word)",
        r"\(\?-?[imsU]{1,2}[:)]",
        r"(\(|\(\?:)[abks|]*\)[*+?]?",
        r"\[(a-c|\\w|\\s|-|k)+\]",
    ];
    format!("({}){{1,6}}", parts.join("|"))
}

/// A regular expression that generates selectors, many of them odd. None contains `.`, whose meaning differs between
/// versions of Prometheus.
fn random_selector() -> String {
    let part = r#"([abké|]|[abké|]|[+*?(){},=\n #-]|\\[antvx\\'"`dub01]|\\x[06ec][19]|\\[0123][04][13]|\\u00[6e][19]|\\U0000006[12])"#;
    let quoted = ['"', '\'', '`'].map(|quote| format!("{quote}{part}{{0,2}}{quote}")).join("|");
    let blank = "[ \n\t\r]{0,1}";
    let odd = "(|||||#[a\"'`}]{0,2}\n|#a\r|\u{b}|\u{a0}|\u{c})";
    let matcher = format!("{blank}(v|v|env|none|__address__){blank}(=|!=|=~|!~){blank}({quoted})");
    format!("{odd}\\{{({matcher}{blank},){{0,1}}{matcher}{odd}[,]{{0,1}}\\}}{blank}")
}

/// Selectors, and relabelling with the same meaning.
const RELABELLED: [(&[&str], &str); 14] = [
    (&[r#"{env="prod"}"#], "{source_labels: [env], regex: prod, action: keep}"),
    (&[r#"{env!="prod",__address__!=""}"#], "{source_labels: [env], regex: prod, action: drop}"),
    (&[r#"{env=~"prod|te.t"}"#], "{source_labels: [env], regex: prod|te.t, action: keep}"),
    (&[r#"{env!~"p.*",__address__!=""}"#], "{source_labels: [env], regex: p.*, action: drop}"),
    (&[r#"{env="",__address__!=""}"#], "{source_labels: [env], regex: '', action: keep}"),
    (&[r#"{env!=""}"#], "{source_labels: [env], regex: '', action: drop}"),
    (&[r"{__address__=~`web-\d\..*`}"], r"{source_labels: [__address__], regex: 'web-\d\..*', action: keep}"),
    (
        &[r"{__address__!~`\w+-\d\..*`,env!=``}"],
        r"{source_labels: [__address__, env], regex: '\w+-\d\..*;.*|.*;', action: drop}",
    ),
    (&["{env=~`(?i)PROD`}"], "{source_labels: [env], regex: '(?i)PROD', action: keep}"),
    (&["{city=\"Köln\"}"], "{source_labels: [city], regex: Köln, action: keep}"),
    (&["{city=~\"K.ln|[à-ü]+\"}"], "{source_labels: [city], regex: 'K.ln|[à-ü]+', action: keep}"),
    (&[r"{city=~`K\Wln|\w+`}"], r"{source_labels: [city], regex: 'K\Wln|\w+', action: keep}"),
    (
        &[r#"{__meta_dynamodb_group=~"[a-w].*"}"#],
        "{source_labels: [__meta_dynamodb_group], regex: '[a-w].*', action: keep}",
    ),
    (&[r#"{env="prod"}"#, r#"{city="Köln"}"#], "{source_labels: [env, city], regex: 'prod;.*|.*;Köln', action: keep}"),
];

/// A scrape config with two jobs for each case: one selects, the other relabels.
fn config_for_relabelling(kind: Kind, url: &str) -> String {
    let mut config = "global: {scrape_interval: 1h}\nscrape_configs:\n".to_owned();
    for (i, (selectors, relabelling)) in RELABELLED.iter().enumerate() {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let query = query.extend_pairs(selectors.iter().map(|text| ("match[]", text))).finish();
        let all = kind.entry(&format!("{url}/prom/node?meta=true"), "");
        let selected = kind.entry(&format!("{url}/prom/node?meta=true&{query}"), "");
        write!(
            config,
            "
  - job_name: relabelled-{i}
    http_sd_configs: [{all}]
    relabel_configs: [{relabelling}]
  - job_name: polled-{i}
    http_sd_configs: [{selected}]
"
        )
        .unwrap();
    }
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn selector_selects_the_same_as_relabelling() {
    let dynamo = Dynamo::with_table().await;
    let server = serve(service(&dynamo, cached()));
    let url = server.url();
    for (i, env) in ["prod", "test", "test", "PROD", ""].into_iter().enumerate() {
        for (city, name) in [("Köln", "web"), ("öüà", "Web"), ("Kln", "x"), ("", "ü")] {
            let group = format!("{name}-{i}");
            let targets =
                [format!("web-{i}.{name}.invalid:9100"), format!("{name}-{i}{i}.invalid:1"), format!("[::{i}]:1")];
            let row = Row::new("node", &group, &targets.each_ref().map(String::as_str));
            row.labels([("env", env), ("city", city), ("group", &group)]).put(&dynamo).await;
        }
    }
    for poller in Poller::start_all_with(|kind| config_for_relabelling(kind, &url)) {
        // Waits until no change is pending and no list is empty.
        let same = || {
            let active = poller.targets_by_job()?;
            let of = |way: &str, i: usize| active.get(&format!("{way}-{i}")).filter(|targets| !targets.is_empty());
            (0..RELABELLED.len())
                .all(|i| of("polled", i).is_some() && of("polled", i) == of("relabelled", i))
                .then_some(active)
        };
        poller.wait("the same targets in both ways", || same().is_some());
        let active = same().unwrap();
        for (i, (selectors, _)) in RELABELLED.iter().enumerate() {
            let number = active[&format!("polled-{i}")].len();
            assert!(number < 60, "{selectors:?} selects all {number}: the test proves nothing");
        }
        assert_eq!(poller.failed_polls(), [""; 0]);
    }
}
