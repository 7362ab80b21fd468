//! Random tables: each row is served as stored, or is an error that names the fault.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Debug,
    ops::Range,
};

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use http::header;
use http_sd_lambda::{
    group::{Job, LabelNames, excerpt},
    http::{Access, OnInvalid, Service, Settings},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::{
    collection::{btree_map, btree_set, hash_map, vec},
    option,
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, TestCaseError, TestRunner},
};
use test_support::{
    Ask, Dynamo, Row,
    ask::{Answer, service},
    fault::FaultyDynamo,
    prometheus::{self, Group},
    row::put_all,
};
use tokio::runtime::Runtime;

/// Tests random values, each over empty tables. The number of values is the default of proptest divided by `one_in`.
fn try_all<T: Debug>(
    one_in: u32,
    values: impl Strategy<Value = T>,
    dynamos: &[&Dynamo],
    runtime: &Runtime,
    test: impl AsyncFn(T) -> Result<(), TestCaseError>,
) {
    let config = Config { failure_persistence: None, ..Config::default() };
    let config = Config { cases: config.cases / one_in, ..config };
    let tried = TestRunner::new(config).run(&values, |value| {
        runtime.block_on(async {
            let result = test(value).await;
            for dynamo in dynamos {
                for (job, group) in dynamo.rows().await.into_keys() {
                    dynamo.delete(&job, &group).await;
                }
            }
            result
        })
    });
    tried.unwrap_or_else(|error| panic!("{error}"));
}

fn runtime() -> Runtime {
    Runtime::new().unwrap()
}

/// Random text of a length within a range. Some characters have a meaning in labels or targets.
fn chars(length: Range<usize>) -> impl Strategy<Value = String> {
    let odd = select(vec![
        '\0', '\t', '\n', ' ', '"', '%', ',', '/', '\\', '\u{7f}', '\u{85}', '\u{a0}', '\u{2028}', '\u{feff}',
    ]);
    vec(prop_oneof![4 => any::<char>(), 1 => odd], length).prop_map(String::from_iter)
}

/// Short and long texts, plain ones and others.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{1,3}",
        4 => chars(0..12),
        1 => Just(String::new()),
        1 => (chars(1..3), 1000..9000_usize).prop_map(|(text, times)| text.repeat(times)),
    ]
}

/// Parts of a key: not empty, and within DynamoDB's limit.
fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]", chars(1..20), chars(1..2).prop_map(|text| text.repeat(1024 / text.len()))]
}

fn number() -> impl Strategy<Value = String> {
    let odd = ["0.5", "1764000000.25", "99999999999999999999", "-1E+30", "1E-7", "1e125"];
    prop_oneof![any::<i64>().prop_map(|number| number.to_string()), select(odd.to_vec()).prop_map(str::to_owned)]
}

/// Any attribute that DynamoDB can store.
fn attribute() -> impl Strategy<Value = AttributeValue> {
    let binary = || vec(any::<u8>(), 0..20);
    let leaf = prop_oneof![
        text().prop_map(AttributeValue::S),
        number().prop_map(AttributeValue::N),
        any::<bool>().prop_map(AttributeValue::Bool),
        Just(AttributeValue::Null(true)),
        binary().prop_map(|bytes| AttributeValue::B(Blob::new(bytes))),
        btree_set(text().prop_filter("sets have no empty texts", |text| !text.is_empty()), 1..4)
            .prop_map(|set| AttributeValue::Ss(Vec::from_iter(set))),
        btree_set(any::<i64>(), 1..4).prop_map(|set| AttributeValue::Ns(set.iter().map(ToString::to_string).collect())),
        btree_set(binary().prop_filter("likewise", |bytes| !bytes.is_empty()), 1..4)
            .prop_map(|set| AttributeValue::Bs(set.into_iter().map(Blob::new).collect())),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(AttributeValue::L),
            hash_map("[a-z]{1,3}", inner, 0..4).prop_map(AttributeValue::M),
        ]
    })
}

