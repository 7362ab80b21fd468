//! The pages of `sdctl serve` in Chromium.

use http_sd_lambda::http::TokenHash;
use test_support::{
    TOKEN,
    browser::{browser, varied_table},
    engine::TABLE,
    sdctl::{run, sdctl_at, serve},
};

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_usable_in_chromium() {
    let dynamo = varied_table().await;
    let mut command = sdctl_at(&dynamo.endpoint());
    command.env("HTTP_SD_AUTH", "token").env("HTTP_SD_TOKEN_SHA256", TokenHash::of(TOKEN.as_bytes()).to_string());
    let server = serve(command.args(["serve", "--port", "0", "--table", TABLE]));
    let Some(mut browser) = browser("sdctl", &server.url) else { return };
    assert_eq!(run(&mut browser).done().trim(), "", "faults");
}
