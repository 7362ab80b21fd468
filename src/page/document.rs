//! The frame of each page: head, style, header and footer.

use std::sync::LazyLock;

use base64::{Engine, prelude::BASE64_STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::{Query, time};
use crate::group::EpochSeconds;

const STYLE: &str = include_str!("style.css");
/// The icon, part of the page so that the browser sends no request for it.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect \
                    width='16' height='16' rx='4' fill='%230b6bcb'/%3E%3Cg fill='none' stroke='white' \
                    stroke-width='1.5'%3E%3Ccircle cx='8' cy='8' r='1.2' fill='white'/%3E%3Cpath d='M4.8 4.8a4.5 4.5 0 \
                    0 0 0 6.4M11.2 4.8a4.5 4.5 0 0 1 0 6.4'/%3E%3C/g%3E%3C/svg%3E";

/// The header `Content-Security-Policy` of a page: the style sheet and the icon of the page, its own forms, and nothing
/// else.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    )
});

/// Returns the value of the header `Content-Security-Policy` for a page.
#[must_use]
pub fn content_security_policy() -> &'static str {
    &POLICY
}

/// A page without its frame.
pub(super) struct Document<'a> {
    /// The title of the window.
    pub(super) title: String,
    /// The link to the start page.
    pub(super) root: &'a str,
    /// The links from the start page to this one.
    pub(super) path: Markup,
    /// The content.
    pub(super) main: Markup,
    /// The link to this page and its query, for a page that can be loaded again.
    pub(super) reload: Option<(&'a str, &'a Query)>,
    /// The time at which the table was read, and the time of the page.
    pub(super) read: Option<(EpochSeconds, EpochSeconds)>,
}

impl Document<'_> {
    /// Returns the complete page.
    pub(super) fn into_html(self) -> String {
        let Self { title, root, path, main, reload, read } = self;
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    @if reload.is_some_and(|(_, query)| query.reload) {
                        meta http-equiv="refresh" content="60";
                    }
                    title { (title) }
                    link rel="icon" href=(ICON);
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    header {
                        nav aria-label="Path" { a.home href=(root) { "http-sd" } (path) }
                        p.read {
                            @if let Some((read_at, now)) = read {
                                "Table read " (time::age(read_at, now)) ", " (time::utc(read_at))
                            }
                        }
                    }
                    main { (main) }
                    footer {
                        @if let Some((link, query)) = reload {
                            @let changed = Query { reload: !query.reload, ..query.clone() };
                            a href=(changed.link(link)) {
                                @if query.reload { "Stop reloading" } @else { "Reload every minute" }
                            }
                        }
                        a href={ (root) "metrics" } { "Metrics" }
                        span { "http-sd-lambda " (env!("CARGO_PKG_VERSION")) }
                    }
                }
            }
        };
        page.into_string()
    }
}
