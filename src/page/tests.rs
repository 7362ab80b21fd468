//! Tests of whole pages, without a table.

use std::time::Duration;

use html5gum::{Token, Tokenizer};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    group::{Job, LabelNames, Selectors},
    table::{Detail, Page, RowRules, Snapshot},
};

const NOW: EpochSeconds = EpochSeconds(1_800_000_000);

fn snapshot(rows: &[Value]) -> Snapshot {
    let page = Page::new(serde_json::to_vec(&json!({ "Items": rows })).unwrap());
    let rules = RowRules { label_names: LabelNames::Utf8, lease_grace: Duration::from_hours(1), detail: Detail::All };
    Snapshot::of_pages(&[page], rules, NOW).unwrap()
}

fn row(job: &str, group: &str, targets: &[&str]) -> Value {
    let targets: Vec<Value> = targets.iter().map(|target| json!({ "S": target })).collect();
    json!({ "job": { "S": job }, "group": { "S": group }, "targets": { "L": targets } })
}

fn with(mut row: Value, more: &Value) -> Value {
    row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    row
}

fn context(go_on: &dyn Fn() -> bool) -> Context<'_> {
    Context {
        now: NOW,
        on_invalid: OnInvalid::Fail,
        lease_grace: Duration::from_hours(1),
        origin: Some("https://host".into()),
        root: "../",
        needs_token: true,
        go_on,
    }
}

/// Returns the page of the only job.
fn job_page(snapshot: &Snapshot, query: &Query) -> String {
    let (name, rows) = snapshot.jobs.first_key_value().unwrap();
    job(name, rows, NOW, query, &context(&|| true)).unwrap()
}

/// Returns the tags of a page with the names of their attributes, and the values of those that the page chooses.
fn tags(html: &str) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let tag = |token: Token| match token {
        Token::StartTag(tag) => {
            let attribute = |(name, value): (&html5gum::HtmlString, &html5gum::Spanned<html5gum::HtmlString, ()>)| {
                let name = text(name);
                let is_text = ["href", "value", "datetime", "action"].contains(&&*name);
                if is_text { name } else { format!("{name}={}", text(value)) }
            };
            let attributes: Vec<String> = tag.attributes.iter().map(attribute).collect();
            Some(format!("{} {}", text(&tag.name), attributes.join(" ")))
        }
        Token::EndTag(tag) => Some(format!("/{}", text(&tag.name))),
        Token::Comment(_) => Some("comment".into()),
        Token::Doctype(_) => Some("doctype".into()),
        Token::String(_) => None,
        // A field of the form repeats the query as it is.
        Token::Error(error) if error.value.as_str().contains("character") => None,
        Token::Error(error) => panic!("{error:?}"),
    };
    Tokenizer::new(html).filter_map(|token| tag(token.unwrap())).collect()
}

/// Returns the first tag that differs between two pages.
fn difference(a: &str, b: &str) -> Option<(String, String)> {
    let (a, b) = (tags(a), tags(b));
    let longest = a.len().max(b.len());
    let tag = |tags: &[String], i: usize| tags.get(i).cloned().unwrap_or_default();
    (0..longest).map(|i| (tag(&a, i), tag(&b, i))).find(|(a, b)| a != b)
}

/// Rows of each kind in one job. Every text of the table ends with a foreign text.
fn rows_of_each_kind(texts: &[String]) -> Vec<Value> {
    let text = |number: usize, before: &str| format!("{before}{}", texts[number % texts.len()]);
    let plain = |text: String| -> String {
        text.chars().filter(|c| !c.is_control() && !c.is_whitespace() && !"/\\".contains(*c)).collect()
    };
    let job = plain(text(0, "j"));
    let labels =
        json!({ "labels": { "M": { text(1, "a"): { "S": text(2, "") }, text(3, "b"): { "S": text(4, "") } } } });
    let owned = |owner: &str, number| json!({ owner: { "S": text(number, "o") }, "updated_at": { "N": "1799999000" } });
    let lease = |end: i64| json!({ "expires_at": { "N": end.to_string() } });
    let target = [plain(text(5, "t")), plain(text(6, "u"))];
    let valid = |name: &str| with(row(&job, &text(7, name), &[&target[0], &target[1]]), &labels);
    vec![
        with(valid("1"), &owned("managed_by", 8)),
        with(with(valid("2"), &owned("registered_by", 9)), &lease(NOW.0 + 40)),
        with(valid("3"), &lease(NOW.0 - 10)),
        with(valid("4"), &lease(NOW.0 - 10)),
        with(valid("5"), &lease(NOW.0 - 10)),
        with(valid("6"), &lease(NOW.0 - 9000)),
        with(row(&job, &text(10, "7"), &[]), &json!({ "labels": { "M": { text(11, "l"): { "N": "1" } } } })),
        with(row(&job, &text(12, "8"), &[&format!("a b{}", text(13, ""))]), &owned("managed_by", 14)),
        with(with(row(&job, &text(15, "9"), &[]), &lease(NOW.0 - 9000)), &json!({ "labels": { "S": "" } })),
    ]
}

