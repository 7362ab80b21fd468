//! Groups as JSON on their way to becoming a body: in the order of a Query, or put in order after a Scan.

use std::ops::Range;

use bytes::Bytes;

use super::{Body, ServiceError};
use crate::group::StoredGroupRef;

/// Below this many bytes it costs less to copy JSON than to send it as a piece of its own.
const LEAST_PIECE: usize = 16 * 1024;
/// As many bytes are copied into one piece.
const MOST_COPIED: usize = 1024 * 1024;

/// JSON of groups, each after a comma, in a piece for each page.
#[derive(Debug, Default)]
pub(super) struct List {
    pieces: Vec<Bytes>,
    /// The bytes of all pieces.
    len: usize,
    /// Whose JSON is where, if it has still to be put in order.
    index: Option<Index>,
}

/// A place between two groups of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    piece: usize,
    at: usize,
}

/// The groups of one page, as JSON.
pub(super) struct Piece<'l> {
    list: &'l mut List,
    json: Vec<u8>,
}

impl List {
    /// For a Query, which returns groups in order.
    pub(super) fn in_read_order() -> Self {
        Self::default()
    }

    /// For a Scan, which does not.
    pub(super) fn indexed() -> Self {
        Self { index: Some(Index::default()), ..Self::default() }
    }

    /// About how many bytes the list has.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// A piece for the groups of a page of so many bytes.
    pub(super) fn piece(&mut self, page: usize) -> Piece<'_> {
        // DynamoDB's JSON names the type of each value, so that ours is nearly always shorter.
        Piece { json: Vec::with_capacity(page - page / 4), list: self }
    }

    /// A piece that was begun before, as [`Piece::pause`] left it.
    pub(super) fn resume(&mut self, json: Vec<u8>) -> Piece<'_> {
        Piece { json, list: self }
    }

    /// Adds what comes after it.
    pub(super) fn append(&mut self, next: Self) {
        self.len += next.len;
        self.pieces.extend(next.pieces);
    }

    /// One list of several that are indexed, by job and then group: the same table gives the same bytes.
    pub(super) fn merge(lists: &[Self]) -> Self {
        // The groups of a job come in order from a Scan as well, so that whole runs can be put in order.
        let mut runs: Vec<Run<'_>> = lists.iter().flat_map(Self::runs).collect();
        runs.sort_unstable_by_key(Run::first);
        if runs.windows(2).any(|pair| pair[0].last() > pair[1].first()) {
            // Nobody promises that. Then it is one by one.
            runs = runs.into_iter().flat_map(Run::singles).collect();
            runs.sort_unstable_by_key(Run::first);
        }
        let mut merged = Merged::default();
        for run in runs {
            for entry in run.entries {
                merged.add(run.pieces, entry);
            }
        }
        merged.finish()
    }

    /// Leaves of an indexed list the groups for which `keep` holds, by number and job.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(usize, &str) -> bool) {
        if let Some(Index { jobs, entries, .. }) = &mut self.index {
            let mut number = 0;
            entries.retain(|entry| {
                number += 1;
                keep(number - 1, &jobs[entry.job as usize])
            });
        }
    }

    /// Puts the groups of an indexed list between the groups of this one, each at its place. The places are in order.
    pub(super) fn insert(&mut self, others: &Self, places: &[Place]) {
        let mut merged = Merged::default();
        let mut others =
            others.index.iter().flat_map(|index| &index.entries).map(|entry| (&others.pieces, entry)).zip(places);
        let mut next = others.next();
        for (number, piece) in self.pieces.iter().enumerate() {
            let mut start = 0;
            while let Some(((pieces, entry), place)) = next.filter(|(_, place)| place.piece == number) {
                merged.add_part(piece, start..place.at);
                start = place.at;
                merged.add(pieces, entry);
                next = others.next();
            }
            merged.add_part(piece, start..piece.len());
        }
        // After the last piece.
        while let Some(((pieces, entry), _)) = next {
            merged.add(pieces, entry);
            next = others.next();
        }
        *self = merged.finish();
    }

    /// Its groups in as few parts as possible, each of one job and in order.
    fn runs(&self) -> impl Iterator<Item = Run<'_>> {
        self.index.iter().flat_map(|index| {
            let in_order = |a: &Entry, b: &Entry| {
                let ((job, name), (next_job, next_name)) = (index.key(a), index.key(b));
                job == next_job && name <= next_name
            };
            index.entries.chunk_by(in_order).map(|entries| Run { pieces: &self.pieces, index, entries })
        })
    }

    /// The list in brackets.
    pub(super) fn finish(self) -> Body {
        let mut pieces = Vec::with_capacity(self.pieces.len() + 2);
        pieces.push(Bytes::from_static(b"["));
        pieces.extend(self.pieces);
        if let Some(first) = pieces.get_mut(1) {
            // Nothing is before the first group.
            let _comma = first.split_to(1);
        }
        pieces.push(Bytes::from_static(b"]"));
        pieces.into()
    }
}

