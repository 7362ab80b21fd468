//! The table's stream tells the function each change of a row, or why it tells none.

mod engine;
mod failure;
mod random;
mod shards;

use std::collections::BTreeSet;

use http_sd_lambda::table::{Changes, Look, Unknown, stream_arn};
use test_support::{Dynamo, Row, fault::FaultyDynamo};

/// Starts to follow the stream of the table, through an endpoint that fails if the test says so.
async fn start(dynamo: &Dynamo, faulty: &FaultyDynamo) -> Result<Changes, Unknown> {
    let table = dynamo.table().description().await.unwrap();
    Changes::start(faulty.stream_client(), stream_arn(&table)?).await
}

/// Returns the rows of a look, as `job/group`, sorted.
async fn look(changes: &mut Changes) -> Result<Vec<String>, Unknown> {
    Ok(match changes.look().await? {
        Look::Nothing => Vec::new(),
        Look::Keys(keys) => {
            assert!(!keys.is_empty());
            keys.iter().flat_map(|(job, groups)| groups.iter().map(move |group| format!("{job}/{group}"))).collect()
        }
    })
}

async fn put(dynamo: &Dynamo, groups: &[&str]) {
    for group in groups {
        // A row with other targets than before, because a put that changes nothing is no change.
        let targets = format!("{:?}:1", std::time::Instant::now());
        Row::new("node", group, &[&targets]).put(dynamo).await;
    }
}

fn keys(groups: &[&str]) -> Vec<String> {
    groups.iter().map(|group| format!("node/{group}")).collect::<BTreeSet<_>>().into_iter().collect()
}
