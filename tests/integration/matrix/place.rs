//! Where in the reading of a table a fault happens.

use test_support::fault::Asked;

/// Where a fault happens.
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

/// Rows of a page, rows of the job, and with that the number of its last page.
pub(super) const ROWS_OF_A_PAGE: usize = 2;
pub(super) const ROWS_OF_THE_JOB: usize = 5;
const LAST_PAGE: usize = ROWS_OF_THE_JOB.div_ceil(ROWS_OF_A_PAGE);

/// One of the segments. It has several pages, and so have the others.
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

    /// As the document has it.
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

    /// What is polled.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Segment | Self::LaterInSegment => "/prom",
            _ => "/prom/node",
        }
    }

    /// Whether a request is in that place.
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

    /// The place of the request before it; `None` if there is none.
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