/// Mostly a valid attribute, sometimes any attribute, sometimes none.
fn field(right: impl Strategy<Value = AttributeValue>) -> impl Strategy<Value = Option<AttributeValue>> {
    option::weighted(0.9, prop_oneof![6 => right, 1 => attribute()])
}

/// Mostly a string, sometimes any attribute.
fn string() -> impl Strategy<Value = AttributeValue> {
    prop_oneof![12 => target().prop_map(AttributeValue::S), 1 => text().prop_map(AttributeValue::S), 1 => attribute()]
}

/// The attributes of a row, without its key.
fn fields() -> impl Strategy<Value = HashMap<String, AttributeValue>> {
    let targets = prop_oneof![
        vec(string(), 0..4).prop_map(AttributeValue::L),
        btree_set(target(), 1..4).prop_map(|set| AttributeValue::Ss(Vec::from_iter(set))),
    ];
    let name = || prop_oneof![8 => "[a-zA-Z_][a-z0-9_]{0,3}", 1 => chars(1..4)];
    let labels = hash_map(name(), string(), 0..4).prop_map(AttributeValue::M);
    let time = || number().prop_map(AttributeValue::N);
    let ours = [
        ("targets", field(targets).boxed()),
        ("labels", field(labels).boxed()),
        ("expires_at", option::weighted(0.2, prop_oneof![time(), attribute()]).boxed()),
        ("delete_at", option::weighted(0.2, prop_oneof![time(), attribute()]).boxed()),
    ]
    .map(|(name, value)| value.prop_map(move |value| Some((name.to_owned(), value?))));
    let others = hash_map("[A-Z][a-z]{0,3}", attribute(), 0..3);
    (ours, others).prop_map(|(ours, others)| ours.into_iter().flatten().chain(others).collect())
}

/// Reads a row as the data model says it, independently of the function: a group, `None` if expired, or an error.
fn by_the_contract(row: &HashMap<String, AttributeValue>) -> Result<Option<Group>, ()> {
    let string = |value: &AttributeValue| value.as_s().cloned().map_err(|_| ());
    for name in ["expires_at", "delete_at"] {
        if let Some(time) = row.get(name) {
            time.as_n().map_err(|_| ())?.parse::<i64>().map_err(|_| ())?;
        }
    }
    let has_ended =
        |name| row.get(name).is_some_and(|time| time.as_n().unwrap().parse::<i64>().unwrap() < i64::from(i32::MAX));
    if has_ended("expires_at") || has_ended("delete_at") {
        return Ok(None);
    }
    let targets: Vec<String> = match row.get("targets") {
        Some(AttributeValue::L(list)) => list.iter().map(string).collect::<Result<_, _>>()?,
        Some(AttributeValue::Ss(set)) => set.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect(),
        _ => return Err(()),
    };
    if targets.iter().any(|target| !is_target(target)) {
        return Err(());
    }
    let labels: BTreeMap<String, String> = match row.get("labels") {
        None => BTreeMap::new(),
        Some(AttributeValue::M(map)) => {
            map.iter().map(|(name, value)| Ok((name.clone(), string(value)?))).collect::<Result<_, ()>>()?
        }
        Some(_) => return Err(()),
    };
    let is_name = |name: &String| {
        let is_first = |c: char| c == '_' || c.is_ascii_alphabetic();
        name.starts_with(is_first) && name.chars().all(|c| is_first(c) || c.is_ascii_digit())
    };
    if labels.keys().all(is_name) { Ok(Some(Group { targets, labels })) } else { Err(()) }
}

fn is_target(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn target() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,2}:[0-9]{2}", chars(1..12).prop_filter("no blanks", |text| is_target(text))]
}

