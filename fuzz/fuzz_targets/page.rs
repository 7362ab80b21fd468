//! The bytes of DynamoDB's response → page → rows → groups. Each row is a valid group, expired, or an error that names
//! its fault. `sdctl`, which reads rows in another way, agrees. Prometheus accepts the response for the page, for any
//! query.
#![no_main]

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use http_sd_lambda::{
    answer::{Limits, OnInvalid, Rules, Selection, answer},
    group::{
        EpochSeconds, InvalidGroup, LAPSED, LabelNames, META_GROUP, META_JOB, META_LEASE, Selectors, Shard,
        TargetGroup, excerpt,
    },
    metrics::{Format, Metrics},
    page,
    table::{Detail, Page, ReadError, Row, RowRules, Snapshot, TableError},
};
use http_sd_lambda_fuzz::{LABEL_NAMES, check_group, check_line, prometheus};
use libfuzzer_sys::fuzz_target;
use sdctl::store::{Record, State, split};
use serde_json::Value;

const NOW: EpochSeconds = EpochSeconds(1_764_000_000);
/// The attributes of a row that the data model defines.
const ATTRIBUTES: [&str; 8] =
    ["job", "group", "targets", "labels", "expires_at", "delete_at", "managed_by", "updated_at"];

fuzz_target!(|bytes: &[u8]| {
    let page = Page::new(bytes.to_vec());
    let content = match page.content() {
        Ok(content) => content,
        Err(error) => {
            assert!(matches!(error, TableError::Unavailable(_)), "{error:?}");
            return check_line(&error.to_string());
        }
    };
    for names in LABEL_NAMES {
        content.rows.iter().for_each(|row| check_row(row, names));
        check_answers(&page, content.rows.len(), names);
    }
    // Other JSON readers reject some numbers.
    let Ok(json) = serde_json::from_slice::<Value>(bytes) else { return };
    let items = json["Items"].as_array().unwrap();
    assert_eq!(items.len(), content.rows.len(), "rows are missing");
    assert_eq!(json["LastEvaluatedKey"].is_null(), content.next.is_none());
    // Without duplicate keys, of which a reader may use either.
    let page = Page::new(serde_json::to_vec(&json).unwrap());
    for (row, item) in page.content().unwrap().rows.iter().zip(items) {
        let Some(attributes) = attributes(item) else { continue };
        for names in LABEL_NAMES {
            check_record(row, attributes.clone(), names);
        }
    }
});

/// Checks that a row is served, expired or a named error.
fn check_row(row: &Row<'_>, names: LabelNames) {
    match row.stored(names) {
        Ok(stored) => {
            assert_eq!(row.lease_alone(), stored.lease);
            let group = TargetGroup::from(stored.group.clone());
            assert_eq!(serde_json::to_vec(&stored.group).unwrap(), serde_json::to_vec(&group).unwrap());
            check_group(&group, names);
            for lapsed in [false, true] {
                let mut meta = stored.clone();
                meta.add_meta_labels(lapsed);
                let label = |name| meta.group.labels.iter().find(|label| label.0 == name).map(|label| label.1);
                assert_eq!((label(META_JOB), label(META_GROUP)), (Some(stored.job), Some(stored.name)));
                assert_eq!(label(META_LEASE), lapsed.then_some(LAPSED));
                check_group(&TargetGroup::from(meta.group), names);
            }
            let Some(parts) = split(group.clone()) else { return };
            let mut targets: Vec<_> = parts.into_iter().flat_map(|part| part.targets).collect();
            let mut expected = group.targets;
            targets.sort();
            expected.sort();
            assert_eq!(targets, expected, "the parts of a group differ from the group");
        }
        Err(TableError::Invalid(invalid)) => check_invalid(&invalid),
        Err(error @ TableError::WrongKey(_)) => check_line(&error.to_string()),
        Err(error) => panic!("{error}"),
    }
}

/// Checks that Prometheus accepts every response for a page, and that the response accounts for each row.
fn check_answers(page: &Page, rows: usize, names: LabelNames) {
    let rules = RowRules { label_names: names, lease_grace: Duration::from_hours(1), detail: Detail::All };
    let snapshot = match Snapshot::of_pages(std::slice::from_ref(page), rules, NOW) {
        Ok(snapshot) => snapshot,
        Err(ReadError::Table(error @ TableError::WrongKey(_))) => return check_line(&error.to_string()),
        Err(error) => panic!("{error}"),
    };
    check_pages(&snapshot, rows);
    let rules = Rules { on_invalid: OnInvalid::Skip, lease_grace: rules.lease_grace };
    let limits = Limits { memory: usize::MAX, go_on: &|| true };
    let selectors = Selectors::parse(["{__address__=~\"[a-m].*\"}"]).unwrap();
    let all = Selection::default();
    let shard = Selection { shard: Some(Shard::new(1, 3).unwrap()), ..all.clone() };
    let selected = Selection { selectors, meta: true, ..all.clone() };
    for selection in [all, shard, selected] {
        let answer = answer(&snapshot, &selection, rules, NOW, &limits).unwrap();
        let body = answer.body.into_vec();
        let groups = match names {
            LabelNames::Legacy => prometheus::read(&body),
            LabelNames::Utf8 => prometheus::read_utf8(&body),
        };
        assert_eq!(groups.unwrap().len(), answer.report.groups);
        assert_eq!(answer.report.rows, rows);
        if selection == Selection::default() {
            assert_eq!(answer.report.groups + answer.report.lapsed + answer.report.skipped.count(), rows);
        }
    }
}

