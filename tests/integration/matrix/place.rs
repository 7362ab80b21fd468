//! The places of a read where a fault can occur.

use test_support::fault::Asked;

/// The place of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    FirstPage,
    SecondPage,
    LastPage,
    Segment,
    LaterInSegment,
    Key,
    Start,
}

/// The rows of a page, the rows of the job, and the resulting last page.
pub(super) const ROWS_OF_A_PAGE: usize = 2;
pub(super) const ROWS_OF_THE_JOB: usize = 5;
const LAST_PAGE: usize = ROWS_OF_THE_JOB.div_ceil(ROWS_OF_A_PAGE);

/// One of the segments. Every segment has several pages.
const SEGMENT: i64 = 2;

impl Place {
    pub(super) const ALL: [Self; 7] = [
        Self::FirstPage,
        Self::SecondPage,
        Self::LastPage,
        Self::Segment,
        Self::LaterInSegment,
        Self::Key,
        Self::Start,
    ];

    /// Returns the place's name in the document.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::FirstPage => "first page of a job",
            Self::SecondPage => "second page",
            Self::LastPage => "last page",
            Self::Segment => "first page of a segment",
            Self::LaterInSegment => "second page of a segment",
            Self::Key => "check of the key",
            Self::Start => "warm-up read",
        }
    }

    /// Returns the path of the poll.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Segment | Self::LaterInSegment => "/prom",
            _ => "/prom/node",
        }
    }

    /// Returns whether a request is in this place.
    pub(super) fn has(self, asked: &Asked) -> bool {
        let page = |operation: &str, segment, page| {
            (asked.operation.as_str(), asked.segment, asked.page) == (operation, segment, page)
        };
        match self {
            Self::FirstPage => page("Query", None, 1),
            Self::SecondPage => page("Query", None, 2),
            Self::LastPage => page("Query", None, LAST_PAGE),
            Self::Segment => page("Scan", Some(SEGMENT), 1),
            Self::LaterInSegment => page("Scan", Some(SEGMENT), 2),
            Self::Key => page("DescribeTable", None, 1),
            Self::Start => page("DescribeTable", None, 1) || page("Scan", None, 1),
        }
    }

    /// Returns the place of the request before, or `None` for the first.
    pub(super) fn before(self) -> Option<Self> {
        match self {
            Self::FirstPage | Self::Segment => Some(Self::Key),
            Self::SecondPage => Some(Self::FirstPage),
            Self::LastPage => Some(Self::SecondPage),
            Self::LaterInSegment => Some(Self::Segment),
            Self::Key | Self::Start => None,
        }
    }
}