#[test]
fn every_row_is_served_or_a_named_error() {
    let runtime = runtime();
    let dynamo = runtime.block_on(Dynamo::with_table());
    let failing = service(&dynamo, Settings::default());
    let skipping = service(&dynamo, Settings { on_invalid: OnInvalid::Skip, ..Settings::default() });
    try_all(1, (key(), key(), fields()), &[&dynamo], &runtime, async |(job, group, fields)| {
        fields
            .iter()
            .fold(Row::key(&job, &group), |row, (name, value)| row.with(name, value.clone()))
            .put(&dynamo)
            .await;
        let expected = by_the_contract(&fields);
        for path in ["/prom".to_owned()].into_iter().chain(path_of(&job)) {
            let (answer, skipped) = (Ask::get(&path).of(&failing).await, Ask::get(&path).of(&skipping).await);
            if let Ok(group) = &expected {
                let group = Vec::from_iter(group.clone());
                prop_assert_eq!(&answer.groups(), &group);
                prop_assert_eq!(&skipped.groups(), &group);
                continue;
            }
            let (status, code, message) = answer.error();
            prop_assert_eq!((status, code.as_str()), (500, "invalid_group"));
            let named = format!("group {} of job {}: ", excerpt(&group), excerpt(&job));
            let fault = message.strip_prefix(&named);
            prop_assert!(fault.is_some(), "{} does not name {}", message, named);
            let field = fault.unwrap().split(['[', ' ']).next().unwrap();
            prop_assert!(["targets", "labels", "expires_at", "delete_at"].contains(&field), "{}", message);
            prop_assert!(!message.contains(char::is_control) && message.len() < 2000, "{}", message);
            prop_assert_eq!(skipped.text(), "[]");
        }
        Ok(())
    });
}

/// Returns the path of a job, or `None` if the job does not fit into a path.
fn path_of(job: &str) -> Option<String> {
    let fits = Job::new(job).is_ok_and(|job| job.fits_a_url());
    fits.then(|| format!("/prom/{}", utf8_percent_encode(job, NON_ALPHANUMERIC)))
}

/// Valid groups by job and name. The flag says whether the targets are stored as a set.
type Table = BTreeMap<(String, String), (Group, bool)>;

fn tables(names: LabelNames) -> impl Strategy<Value = Table> {
    let name = match names {
        LabelNames::Legacy => "[a-zA-Z_][a-zA-Z0-9_]{0,4}".boxed(),
        LabelNames::Utf8 => chars(1..5).boxed(),
    };
    let targets = prop_oneof![
        (vec(target(), 0..4), Just(false)),
        (btree_set(target(), 1..4).prop_map(Vec::from_iter), Just(true)),
    ];
    let group = (targets, btree_map(name, text(), 0..4));
    let group = group.prop_map(|((targets, is_set), labels)| (Group { targets, labels }, is_set));
    btree_map((key(), key()), group, 0..10)
}

/// Returns the groups of a table, or of one job, in the order in which the function serves them.
fn groups(table: &Table, job: Option<&str>) -> Vec<Group> {
    let of_job = table.iter().filter(|((of, _), _)| job.is_none_or(|job| job == of));
    of_job.map(|(_, (group, _))| group.clone()).collect()
}

/// Returns the rows of a table, optionally with the elements of each set reversed.
fn rows(table: &Table, turned: bool) -> Vec<Row> {
    let s = |text: &String| AttributeValue::S(text.clone());
    let row = |((job, name), (group, is_set)): (&(String, String), &(Group, bool))| {
        let targets = if *is_set {
            let mut set = group.targets.clone();
            if turned {
                set.reverse();
            }
            AttributeValue::Ss(set)
        } else {
            AttributeValue::L(group.targets.iter().map(s).collect())
        };
        let labels = group.labels.iter().map(|(name, value)| (name.clone(), s(value))).collect();
        Row::key(job, name).with("targets", targets).with("labels", AttributeValue::M(labels))
    };
    table.iter().map(row).collect()
}

fn settings(label_names: LabelNames) -> Settings {
    Settings { label_names, ..Settings::default() }
}

