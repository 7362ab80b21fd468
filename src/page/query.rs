//! The query of a page: filters, and the row at which the page starts.

use percent_encoding::utf8_percent_encode;

use crate::group::{Job, Selectors, URL_SEGMENT};

/// The groups of one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OneState {
    /// Groups without a lease, or with an active lease.
    Active,
    /// Groups that are kept.
    Kept,
    /// Rows whose lease has lapsed.
    Lapsed,
    /// Broken rows.
    Broken,
}

impl OneState {
    const ALL: [Self; 4] = [Self::Active, Self::Kept, Self::Lapsed, Self::Broken];

    /// Returns the state of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Returns the name in the query string.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Kept => "kept",
            Self::Lapsed => "lapsed",
            Self::Broken => "broken",
        }
    }
}

/// The parameters of a page. Equal queries of the same rows at the same time give equal pages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// The text that a row must contain, in any case. Empty selects every row.
    pub text: String,
    /// The first row of the page: a job, or a group of the job.
    pub from: Option<String>,
    /// The state of the groups; `None` selects every state.
    pub state: Option<OneState>,
    /// The selectors as the person wrote them.
    pub matches: Vec<String>,
    /// The same selectors; `None` selects every target.
    pub selectors: Option<Selectors>,
    /// Whether the browser loads the page again every minute.
    pub reload: bool,
}

impl Query {
    /// Returns whether some rows are left out.
    pub(super) fn is_filter(&self) -> bool {
        !self.text.is_empty() || self.state.is_some() || self.selectors.is_some()
    }

    /// Returns the link to a page with these parameters.
    pub(super) fn link(&self, page: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let (path, job) = page.split_once('?').unwrap_or((page, ""));
        query.extend_pairs(form_urlencoded::parse(job.as_bytes()));
        if !self.text.is_empty() {
            query.append_pair("q", &self.text);
        }
        query.extend_pairs(self.matches.iter().map(|text| ("match[]", text)));
        query.extend_pairs(self.state.map(|state| ("state", state.name())));
        query.extend_pairs(self.from.as_ref().map(|from| ("from", from)));
        query.extend_pairs(self.reload.then_some(("reload", "on")));
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

/// Returns the link to the page of a job; `root` is the link to the start page. A job that is ambiguous in a path is a
/// parameter.
pub(super) fn job_page(root: &str, job: &Job) -> String {
    let encoded = utf8_percent_encode(job.as_str(), URL_SEGMENT);
    let separator = if job.fits_a_url() { "/" } else { "?job=" };
    format!("{root}jobs{separator}{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_contains_every_parameter() {
        let query = Query {
            text: "a&b".into(),
            from: Some("x y".into()),
            state: Some(OneState::Kept),
            matches: vec!["{a=\"b\"}".into(), "{c=\"\"}".into()],
            selectors: None,
            reload: true,
        };
        let rest = "q=a%26b&match%5B%5D=%7Ba%3D%22b%22%7D&match%5B%5D=%7Bc%3D%22%22%7D&state=kept&from=x+y&reload=on";
        assert_eq!(query.link("../jobs/node"), format!("../jobs/node?{rest}"));
        assert_eq!(query.link("./jobs?job=a%2Fb"), format!("./jobs?job=a%2Fb&{rest}"));
        assert_eq!(Query::default().link("./"), "./");
    }

    #[test]
    fn ambiguous_job_is_a_parameter() {
        let cases = [
            ("node", "../jobs/node"),
            ("a/b", "../jobs?job=a%2Fb"),
            ("..", "../jobs?job=.."),
            ("é\"<", "../jobs/%C3%A9%22%3C"),
        ];
        for (job, link) in cases {
            assert_eq!(job_page("../", &Job::new(job).unwrap()), link);
        }
    }
}
