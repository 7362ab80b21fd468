//! Parses URLs on the command line.

use reqwest::Url;

/// Parses an `http` or `https` URL.
///
/// # Errors
/// The reason why the text is invalid, followed by `example`, a valid URL for the option.
pub(crate) fn parse(text: &str, example: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if ["http", "https"].contains(&url.scheme()) => Ok(url),
        Err(error) if text.contains("://") => Err(format!("{error}. Use a URL such as {example}")),
        _ => Err(format!("it must start with http:// or https://. Use a URL such as {example}")),
    }
}
