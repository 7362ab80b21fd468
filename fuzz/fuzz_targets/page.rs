//! The bytes of DynamoDB's answer → page → rows → groups. Each row is a valid group, lapsed, or an error that names what is
//! wrong; and what the function makes of it is what `sdctl` makes of it, which reads rows in another way.
#![no_main]

use std::collections::HashMap;

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use http_sd_lambda::{
    group::{EpochSeconds, InvalidGroup, LAPSED, LabelNames, META_GROUP, META_JOB, META_LEASE, TargetGroup, excerpt},
    table::{Page, Reading, Row, TableError},
};
use http_sd_lambda_fuzz::{LABEL_NAMES, check_group, check_line};
use libfuzzer_sys::fuzz_target;
use sdctl::store::{Record, State, split};
use serde_json::Value;

const NOW: EpochSeconds = EpochSeconds(1_764_000_000);
/// Those of a row's attributes that mean something.
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
    for row in &content.rows {
        for names in LABEL_NAMES {
            check_row(row, names);
        }
    }
    // Not where there is a number in it that no reader of JSON takes for one.
    let Ok(json) = serde_json::from_slice::<Value>(bytes) else { return };
    let items = json["Items"].as_array().unwrap();
    assert_eq!(items.len(), content.rows.len(), "a short list");
    assert_eq!(json["LastEvaluatedKey"].is_null(), content.next.is_none());
    // Without what is there twice, of which either reader may take the one or the other.
    let page = Page::new(serde_json::to_vec(&json).unwrap());
    for (row, item) in page.content().unwrap().rows.iter().zip(items) {
        let Some(attributes) = attributes(item) else { continue };
        for names in LABEL_NAMES {
            check_record(row, attributes.clone(), names);
        }
    }
});

/// Makes sure that a row is served, lapsed or a named error.
fn check_row(row: &Row<'_>, names: LabelNames) {
    match row.read(names, NOW) {
        Ok(Reading::Served(stored)) => {
            assert!(!stored.lease.lapsed(NOW));
            assert_eq!(Ok(&stored), row.stored(names).as_ref());
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
            assert_eq!(targets, expected, "parts of a group are not the group");
        }
        Ok(Reading::Lapsed(job, lease)) => {
            assert!(lease.lapsed(NOW) && !job.is_empty());
            assert_eq!(row.lease_alone(), lease);
        }
        Err(TableError::Invalid(invalid)) => check_invalid(&invalid),
        Err(error @ TableError::WrongKey(_)) => {
            check_line(&error.to_string());
            assert_eq!(Err(error), row.stored(names));
        }
        Err(error) => panic!("{error}"),
    }
}

fn check_invalid(invalid: &InvalidGroup) {
    let text = invalid.to_string();
    check_line(&text);
    assert!(text.contains(&excerpt(&invalid.job)) && text.contains(&excerpt(&invalid.group)), "{text}");
    let fields = ["targets", "labels", "expires_at", "delete_at"];
    assert!(fields.iter().any(|field| invalid.field.starts_with(field)) && text.contains(&invalid.field), "{text}");
}

/// Makes sure that `sdctl` takes the row for the same.
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
            // Of several labels that are wrong, any may be named.
            let is_label = |invalid: &InvalidGroup| invalid.field.starts_with("labels[");
            assert!(&served == invalid || is_label(&served) && is_label(invalid), "{served}, but {invalid}");
        }
        (stored, group) => panic!("{stored:?}, but {group:?}"),
    }
    match (row.read(names, NOW), record.state(NOW)) {
        (Ok(Reading::Served(_)), State::Served(_))
        | (Ok(Reading::Lapsed(..)), State::Lapsed)
        | (Err(TableError::Invalid(_)), State::Invalid(_)) => {}
        (read, state) => panic!("{read:?}, but {state:?}"),
    }
}

/// A row as the SDK has it. `None` for what it has no type for, and for what it would not take.
fn attributes(row: &Value) -> Option<HashMap<String, AttributeValue>> {
    let ours = row.as_object()?.iter().filter(|(name, _)| ATTRIBUTES.contains(&name.as_str()));
    // `null` is nothing to either.
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
