//! URLs on the command line.

use reqwest::Url;

/// Parses an `http` or `https` URL.
///
/// # Errors
/// What is wrong with the text, and `example`: what a URL for that option looks like.
pub(crate) fn parse(text: &str, example: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if ["http", "https"].contains(&url.scheme()) => Ok(url),
        Err(error) if text.contains("://") => Err(format!("{error}; write it as {example}")),
        _ => Err(format!("it must start with http:// or https://; write it as {example}")),
    }
}