#[test]
fn valid_groups_are_served_unchanged() {
    let runtime = runtime();
    let dynamo = runtime.block_on(Dynamo::with_table());
    for names in [LabelNames::Legacy, LabelNames::Utf8] {
        let service = service(&dynamo, settings(names));
        let read = if names == LabelNames::Legacy { prometheus::read } else { prometheus::read_utf8 };
        try_all(4, tables(names), &[&dynamo], &runtime, async |table| {
            put_all(&dynamo, rows(&table, true)).await;
            let jobs: BTreeSet<&str> = table.keys().map(|(job, _)| job.as_str()).collect();
            let paths = jobs.iter().filter_map(|&job| Some((path_of(job)?, Some(job))));
            for (path, job) in paths.chain([("/prom".to_owned(), None)]) {
                let answer = Ask::get(&path).of(&service).await;
                prop_assert_eq!(answer.status(), 200);
                prop_assert_eq!(read(answer.0.body()), Ok(groups(&table, job)), "{}", path);
            }
            Ok(())
        });
    }
}

/// A change of a table.
#[derive(Debug, Clone)]
enum Change {
    Remove,
    AddTarget,
    Reverse,
    AddLabel(String),
    SetLabel(String),
}

impl Change {
    /// Returns the changed table, and the key of the changed row.
    fn of(&self, table: &Table, at: Index) -> (Table, (String, String)) {
        let mut table = table.clone();
        let key = table.keys().nth(at.index(table.len())).unwrap().clone();
        let (group, is_set) = table.get_mut(&key).unwrap();
        match self {
            Self::Remove => drop(table.remove(&key)),
            Self::AddTarget => group.targets.push("~~~".into()),
            Self::Reverse if !*is_set => group.targets.reverse(),
            Self::Reverse => {}
            Self::AddLabel(value) => drop(group.labels.insert("added_label".into(), value.clone())),
            Self::SetLabel(value) => {
                if let Some(mut first) = group.labels.first_entry() {
                    first.insert(value.clone());
                }
            }
        }
        (table, key)
    }
}

fn etag(answer: &Answer) -> Option<&str> {
    answer.header(header::ETAG)
}

#[test]
fn body_and_etag_depend_only_on_content() {
    let runtime = runtime();
    let (dynamo, other) = runtime.block_on(async { (Dynamo::with_table().await, Dynamo::with_table().await) });
    let pages = [1, 2, 7].map(|rows| FaultyDynamo::with_pages_of(rows, &other));
    let at = |table| Service::new(table, Access::Open, Settings::default());
    let (service, others) = (at(dynamo.table()), [&pages[0], &pages[1], &pages[2]].map(|pages| at(pages.table())));
    let shuffled = tables(LabelNames::Legacy)
        .prop_filter("a change is of a row", |table| !table.is_empty())
        .prop_flat_map(|table| (Just(table.clone()), Just((0..table.len()).collect::<Vec<_>>()).prop_shuffle()));
    let change = prop_oneof![
        Just(Change::Remove),
        Just(Change::AddTarget),
        Just(Change::Reverse),
        text().prop_map(Change::AddLabel),
        text().prop_map(Change::SetLabel),
    ];
    let values = (shuffled, 0..others.len(), change, any::<Index>());
    try_all(4, values, &[&dynamo, &other], &runtime, async |((table, order), pages, change, at)| {
        put_all(&dynamo, rows(&table, false)).await;
        for i in order {
            rows(&table, true).swap_remove(i).put(&other).await;
        }
        let (changed, (job, name)) = change.of(&table, at);
        let paths: Vec<String> = ["/prom".to_owned()].into_iter().chain(path_of(&job)).collect();
        let mut before = Vec::new();
        for path in &paths {
            let answer = Ask::get(path).of(&service).await;
            let same = Ask::get(path).of(&others[pages]).await;
            prop_assert_eq!((same.text(), etag(&same)), (answer.text(), etag(&answer)), "{}", path);
            before.push(answer);
        }
        dynamo.delete(&job, &name).await;
        put_all(&dynamo, rows(&changed, false)).await;
        let is_same = groups(&changed, None) == groups(&table, None);
        for (path, before) in paths.iter().zip(&before) {
            let after = Ask::get(path).of(&service).await;
            prop_assert_eq!(after.text() == before.text(), is_same, "{}", path);
            prop_assert_eq!(etag(&after) == etag(before), is_same, "{}", path);
        }
        Ok(())
    });
}
