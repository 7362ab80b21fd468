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
    let json: Option<Value> = serde_json::from_slice(bytes).ok();
    match Records::of(&page) {
        Ok(records) => {
            let Some(json) = &json else { return };
            let keys: Vec<_> =
                json["Records"].as_array().unwrap().iter().map(|record| &record["dynamodb"]["Keys"]).collect();
            assert_eq!(records.keys.len(), keys.len(), "records are missing");
            for ((job, group), key) in records.keys.iter().zip(keys) {
                assert_eq!(key["job"]["S"], job.as_str());
                assert_eq!(key["group"]["S"], group.as_str());
            }
            assert_eq!(json["NextShardIterator"].as_str(), records.next.as_deref());
        }
        Err(error) => check(&error),
    }
    if let Err(error) = Description::of(&page) {
        check(&error);
    }
    match page.batch() {
        Ok((content, unprocessed)) => {
            let Some(json) = &json else { return };
            let count = |value: &Value| value.as_array().unwrap().len();
            let rows: usize = json["Responses"].as_object().unwrap().values().map(count).sum();
            let keys: usize =
                json["UnprocessedKeys"].as_object().unwrap().values().map(|table| count(&table["Keys"])).sum();
            assert_eq!((content.rows.len(), unprocessed.len()), (rows, keys));
        }
        Err(error) => {
            assert!(matches!(error, TableError::Unavailable(_)), "{error:?}");
            check_line(&error.to_string());
        }
    }
});

fn check(error: &Unknown) {
    assert!(matches!(error, Unknown::Unavailable(_)), "{error:?}");
    check_line(&error.to_string());
}
