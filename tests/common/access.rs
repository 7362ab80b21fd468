//! Access settings, read as the function reads them.

use std::collections::BTreeMap;

use http_sd_lambda::{
    config::{self, AUTH, TOKEN_SHA256},
    http::Access,
};

/// Returns the access that a value of `HTTP_SD_TOKEN_SHA256` gives.
pub fn token_access(value: &str) -> Access {
    let variables = BTreeMap::from([(AUTH, "token"), (TOKEN_SHA256, value)]);
    config::access(&|name| variables.get(name).map(|&value| value.to_owned())).unwrap()
}
