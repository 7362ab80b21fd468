//! Broken groups that are left out: which ones, for the response, and which of them the log has named already.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{BuildHasher, RandomState},
    ops::AddAssign,
    sync::{Mutex, PoisonError},
};

use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tracing::warn;

use super::selection::Scope;
use crate::group::InvalidGroup;

/// How many groups a response names.
const MOST_NAMED: usize = 16;
/// The most bytes of their names in a response.
const MOST_BYTES: usize = 1024;
/// How many groups the log remembers. Each takes some 40 bytes, whatever its name; of more than these only the number is
/// logged.
const MOST_REMEMBERED: usize = 10_000;

/// What stands for itself in a header (RFC 3986, 2.3).
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The groups that a read left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Skipped {
    count: usize,
    /// The first of them by job and group, whatever the order in which they were read.
    first: BTreeSet<(String, String)>,
}

impl Skipped {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn add(&mut self, job: &str, group: &str) {
        self.count += 1;
        self.name(job, group);
    }

    fn name(&mut self, job: &str, group: &str) {
        self.first.insert((job.to_owned(), group.to_owned()));
        if self.first.len() > MOST_NAMED {
            self.first.pop_last();
        }
    }

    /// The groups as `job/group` with commas between them, both percent-encoded, as far as they fit, and `… more` for the
    /// rest. `None` if there are none.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        if self.count == 0 {
            return None;
        }
        let mut text = String::new();
        let mut rest = self.count;
        for (job, group) in &self.first {
            let name = format!("{}/{}, ", utf8_percent_encode(job, PLAIN), utf8_percent_encode(group, PLAIN));
            if text.len() + name.len() > MOST_BYTES {
                break;
            }
            text.push_str(&name);
            rest -= 1;
        }
        let text = if rest > 0 { format!("{text}{rest} more") } else { text.trim_end_matches(", ").to_owned() };
        HeaderValue::try_from(text).ok()
    }

    /// What the names take, in bytes.
    pub(super) fn size(&self) -> usize {
        self.first.iter().map(|(job, group)| size_of::<(String, String)>() + job.len() + group.len()).sum()
    }
}

impl AddAssign<&Self> for Skipped {
    fn add_assign(&mut self, other: &Self) {
        self.count += other.count;
        other.first.iter().for_each(|(job, group)| self.name(job, group));
    }
}

/// The broken groups that the log has named, each with its fault, by hashes: a process says of each once what is wrong
/// with it, and again when that changes, or when it was mended in between.
#[derive(Debug, Default)]
pub(super) struct Named {
    hasher: RandomState,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    reads: u64,
    groups: HashMap<u64, Fault>,
}

#[derive(Debug)]
struct Fault {
    job: u64,
    hash: u64,
    /// The last read that met it.
    read: u64,
}

/// One read, during which broken groups are met.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read<'a> {
    named: &'a Named,
    number: u64,
}

impl Named {
    /// A read begins.
    pub(super) fn read(&self) -> Read<'_> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.reads += 1;
        Read { named: self, number: state.reads }
    }
}

