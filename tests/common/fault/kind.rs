//! The faults of the endpoint.

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
