//! The faults of the endpoint, and a list of those that any read may have.

use std::time::Duration;

/// A fault of one request. "Forwarded" means that the engine executes the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Forwarded without a fault.
    None,
    /// The response is DynamoDB's error of this name, with this status.
    Error(u16, &'static str),
    /// The response is the error of a service whose clock is years ahead.
    ClockSkew,
    /// Forwarded; the response's `Date` is this many seconds ahead.
    Date(i64),
    /// The response is 200 with this body.
    Answer(&'static str),
    /// Forwarded; in the response the second text replaces the first. The checksum is removed.
    Replaced(&'static str, &'static str),
    /// Forwarded; one byte of the response changes.
    Altered,
    /// Forwarded; the checksum in the response is wrong.
    WrongChecksum,
    /// Forwarded after this time.
    Delayed(Duration),
    /// Not forwarded, without a response.
    Silence,
    /// Forwarded; the response is an error.
    BrokenAnswer,
    /// The transaction is cancelled for this reason.
    Cancelled(&'static str),
    /// Forwarded, without a response.
    LostAnswer,
    /// The connection closes without a response.
    Closed,
    /// Forwarded; the connection is reset in the middle of the body.
    Reset,
    /// Forwarded; the connection closes in the middle of the body.
    CutShort,
    /// As [`Fault::CutShort`], without a length or a checksum that reveals the missing rest.
    CutShortUnseen,
    /// Forwarded; the body arrives in pieces of `bytes` bytes, with a pause before each.
    Trickle { bytes: usize, pause: Duration },
    /// Forwarded; from the response on, the endpoint refuses connections.
    ThenRefuse,
}

/// Faults that any read of the table or of its stream may have, with their names in `docs/reliability.md`.
pub const FAULTS: [(&str, Fault); 25] = [
    ("no answer", Fault::Silence),
    ("a trickle", Fault::Trickle { bytes: 20, pause: Duration::from_millis(50) }),
    ("`ProvisionedThroughputExceededException`", Fault::Error(400, "ProvisionedThroughputExceededException")),
    ("`ThrottlingException`", Fault::Error(400, "ThrottlingException")),
    ("`LimitExceededException`", Fault::Error(400, "LimitExceededException")),
    ("`ExpiredIteratorException`", Fault::Error(400, "ExpiredIteratorException")),
    ("`TrimmedDataAccessException`", Fault::Error(400, "TrimmedDataAccessException")),
    ("`ResourceNotFoundException`", Fault::Error(400, "ResourceNotFoundException")),
    ("`AccessDeniedException`", Fault::Error(400, "AccessDeniedException")),
    ("`ExpiredTokenException`", Fault::Error(400, "ExpiredTokenException")),
    ("`ValidationException`", Fault::Error(400, "ValidationException")),
    ("clock skew", Fault::ClockSkew),
    ("500", Fault::Error(500, "InternalServerError")),
    ("503", Fault::Error(503, "ServiceUnavailable")),
    ("502 of a proxy", Fault::BrokenAnswer),
    ("connection closed without an answer", Fault::Closed),
    ("connection reset in the middle of a body", Fault::Reset),
    ("body cut short", Fault::CutShort),
    ("body cut short, without a length or a checksum", Fault::CutShortUnseen),
    ("wrong CRC", Fault::WrongChecksum),
    ("a byte changed on the way", Fault::Altered),
    ("an empty body", Fault::Answer("")),
    ("an empty object", Fault::Answer("{}")),
    ("null", Fault::Answer("null")),
    ("invalid JSON", Fault::Answer("<html>")),
];