impl Read<'_> {
    /// Logs a group that is left out, unless the log has the same of it already.
    pub(super) fn met(self, invalid: &InvalidGroup) {
        if self.is_news(invalid) {
            let InvalidGroup { job, group, field, .. } = invalid;
            warn!(event = "invalid_group", job, group, field, "left out: {invalid}");
        }
    }

    fn is_news(self, invalid: &InvalidGroup) -> bool {
        let hasher = &self.named.hasher;
        let key = hasher.hash_one((&invalid.job, &invalid.group));
        let found = Fault { job: hasher.hash_one(&invalid.job), hash: hasher.hash_one(invalid), read: self.number };
        let mut state = self.named.state.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = state.groups.len() < MOST_REMEMBERED;
        match state.groups.get_mut(&key) {
            Some(fault) => {
                fault.read = fault.read.max(self.number);
                std::mem::replace(&mut fault.hash, found.hash) != found.hash
            }
            None if has_room => {
                state.groups.insert(key, found);
                true
            }
            None => false,
        }
    }

    /// The read is complete: what is broken in its scope it has met. The rest was mended or is gone, and is forgotten. A
    /// read that failed knows nothing of the kind.
    pub(super) fn complete(self, scope: &Scope) {
        let job = |job| self.named.hasher.hash_one(job);
        let jobs: Option<Vec<u64>> = match scope {
            Scope::Job(one) => Some(vec![job(one.as_str())]),
            Scope::Jobs(jobs) => Some(jobs.iter().map(|one| job(one.as_str())).collect()),
            Scope::All => None,
        };
        let mut state = self.named.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_in_scope = |fault: &Fault| jobs.as_ref().is_none_or(|jobs| jobs.contains(&fault.job));
        // What a later read met meanwhile stays.
        state.groups.retain(|_, fault| fault.read >= self.number || !is_in_scope(fault));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::{Fault, Job};

    fn skipped(groups: impl IntoIterator<Item = (String, String)>) -> Skipped {
        let mut skipped = Skipped::default();
        groups.into_iter().for_each(|(job, group)| skipped.add(&job, &group));
        skipped
    }

    fn header(groups: &[(&str, &str)]) -> Option<String> {
        let value = skipped(groups.iter().map(|&(job, group)| (job.into(), group.into()))).header()?;
        Some(value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_response_names_the_groups_by_job_and_group_whatever_is_in_their_names() {
        assert_eq!(header(&[]), None);
        assert_eq!(header(&[("b", "2"), ("b", "1"), ("a", "9")]).unwrap(), "a/9, b/1, b/2");
        assert_eq!(
            header(&[("a/b,c", "d e\r\né\u{0}\"%")]).unwrap(),
            "a%2Fb%2Cc/d%20e%0D%0A%C3%A9%00%22%25",
            "it is one header of one group"
        );
    }

    #[test]
    fn a_response_names_as_many_as_fit_and_counts_the_rest() {
        let many: Vec<_> = (0..1000).rev().map(|i| ("j".to_owned(), format!("{i:04}"))).collect();
        let named = skipped(many).header().unwrap();
        let expected: Vec<String> = (0..MOST_NAMED).map(|i| format!("j/{i:04}, ")).collect();
        assert_eq!(named.to_str().unwrap(), expected.concat() + "984 more");
        let long = "é".repeat(1000);
        assert_eq!(header(&[("j", &long)]).unwrap(), "1 more");
        assert_eq!(header(&[("a", "1"), ("b", &long), ("c", "1")]).unwrap(), "a/1, 2 more");
        let longest = skipped((0..MOST_NAMED).map(|i| ("j".repeat(50), format!("{i:050}")))).header().unwrap();
        assert!((900..MOST_BYTES + 32).contains(&longest.len()), "{longest:?}");
    }

    #[test]
    fn parts_of_a_read_name_the_same_groups_in_any_order() {
        let group = |i: usize| ("j".to_owned(), format!("{i:02}"));
        let (a, b) = (skipped((0..40).step_by(2).map(group)), skipped((1..40).step_by(2).map(group)));
        let mut sums = [a.clone(), b.clone()];
        sums[0] += &b;
        sums[1] += &a;
        assert_eq!(sums[0], skipped((0..40).map(group)));
        assert_eq!(sums[0], sums[1]);
        assert_eq!(sums[0].count(), 40);
        assert_eq!(sums[0].size(), MOST_NAMED * (size_of::<(String, String)>() + 3));
    }

    fn broken(job: &str, group: &str, fault: Fault) -> InvalidGroup {
        InvalidGroup { job: job.into(), group: group.into(), field: "targets".into(), fault }
    }

    #[test]
    fn a_fault_is_news_once_and_again_when_it_changes_or_was_mended() {
        let named = Named::default();
        let job = |job: &str| Scope::Job(Job::new(job).unwrap());
        let (a, b) = (broken("a", "g", Fault::Missing), broken("b", "g", Fault::Missing));
        // What each read of a scope meets, and what of it is news.
        let steps: [(Scope, &[(&InvalidGroup, bool)]); 9] = [
            (Scope::All, &[(&a, true), (&b, true)]),
            (job("a"), &[(&a, false)]),
            (Scope::All, &[(&a, false), (&b, false)]),
            (job("a"), &[(&broken("a", "g", Fault::Empty), true)]),
            (job("a"), &[(&a, true), (&broken("a", "h", Fault::Missing), true)]),
            (job("b"), &[]),
            (Scope::Jobs([Job::new("a").unwrap(), Job::new("b").unwrap()].into()), &[(&a, false), (&b, true)]),
            (Scope::Jobs([Job::new("b").unwrap()].into()), &[]),
            (Scope::All, &[(&a, false), (&b, true), (&broken("a", "h", Fault::Missing), true)]),
        ];
        for (i, (scope, met)) in steps.iter().enumerate() {
            let read = named.read();
            for (invalid, news) in *met {
                assert_eq!(read.is_news(invalid), *news, "{invalid} in step {i}");
            }
            read.complete(scope);
        }
    }

    #[test]
    fn a_read_that_did_not_complete_or_began_earlier_forgets_nothing() {
        let named = Named::default();
        let a = broken("a", "g", Fault::Missing);
        let (early, late) = (named.read(), named.read());
        assert!(late.is_news(&a));
        assert!(!early.is_news(&a));
        early.complete(&Scope::All);
        // Not completed.
        let _ = named.read();
        assert!(!named.read().is_news(&a));
        named.read().complete(&Scope::All);
        assert!(named.read().is_news(&a));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let named = Named::default();
        let group = |i: usize| broken("j", &i.to_string(), Fault::Missing);
        let read = named.read();
        let news = (0..MOST_REMEMBERED + 5).filter(|&i| read.is_news(&group(i))).count();
        assert_eq!(news, MOST_REMEMBERED);
        assert!(!read.is_news(&group(MOST_REMEMBERED + 5)) && !read.is_news(&group(0)));
        assert_eq!(named.state.lock().unwrap().groups.len(), MOST_REMEMBERED);
    }
}
