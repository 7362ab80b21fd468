//! The faults, and the expected outcome of each: the whole list, or an error with the status that the design gives.

use std::time::Duration;

use test_support::{
    fault::Fault,
    outcome::{
        MISCONFIGURED,
        Outcome::{self, Complete, Warning},
        TIMEOUT, UNAVAILABLE,
    },
};

/// A fault and its expected outcomes.
pub(super) struct Case {
    /// The fault's name in the document.
    pub(super) name: &'static str,
    pub(super) inject: Inject,
    /// The fault of the SDK's retries, if it differs.
    pub(super) later: Option<Fault>,
    /// The deadline of the request.
    pub(super) within: Duration,
    pub(super) expected: Expected,
    /// The log must contain one of these. Empty for a harmless fault.
    pub(super) causes: &'static [&'static str],
}

impl Case {
    /// Returns whether the case mostly waits.
    pub(super) fn waits(&self) -> bool {
        let waits = |fault| matches!(fault, Fault::Silence | Fault::Delayed(_) | Fault::Trickle { .. });
        let first = match self.inject {
            Inject::Fault(fault) => waits(fault("Query")),
            Inject::Refusal => false,
        };
        first || self.later.is_some_and(waits)
    }
}

/// A fault of a request or of its connection.
pub(super) enum Inject {
    /// A fault, chosen by the operation.
    Fault(fn(&str) -> Fault),
    /// The endpoint refuses the connection.
    Refusal,
}

/// The expected outcomes of a fault.
#[derive(Clone, Copy)]
pub(super) struct Expected {
    /// While a page is read.
    pub(super) page: Outcome,
    /// While the table's key is read.
    pub(super) key: Outcome,
    /// While the function starts.
    pub(super) start: Outcome,
}

/// Enough for every retry.
const ENOUGH: Duration = Duration::from_secs(20);
/// Shorter than two attempts.
const SHORT: Duration = Duration::from_secs(7);
/// Long, but shorter than one attempt.
const PAUSE: Duration = Duration::from_secs(2);

const RECOVERED: Expected = Expected { page: Complete, key: Complete, start: Complete };
const PASSES: Expected = Expected { page: UNAVAILABLE, key: UNAVAILABLE, start: Warning };
const LATE: Expected = Expected { page: TIMEOUT, key: TIMEOUT, start: Warning };
const TO_FIX: Expected = Expected { page: MISCONFIGURED, key: MISCONFIGURED, start: Warning };

/// Returns whether a request reads the table's description instead of rows.
fn describes(operation: &str) -> bool {
    operation == "DescribeTable"
}

const fn always(
    name: &'static str,
    fault: fn(&str) -> Fault,
    expected: Expected,
    causes: &'static [&'static str],
) -> Case {
    Case { name, inject: Inject::Fault(fault), later: None, within: ENOUGH, expected, causes }
}