/// Checks that pages contain no element of their own texts, and that metrics account for each row.
fn check_pages(snapshot: &Snapshot, rows: usize) {
    let lease_grace = Duration::from_hours(1);
    let on_invalid = OnInvalid::Fail;
    let (origin, root) = (None, "./");
    let context = page::Context { now: NOW, on_invalid, lease_grace, origin, root, needs_token: true, go_on: &|| true };
    let query = page::Query::default();
    let start = page::jobs(snapshot, &query, &context).unwrap();
    let jobs = snapshot.jobs.iter().map(|(job, rows)| page::job(job, rows, NOW, &query, &context).unwrap());
    for page in jobs.chain([start]) {
        assert!(page.len() < 1_000_000 && page.ends_with("</html>"), "{} bytes", page.len());
        for foreign in ["<script", "<img", "<svg", "<iframe", "<b>", "<!--"] {
            assert!(!page.contains(foreign), "{foreign}");
        }
    }
    for format in [Format::Text, Format::OpenMetrics] {
        let metrics = Metrics::of(snapshot, Duration::ZERO, lease_grace, NOW).encode(format).unwrap();
        let value = |line: &str| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap();
        let counted: usize = ["http_sd_groups{", "http_sd_invalid_groups{"]
            .iter()
            .flat_map(|name| metrics.split('\n').filter(move |line| line.starts_with(name)))
            .map(value)
            .sum();
        assert_eq!(counted, rows);
    }
}

fn check_invalid(invalid: &InvalidGroup) {
    let text = invalid.to_string();
    check_line(&text);
    assert!(text.contains(&excerpt(&invalid.job)) && text.contains(&excerpt(&invalid.group)), "{text}");
    let fields = ["targets", "labels", "expires_at", "delete_at"];
    assert!(fields.iter().any(|field| invalid.field.starts_with(field)) && text.contains(&invalid.field), "{text}");
}

/// Checks that `sdctl` reads the row in the same way.
fn check_record(row: &Row<'_>, attributes: HashMap<String, AttributeValue>, names: LabelNames) {
    let (stored, record) = (row.stored(names), Record::of(attributes, names));
    let record = match (&stored, record) {
        (Err(TableError::WrongKey(_)), Err(TableError::WrongKey(_))) => return,
        (_, Ok(record)) => record,
        (stored, record) => panic!("{stored:?}, but {record:?}"),
    };
    match (stored, &record.group) {
        (Ok(stored), Ok(group)) => {
            assert_eq!((stored.job, stored.name), (record.job.as_str(), record.name.as_str()));
            assert_eq!(stored.lease, record.lease);
            assert_eq!(&TargetGroup::from(stored.group), group);
        }
        (Err(TableError::Invalid(served)), Err(invalid)) => {
            assert_eq!((&served.job, &served.group), (&invalid.job, &invalid.group));
            // With several invalid labels, the error may name any of them.
            let is_label = |invalid: &InvalidGroup| invalid.field.starts_with("labels[");
            assert!(&served == invalid || is_label(&served) && is_label(invalid), "{served}, but {invalid}");
        }
        (stored, group) => panic!("{stored:?}, but {group:?}"),
    }
    let is_lapsed = row.lease_alone().lapsed(NOW);
    assert_eq!(is_lapsed, record.state(NOW) == State::Lapsed);
}

/// Returns a row as the SDK represents it, or `None` for types that the SDK does not support.
fn attributes(row: &Value) -> Option<HashMap<String, AttributeValue>> {
    let ours = row.as_object()?.iter().filter(|(name, _)| ATTRIBUTES.contains(&name.as_str()));
    // Both treat `null` as absent.
    let there = ours.filter(|(_, value)| !value.is_null());
    there.map(|(name, value)| Some((name.clone(), attribute(value)?))).collect()
}

fn attribute(value: &Value) -> Option<AttributeValue> {
    let mut fields = value.as_object()?.iter();
    let (Some((name, value)), None) = (fields.next(), fields.next()) else { return None };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Some(match name.as_str() {
        "S" => AttributeValue::S(text(value)?),
        "N" => AttributeValue::N(text(value)?),
        "L" => AttributeValue::L(value.as_array()?.iter().map(attribute).collect::<Option<_>>()?),
        "M" => {
            let pairs = value.as_object()?.iter();
            AttributeValue::M(
                pairs.map(|(name, value)| Some((name.clone(), attribute(value)?))).collect::<Option<_>>()?,
            )
        }
        "SS" => AttributeValue::Ss(value.as_array()?.iter().map(text).collect::<Option<_>>()?),
        "NS" => AttributeValue::Ns(vec!["1".into()]),
        "B" => AttributeValue::B(Blob::new([0])),
        "BS" => AttributeValue::Bs(vec![Blob::new([0])]),
        "BOOL" => AttributeValue::Bool(true),
        "NULL" => AttributeValue::Null(true),
        _ => return None,
    })
}