impl Piece<'_> {
    /// Adds a group.
    ///
    /// # Errors
    /// [`ServiceError::Encoding`].
    pub(super) fn push(&mut self, stored: &StoredGroupRef<'_>) -> Result<(), ServiceError> {
        let start = self.json.len();
        self.json.push(b',');
        serde_json::to_writer(&mut self.json, &stored.group).map_err(|e| ServiceError::Encoding(e.to_string()))?;
        if let Some(index) = &mut self.list.index {
            let at = start..self.json.len();
            let added = index.push(stored.job, stored.name, self.list.pieces.len(), &at);
            added.ok_or_else(|| ServiceError::Encoding("more groups than can be put in order".into()))?;
        }
        Ok(())
    }

    /// The place after the group that was added last.
    pub(super) fn place(&self) -> Place {
        Place { piece: self.list.pieces.len(), at: self.json.len() }
    }

    /// About how many bytes the list has, together with this piece.
    pub(super) fn list_len(&self) -> usize {
        self.list.len + self.json.len()
    }

    /// Leaves the piece for [`List::resume`], unless it is large enough. Nothing else is added to the list meanwhile.
    pub(super) fn pause(self) -> Vec<u8> {
        if self.json.len() < MOST_COPIED {
            return self.json;
        }
        self.finish();
        Vec::new()
    }

    /// Adds the piece to its list.
    pub(super) fn finish(mut self) {
        if !self.json.is_empty() {
            self.json.shrink_to_fit();
            self.list.len += self.json.len();
            self.list.pieces.push(self.json.into());
        }
    }
}

/// Whose JSON is where. It is kept small, because there may be millions of groups.
#[derive(Debug, Default)]
struct Index {
    /// Each job as often as it came after another one.
    jobs: Vec<String>,
    /// All groups' names, one after the other.
    names: String,
    entries: Vec<Entry>,
}

/// A group's place in the order and in the pieces.
#[derive(Debug)]
struct Entry {
    job: u32,
    name: Range<u32>,
    piece: u32,
    at: Range<u32>,
}

impl Index {
    /// Adds a group. `None` if there are too many for 32 bits.
    fn push(&mut self, job: &str, name: &str, piece: usize, at: &Range<usize>) -> Option<()> {
        if self.jobs.last().is_none_or(|last| last != job) {
            self.jobs.push(job.to_owned());
        }
        let start = self.names.len();
        self.names.push_str(name);
        let small = |number: usize| u32::try_from(number).ok();
        self.entries.push(Entry {
            job: small(self.jobs.len() - 1)?,
            name: small(start)?..small(self.names.len())?,
            piece: small(piece)?,
            at: small(at.start)?..small(at.end)?,
        });
        Some(())
    }

    fn key(&self, entry: &Entry) -> (&str, &str) {
        (&self.jobs[entry.job as usize], &self.names[entry.name.start as usize..entry.name.end as usize])
    }
}

/// Groups of a list that come one after the other; at least one.
struct Run<'l> {
    pieces: &'l [Bytes],
    index: &'l Index,
    entries: &'l [Entry],
}

impl<'l> Run<'l> {
    /// Job and name of the first group.
    fn first(&self) -> (&'l str, &'l str) {
        self.entries.first().map(|entry| self.index.key(entry)).unwrap_or_default()
    }