/// Texts that break out of the markup of careless pages, and any others.
fn hostile() -> impl Strategy<Value = String> {
    let attack = proptest::sample::select(vec![
        "<script>alert(1)</script>",
        "</style><img src=x onerror=alert(1)>",
        "\"><svg/onload=alert(1)>",
        "' autofocus onfocus=alert(1) x='",
        "--><!--",
        "]]></title><h1>",
        "&lt;b&gt;&#x3c;&amp",
        "javascript:alert(1)",
        "\u{202e}\u{2066}\0\u{7f}\u{feff}",
        "{{7*7}}${7*7}",
        "</bdi></td></tr></table>",
    ]);
    prop_oneof![attack.prop_map(str::to_owned), any::<String>(), ".{150,240}"]
}

proptest! {
    /// The elements of a page do not depend on the texts in the table.
    #[test]
    fn hostile_texts_add_no_element(texts in proptest::collection::vec(hostile(), 1..16)) {
        let (hostile, plain) = (snapshot(&rows_of_each_kind(&texts)), snapshot(&rows_of_each_kind(&["x".into()])));
        let query = Query::default();
        prop_assert_eq!(difference(&job_page(&hostile, &query), &job_page(&plain, &query)), None);
        let start = |snapshot| jobs(snapshot, &query, &context(&|| true)).unwrap();
        prop_assert_eq!(difference(&start(&hostile), &start(&plain)), None);
    }

    /// The elements of a page do not depend on the texts in the query.
    #[test]
    fn hostile_queries_add_no_element(text in hostile(), from in hostile()) {
        let snapshot = snapshot(&rows_of_each_kind(&["x".into()]));
        let query = |text: &str, from: &str| Query {
            text: format!("no row has this {text}"),
            from: Some(from.into()),
            matches: vec![text.into()],
            ..Query::default()
        };
        let (hostile, plain) = (query(&text, &from), query("x", "x"));
        prop_assert_eq!(difference(&job_page(&snapshot, &hostile), &job_page(&snapshot, &plain)), None);
        let start = |query| jobs(&snapshot, query, &context(&|| true)).unwrap();
        prop_assert_eq!(difference(&start(&hostile), &start(&plain)), None);
        let page = |text: &str| error("./", 400, "bad_request", text, text);
        prop_assert_eq!(difference(&page(&format!("a{text}")), &page("x")), None);
    }
}

#[test]
fn links_lead_through_all_groups_once() {
    let names: Vec<String> = (0..450).map(|i| format!("g&{i:03}")).collect();
    let rows: Vec<Value> = names.iter().map(|name| row("j", name, &["a:1"])).collect();
    let snapshot = snapshot(&rows);
    let (mut query, mut seen, mut pages) = (Query::default(), Vec::new(), 0);
    loop {
        let page = job_page(&snapshot, &query);
        let groups = page.split("<th role=\"rowheader\" scope=\"row\"><bdi>").skip(1);
        seen.extend(groups.map(|rest| rest.split("</bdi>").next().unwrap().replace("&amp;", "&")));
        pages += 1;
        let next = page.split("<a rel=\"next\" href=\"../jobs/j?from=").nth(1);
        let Some(next) = next.and_then(|rest| rest.split('"').next()) else { break };
        query.from =
            form_urlencoded::parse(format!("from={next}").as_bytes()).next().map(|(_, from)| from.into_owned());
    }
    assert_eq!((pages, seen), (3, names));
}

