//! The page of an error.

use maud::html;

use super::document::Document;

/// Returns the page of an error: the status, the reason and the remedy. `root` is the link to the start page.
#[must_use]
pub fn error(root: &str, status: u16, code: &str, message: &str, request_id: &str) -> String {
    let main = html! {
        h1 { "Error " (status) }
        div.notice.bad {
            p { strong { (code) } }
            p { (message) }
            @if !request_id.is_empty() {
                p.quiet { "Request " code { (request_id) } }
            }
        }
        p { a href=(root) { "All jobs" } }
    };
    let title = format!("Error {status} – http-sd");
    Document { title, root, path: html! {}, main, reload: None, read: None }.into_html()
}