    /// Job and name of the last group.
    fn last(&self) -> (&'l str, &'l str) {
        self.entries.last().map(|entry| self.index.key(entry)).unwrap_or_default()
    }

    /// A run for each of its groups.
    fn singles(self) -> impl Iterator<Item = Self> {
        self.entries.chunks(1).map(move |entries| Run { entries, ..self })
    }
}

/// A list that is put together from parts of other lists' pieces, each of them as it is unless it is small.
#[derive(Default)]
struct Merged {
    list: List,
    /// Small parts that come next.
    small: Vec<u8>,
    /// The part that comes after them, and may have groups after it that do as well.
    part: Option<(Bytes, Range<usize>)>,
}

impl Merged {
    fn add(&mut self, pieces: &[Bytes], entry: &Entry) {
        self.add_part(&pieces[entry.piece as usize], entry.at.start as usize..entry.at.end as usize);
    }

    fn add_part(&mut self, piece: &Bytes, at: Range<usize>) {
        if at.is_empty() {
            return;
        }
        match &mut self.part {
            // The same piece, by where it is.
            Some((same, part)) if same.as_ptr() == piece.as_ptr() && part.end == at.start => part.end = at.end,
            _ => {
                self.end_part();
                self.part = Some((piece.clone(), at));
            }
        }
    }

    fn end_part(&mut self) {
        let Some((piece, part)) = self.part.take() else { return };
        if part.len() < LEAST_PIECE {
            self.small.extend_from_slice(&piece[part]);
            if self.small.len() > MOST_COPIED {
                self.end_small();
            }
        } else {
            self.end_small();
            self.push(piece.slice(part));
        }
    }

    fn end_small(&mut self) {
        if !self.small.is_empty() {
            let small = std::mem::take(&mut self.small);
            self.push(small.into());
        }
    }

    fn push(&mut self, piece: Bytes) {
        self.list.len += piece.len();
        self.list.pieces.push(piece);
    }

    fn finish(mut self) -> List {
        self.end_part();
        self.end_small();
        self.list
    }
}

#[cfg(test)]
mod tests {
    use proptest::{
        collection::{btree_map, vec},
        prelude::*,
    };

    use super::*;
    use crate::group::{Lease, TargetGroupRef};

    fn push(piece: &mut Piece<'_>, job: &str, name: &str, target: &str) {
        let group = TargetGroupRef { targets: vec![target], labels: Vec::new() };
        piece.push(&StoredGroupRef { job, name, lease: Lease::default(), group }).unwrap();
    }

