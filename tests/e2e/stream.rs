//! A streamed response that is too large for buffering.

use http_sd_lambda::http::{Access, ResponseMode, Service, Settings};
use test_support::{
    Ask, Dynamo, TOKEN, http,
    row::{put_all, tenths_of_a_page},
    watch::Watched,
};

#[tokio::test(flavor = "multi_thread")]
async fn streamed_response_above_6_mb_arrives_whole() {
    let dynamo = Dynamo::with_table().await;
    put_all(&dynamo, tenths_of_a_page(70)).await;
    let Some(watched) = Watched::start_with(&dynamo, &[("HTTP_SD_RESPONSE_MODE", "stream")]) else { return };
    let (status, body) = http::get(&watched.url("/prom/node"), Some(TOKEN)).unwrap();
    assert_eq!(status, 200);
    let settings = Settings { response_mode: ResponseMode::Stream, ..Settings::default() };
    let expected = Ask::get("/prom/node").of(&Service::new(dynamo.table(), Access::Open, settings)).await;
    assert!(expected.text().len() > 6 << 20 && body == expected.text(), "the streamed body differs");

    for (path, token, status) in [("/prom/none", Some(TOKEN), 200), ("/prom/node", None, 401), ("/x", Some(TOKEN), 404)]
    {
        assert_eq!(http::get(&watched.url(path), token).unwrap().0, status, "{path}");
    }
}