#[test]
fn page_of_any_job_is_under_one_megabyte() {
    // The texts of the largest rows, in the characters that need the most bytes on a page.
    let long = |c: char| c.to_string().repeat(1000);
    let labels: serde_json::Map<String, Value> =
        (10..24).map(|i| (format!("{i}{}", long('\u{e0001}')), json!({ "S": long('\u{202e}') }))).collect();
    let rows: Vec<Value> = (0..60)
        .map(|i| {
            let targets = vec![long('"'); 7];
            let row = row(
                "j",
                &format!("{i:03}{}", "\u{1}".repeat(1000)),
                &targets.iter().map(String::as_str).collect::<Vec<_>>(),
            );
            with(row, &json!({ "labels": { "M": labels }, "managed_by": { "S": long('\u{1}') } }))
        })
        .collect();
    let hostile = snapshot(&rows);
    let page = job_page(&hostile, &Query::default());
    assert!(page.len() < 1_000_000 && page.contains("Next page"), "{}", page.len());
    let many: Vec<Value> = (0..20_000).map(|i| row("node", &format!("host-{i:05}"), &["10.0.0.1:9100"])).collect();
    let page = job_page(&snapshot(&many), &Query::default());
    assert!(page.len() < 200_000 && page.contains("20,000"), "{}", page.len());
    let many: Vec<Value> = (0..1000).map(|i| row(&format!("{i:04}{}", "\u{1}".repeat(2000)), "g", &[])).collect();
    let page = jobs(&snapshot(&many), &Query::default(), &context(&|| true)).unwrap();
    assert!(page.len() < 1_000_000 && page.contains("Next page"), "{}", page.len());
}

#[test]
fn page_stops_at_the_deadline() {
    let snapshot = snapshot(&[row("j", "g", &["a:1"])]);
    let (name, rows) = snapshot.jobs.first_key_value().unwrap();
    let over = || false;
    assert_eq!(job(name, rows, NOW, &Query::default(), &context(&over)), Err(Stopped));
    assert_eq!(jobs(&snapshot, &Query::default(), &context(&over)), Err(Stopped));
}

/// Returns the first characters of the groups that a query shows.
fn shown_groups(snapshot: &Snapshot, query: &Query) -> String {
    let page = job_page(snapshot, query);
    page.split("scope=\"row\"><bdi>").skip(1).filter_map(|rest| rest.chars().next()).collect()
}

#[test]
fn rows_of_each_state_are_sorted_by_name() {
    let lapsed = |name| with(row("j", name, &["t:1"]), &json!({ "expires_at": { "N": "1" } }));
    let (valid, broken) = (|name| row("j", name, &["t:1"]), |name| row("j", name, &["no target"]));
    let snapshot = snapshot(&[broken("b"), lapsed("d"), valid("c"), broken("f"), valid("e"), valid("a"), lapsed("ab")]);
    let cases =
        [("", "aabcdef"), ("ab", "abcdef"), ("b", "bcdef"), ("bb", "cdef"), ("d", "def"), ("f", "f"), ("g", "")];
    for (from, groups) in cases {
        let query = Query { from: Some(from.into()), ..Query::default() };
        assert_eq!(shown_groups(&snapshot, &query), groups, "{from:?}");
    }
}

#[test]
fn filters_select_rows_by_text_state_and_selector() {
    let snapshot = snapshot(&rows_of_each_kind(&["Needle-é".into()]));
    let by_text = |text: &str| Query { text: text.into(), ..Query::default() };
    let by_state = |state| Query { state: Some(state), ..Query::default() };
    let by_selector = |text: &str| Query { selectors: Selectors::parse([text]).unwrap(), ..Query::default() };
    let cases = [
        (Query::default(), "123456789"),
        (by_text("NEEDLE-É"), "123456789"),
        (by_text("tneedle"), "123456"),
        (by_text("aneedle-é=needle-é"), "123456"),
        (by_text("oneedle"), "128"),
        (by_text("white space"), "8"),
        (by_text("nothing"), ""),
        (by_state(OneState::Active), "12"),
        (by_state(OneState::Kept), "345"),
        (by_state(OneState::Lapsed), "69"),
        (by_state(OneState::Broken), "78"),
        (by_selector("{__address__=\"tNeedle-é\"}"), "123456"),
        (by_selector("{__meta_dynamodb_lease=\"lapsed\",__address__!=\"\"}"), "345"),
        (by_selector("{__meta_dynamodb_group=~\"1.*\"}"), "1"),
        (by_selector("{__address__=\"none\"}"), ""),
    ];
    for (query, groups) in cases {
        assert_eq!(shown_groups(&snapshot, &query), groups, "{query:?}");
    }
    let one = job_page(&snapshot, &by_selector("{__address__=\"tNeedle-é\"}"));
    assert!(one.contains("tNeedle-é") && !one.contains("uNeedle-é"), "only the selected targets");
}

#[test]
fn ambiguous_job_is_polled_by_a_selector() {
    let snapshot = snapshot(&[row("a/b\"", "g", &["a:1"])]);
    let url = "https://host/prom?match%5B%5D=%7B__meta_dynamodb_job%3D%22a%2Fb%5C%22%22%7D";
    assert!(job_page(&snapshot, &Query::default()).contains(url));
    let name = Job::new("a/b\"").unwrap();
    assert!(Selectors::parse([r#"{__meta_dynamodb_job="a/b\""}"#]).unwrap().is_some() && !name.fits_a_url());
}
