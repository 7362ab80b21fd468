//! Checks for requests of a part of a list: a shard, or the selection of a selector.

use http_sd_lambda::http::{Access, Service, Settings};

use super::{
    Ask, Dynamo, Row,
    fault::{Fault, FaultyDynamo},
    row::{n, put_all, tenths_of_a_page},
};

/// Checks that parts of a list of 25 rows fail when the whole list fails. The list fails by its later pages, and by a
/// broken row that may be outside the part. `when_healed` checks the parts in between.
pub async fn fails_with_the_whole_list(paths: &[String], when_healed: impl AsyncFn(&Service)) {
    let dynamo = Dynamo::with_table().await;
    put_all(&dynamo, tenths_of_a_page(25)).await;
    let faulty = FaultyDynamo::before(&dynamo);
    let service = Service::new(faulty.table(), Access::Open, Settings::default());
    faulty.fail(|_, later| if later { Fault::Error(500, "InternalServerError") } else { Fault::None });
    for path in paths {
        assert_eq!(Ask::get(path).of(&service).await.code(), (503, "table_unavailable".into()), "{path}");
    }
    faulty.heal();
    when_healed(&service).await;
    Row::key("node", "broken").with("targets", n(1)).put(&dynamo).await;
    for path in paths {
        assert_eq!(Ask::get(path).of(&service).await.code(), (500, "invalid_group".into()), "{path}");
    }
}
