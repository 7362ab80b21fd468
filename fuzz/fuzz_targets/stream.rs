//! The bytes of a response of DynamoDB's streams → the keys of rows, or the list of shards. Each record has a key, or
//! the response is an error of one line. The response to a read by keys is parsed here, too.
#![no_main]

use http_sd_lambda::table::{Description, Page, Records, TableError, Unknown};
use http_sd_lambda_fuzz::check_line;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let page = Page::new(bytes.to_vec());
    // Other JSON readers reject some numbers.
    let json: Value = serde_json::from_slice(bytes).unwrap_or_default();
    match Records::of(&page) {
        Ok(records) => {
            check_records(&records, &json);
        }
        Err(error) => check(&error),
    }
    if let Err(error) = Description::of(&page) {
        check(&error);
    }
    match page.batch() {
        Ok((content, unprocessed)) => {
            if let Some(counts) = counts(&json) {
                assert_eq!((content.rows.len(), unprocessed.len()), counts);
            }
        }
        Err(error) => {
            assert!(matches!(error, TableError::Unavailable(_)), "{error:?}");
            check_line(&error.to_string());
        }
    }
});

/// Checks that each record names its row. Returns `None` where serde has read an array as an object.
fn check_records(records: &Records, json: &Value) -> Option<()> {
    let array = json.get("Records")?.as_array()?;
    assert_eq!(records.keys.len(), array.len(), "records are missing");
    assert_eq!(json["NextShardIterator"].as_str(), records.next.as_deref());
    for ((job, group), record) in records.keys.iter().zip(array) {
        let keys = record.get("dynamodb")?.get("Keys")?;
        assert_eq!(keys.get("job")?.get("S")?, job.as_str());
        assert_eq!(keys.get("group")?.get("S")?, group.as_str());
    }
    Some(())
}

/// Returns the numbers of rows and of unprocessed keys. Returns `None` where serde has read an array as an object.
fn counts(json: &Value) -> Option<(usize, usize)> {
    let rows = json.get("Responses")?.as_object()?.values().map(|rows| Some(rows.as_array()?.len()));
    let keys =
        json.get("UnprocessedKeys")?.as_object()?.values().map(|table| Some(table.get("Keys")?.as_array()?.len()));
    Some((rows.sum::<Option<_>>()?, keys.sum::<Option<_>>()?))
}

fn check(error: &Unknown) {
    assert!(matches!(error, Unknown::Unavailable(_)), "{error:?}");
    check_line(&error.to_string());
}
