//! The parsing of the query string of a page.

use super::ServiceError;
use crate::{
    group::{Job, NotASelector, Selectors},
    page::{OneState, Query},
    table::Scope,
};

/// Returns the scope of the job in a query string. Any job is possible there.
///
/// # Errors
/// [`ServiceError::BadRequest`].
pub(super) fn scope(query: &str) -> Result<Scope, ServiceError> {
    let bad = |problem: &str| ServiceError::BadRequest(format!("the query parameter job {problem}"));
    let mut jobs = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "job");
    let (Some((_, job)), None) = (jobs.next(), jobs.next()) else {
        return Err(bad("is required once"));
    };
    Job::new(job).map(Scope::Job).map_err(|fault| bad(&fault.to_string()))
}

/// Returns the parameters of a page. A parameter that the function writes into links is checked; others are ignored.
///
/// # Errors
/// [`ServiceError::BadRequest`].
pub(super) fn parse(query: &str) -> Result<Query, ServiceError> {
    let mut page = Query::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "q" => page.text = value.trim().into(),
            "from" => page.from = Some(value.into_owned()),
            "state" => {
                let state = OneState::parse(&value).ok_or_else(|| {
                    let states = "active, kept, lapsed or broken";
                    ServiceError::BadRequest(format!("the query parameter state must be {states}"))
                })?;
                page.state = Some(state);
            }
            "reload" => page.reload = value == "on",
            // An empty field of the form.
            "match[]" if !value.trim().is_empty() => page.matches.push(value.trim().to_owned()),
            _ => {}
        }
    }
    page.selectors = Selectors::parse(&page.matches).map_err(|problem| {
        let problem: NotASelector = problem;
        ServiceError::BadRequest(format!("the query parameter match[] {problem}"))
    })?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem<T>(parsed: Result<T, ServiceError>) -> Option<String> {
        parsed.err().map(|error| error.to_string())
    }

    #[test]
    fn any_job_is_a_parameter_once() {
        let job = |name: &str| Ok(Scope::Job(Job::new(name).unwrap()));
        for (query, name) in [("job=node", "node"), ("q=x&job=a%2Fb+c", "a/b c"), ("job=..", ".."), ("job=%00", "\0")] {
            assert_eq!(scope(query), job(name), "{query}");
        }
        for (query, expected) in [
            ("", "job is required once"),
            ("job=a&job=a", "job is required once"),
            ("job=", "job is empty"),
            (&format!("job={}", "j".repeat(2049)), "job is 2049 bytes long"),
        ] {
            let said = problem(scope(query)).unwrap();
            assert!(said.starts_with(&format!("the query parameter {expected}")), "{said}");
        }
    }

    #[test]
    fn page_parameters_are_read_and_checked() {
        let query =
            parse("q=+a+b+&from=x%20y&state=kept&reload=on&match[]=&match%5B%5D=%7Ba%3D%22b%22%7D&other=1").unwrap();
        let matches = vec!["{a=\"b\"}".to_owned()];
        let selectors = Selectors::parse(&matches).unwrap();
        let expected = Query {
            text: "a b".into(),
            from: Some("x y".into()),
            state: Some(OneState::Kept),
            matches,
            selectors,
            reload: true,
        };
        assert_eq!(query, expected);
        assert_eq!(parse("q=&reload=1&%FF=%FE").unwrap(), Query::default());
        for (query, expected) in [
            ("state=", "state must be active, kept, lapsed or broken"),
            ("state=Kept", "state must be"),
            ("match[]=x", "match[] names a metric"),
        ] {
            let said = problem(parse(query)).unwrap();
            assert!(said.starts_with(&format!("the query parameter {expected}")), "{said}");
        }
    }
}