    /// The body of a list with those targets.
    fn json<'a>(targets: impl IntoIterator<Item = &'a str>) -> String {
        let groups = targets.into_iter().map(|target| format!(r#"{{"targets":["{target}"],"labels":{{}}}}"#));
        format!("[{}]", groups.collect::<Vec<_>>().join(","))
    }

    fn text(list: List) -> String {
        String::from_utf8(list.finish().into_vec()).unwrap()
    }

    #[test]
    fn a_list_is_json_whatever_pages_it_came_in() {
        for pages in [&[][..], &[0], &[1], &[0, 1, 0, 2], &[3, 0, 0, 1]] {
            let mut list = List::in_read_order();
            let mut targets = Vec::new();
            for groups in pages {
                let mut piece = list.piece(0);
                for _ in 0..*groups {
                    targets.push(format!("t{}", targets.len()));
                    push(&mut piece, "j", "g", targets.last().unwrap());
                }
                piece.finish();
            }
            let len = list.len();
            let body = text(list);
            assert_eq!(body, json(targets.iter().map(String::as_str)), "{pages:?}");
            assert!(body.len().abs_diff(len) <= 2);
        }
    }

    #[test]
    fn what_was_in_order_is_not_copied_and_what_is_small_is() {
        let long = "x".repeat(LEAST_PIECE / 4);
        let mut lists = Vec::new();
        for (job, name) in [("b", "1"), ("a", "1"), ("a", "2")] {
            let mut list = List::indexed();
            let mut piece = list.piece(0);
            for i in 0..8 {
                push(&mut piece, job, &format!("{name}-{i}"), &long);
            }
            push(&mut piece, "c", name, "short");
            piece.finish();
            lists.push(list);
        }
        let pieces: Vec<Bytes> = lists.iter().map(|list| list.pieces[0].clone()).collect();
        let body = List::merge(&lists).finish();
        let is_of = |body: &Bytes, piece: &Bytes| piece.as_ptr_range().contains(&body.as_ptr());
        let [_, a1, a2, b, c, _] = body.pieces() else { panic!("{} pieces", body.pieces().len()) };
        assert!(is_of(a1, &pieces[1]) && is_of(a2, &pieces[2]) && is_of(b, &pieces[0]));
        assert!(pieces.iter().all(|piece| !is_of(c, piece)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Groups in order, in any pages, of which some are written beside the list and some of these not kept.
        #[test]
        fn what_is_inserted_comes_at_its_place(
            pages in vec(vec((0..4_usize, prop_oneof![Just(1_usize), Just(LEAST_PIECE)]), 0..12), 0..6),
        ) {
            let (mut list, mut others, mut places, mut expected) = (List::in_read_order(), List::indexed(), Vec::new(), Vec::new());
            let (mut open, mut kept) = (Vec::new(), Vec::new());
            for page in pages {
                let mut piece = list.piece(0);
                for (kind, size) in page {
                    let target = format!("{:x>size$}", expected.len() + kept.len());
                    if kind < 2 {
                        push(&mut piece, "j", "g", &target);
                    } else {
                        let mut beside = others.resume(std::mem::take(&mut open));
                        push(&mut beside, if kind == 2 { "kept" } else { "not" }, "g", &target);
                        open = beside.pause();
                        places.push(piece.place());
                        kept.push(kind == 2);
                    }
                    if kind < 3 {
                        expected.push(target);
                    }
                }
                piece.finish();
            }
            others.resume(open).finish();
            others.retain(|number, job| kept[number] && job == "kept");
            let places: Vec<Place> = places.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(place, _)| place).collect();
            list.insert(&others, &places);
            let len = list.len();
            let body = text(list);
            prop_assert!(body.len().abs_diff(len) <= 2);
            prop_assert_eq!(body, json(expected.iter().map(String::as_str)));
        }

        /// Rows in any order or in that of a Scan, in any pages of any segments.
        #[test]
        fn a_merged_list_is_in_order_and_complete(
            rows in btree_map(("[abé]{1,2}", "[xyz]{1,3}"), (0..4_usize, any::<bool>()), 0..200)
                .prop_map(|rows| rows.into_iter().collect::<Vec<_>>())
                .prop_shuffle(),
            as_in_a_scan in any::<bool>(),
        ) {
            let mut rows = rows;
            if as_in_a_scan {
                // Each job in one segment, its groups in order.
                rows.sort_by_key(|((job, name), _)| (job.bytes().map(|byte| byte % 7).sum::<u8>(), job.clone(), name.clone()));
                for ((job, _), (segment, _)) in &mut rows {
                    *segment = job.len() % 4;
                }
            }
            let mut pages = vec![vec![Vec::new()]; 4];
            for ((job, name), (segment, is_on_next_page)) in &rows {
                if *is_on_next_page {
                    pages[*segment].push(Vec::new());
                }
                pages[*segment].last_mut().unwrap().push((job, name, format!("{job}/{name}")));
            }
            let mut lists = Vec::new();
            for pages in pages {
                let mut list = List::indexed();
                for page in pages {
                    let mut piece = list.piece(0);
                    for (job, name, target) in &page {
                        push(&mut piece, job, name, target);
                    }
                    piece.finish();
                }
                lists.push(list);
            }
            let mut expected: Vec<_> = rows.iter().map(|(key, _)| key).collect();
            expected.sort();
            let expected: Vec<String> = expected.iter().map(|(job, name)| format!("{job}/{name}")).collect();
            prop_assert_eq!(text(List::merge(&lists)), json(expected.iter().map(String::as_str)));
        }
    }
}