const fn once(name: &'static str, fault: fn(&str) -> Fault, causes: &'static [&'static str]) -> Case {
    Case { name, inject: Inject::Fault(fault), later: Some(Fault::None), within: ENOUGH, expected: RECOVERED, causes }
}

const fn late(name: &'static str, fault: fn(&str) -> Fault, causes: &'static [&'static str]) -> Case {
    Case { name, inject: Inject::Fault(fault), later: None, within: SHORT, expected: LATE, causes }
}

const THROTTLED: fn(&str) -> Fault = |_| Fault::Error(400, "ProvisionedThroughputExceededException");

/// Every fault.
pub(super) const CASES: &[Case] = &[
    once("throttled, once", THROTTLED, &["ProvisionedThroughputExceededException"]),
    always("throttled", THROTTLED, PASSES, &["ProvisionedThroughputExceededException"]),
    always("500", |_| Fault::Error(500, "InternalServerError"), PASSES, &["InternalServerError (HTTP 500)"]),
    always("503", |_| Fault::Error(503, "ServiceUnavailable"), PASSES, &["ServiceUnavailable (HTTP 503)"]),
    always("502 of a proxy", |_| Fault::BrokenAnswer, PASSES, &["HTTP 502"]),
    Case {
        name: "connection refused",
        inject: Inject::Refusal,
        later: None,
        within: ENOUGH,
        expected: PASSES,
        causes: &["Connection refused"],
    },
    always("connection closed without an answer", |_| Fault::Closed, PASSES, &["connection closed"]),
    once("connection reset in the middle of a body, once", |_| Fault::Reset, &["reset"]),
    always("connection reset in the middle of a body", |_| Fault::Reset, PASSES, &["reset"]),
    always("body cut short", |_| Fault::CutShort, PASSES, &["end of file"]),
    always(
        "body cut short, without a length or a checksum",
        |_| Fault::CutShortUnseen,
        PASSES,
        &["EOF", "unexpected end of stream", "failed to parse JSON"],
    ),
    Case {
        // DynamoDB's client checks the checksum of rows only.
        expected: Expected { key: Complete, start: Complete, ..PASSES },
        ..always("wrong CRC", |_| Fault::WrongChecksum, PASSES, &["checksum"])
    },
    Case {
        expected: Expected { key: MISCONFIGURED, ..PASSES },
        ..always("a byte changed on the way", |_| Fault::Altered, PASSES, &["checksum", "key is"])
    },
    always(
        "invalid JSON",
        |_| Fault::Answer("<html>"),
        PASSES,
        &["cannot be read", "unexpected token", "failed to parse JSON"],
    ),
    Case {
        expected: Expected { key: MISCONFIGURED, ..PASSES },
        ..always("an empty object", |_| Fault::Answer("{}"), PASSES, &["has no Items", "returned no table"])
    },
    always("2 s late", |_| Fault::Delayed(PAUSE), RECOVERED, &[]),
    once("no answer, once", |_| Fault::Silence, &["timeout"]),
    Case {
        // The log must name the fault that used up the time.
        later: Some(Fault::Silence),
        ..late("throttled, then no answer", THROTTLED, &["ProvisionedThroughputExceededException"])
    },
    late("no answer, until the deadline", |_| Fault::Silence, &["miss the deadline", "no response within"]),
    always(
        "no answer, until the last attempt's time-out",
        |_| Fault::Silence,
        PASSES,
        &["timeout", "no response within"],
    ),
    always("a trickle that ends", |_| Fault::Trickle { bytes: 100, pause: Duration::from_millis(100) }, RECOVERED, &[]),
    late(
        "a trickle without end",
        |_| Fault::Trickle { bytes: 1, pause: Duration::from_millis(200) },
        &["miss the deadline", "no response within"],
    ),
    always("clock skew", |_| Fault::ClockSkew, TO_FIX, &["InvalidSignatureException"]),
    always("expired credentials", |_| Fault::Error(400, "ExpiredTokenException"), TO_FIX, &["ExpiredTokenException"]),
    always("access denied", |_| Fault::Error(400, "AccessDeniedException"), TO_FIX, &["AccessDeniedException"]),
    always("table deleted", |_| Fault::Error(400, "ResourceNotFoundException"), TO_FIX, &["ResourceNotFoundException"]),
    Case {
        expected: Expected { key: UNAVAILABLE, ..TO_FIX },
        ..always(
            "table being created",
            |operation| {
                if describes(operation) {
                    Fault::Replaced(r#""TableStatus":"ACTIVE""#, r#""TableStatus":"CREATING""#)
                } else {
                    Fault::Error(400, "ResourceNotFoundException")
                }
            },
            TO_FIX,
            &["still being created", "ResourceNotFoundException"],
        )
    },
    always(
        "wrong key schema",
        |operation| match operation {
            "Query" => Fault::Error(400, "ValidationException"),
            // A Scan of such a table succeeds; its rows lack the requested attributes.
            "Scan" => Fault::Answer(r#"{"Items":[{}],"Count":1,"ScannedCount":1}"#),
            _ => Fault::Replaced(r#""AttributeName":"job""#, r#""AttributeName":"pk""#),
        },
        TO_FIX,
        &["ValidationException", "the table's key is", "a row's key attribute"],
    ),
];
