//! What can go wrong with a request.

use std::time::Duration;

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It reaches the engine.
    None,
    /// It is answered with that status and DynamoDB's error of that name.
    Error(u16, &'static str),
    /// It is answered as by a service whose clock is an hour from ours.
    ClockSkew,
    /// It is answered with 200 and that body.
    Answer(&'static str),
    /// It reaches the engine, and in the answer every such text is replaced by the other, checksum and all.
    Replaced(&'static str, &'static str),
    /// It reaches the engine, but a byte of the answer is another one afterwards.
    Altered,
    /// It reaches the engine, but the answer has another checksum.
    WrongChecksum,
    /// It reaches the engine after that time.
    Delayed(Duration),
    /// It is not answered.
    Silence,
    /// It reaches the engine, but the answer is an error.
    BrokenAnswer,
    /// It is a transaction, and cancelled for that reason.
    Cancelled(&'static str),
    /// It reaches the engine, but the answer is lost.
    LostAnswer,
    /// The connection ends without a word.
    Closed,
    /// It reaches the engine, but the connection is reset in the middle of the answer's body.
    Reset,
    /// It reaches the engine, but the connection ends in the middle of the answer's body.
    CutShort,
    /// As [`Fault::CutShort`], but no length and no checksum tells that anything is missing.
    CutShortUnseen,
    /// It reaches the engine, and the answer's body comes in pieces of so many bytes, each after such a pause.
    Trickle { bytes: usize, pause: Duration },
    /// It reaches the engine, but from the answer on connections are refused.
    ThenRefuse,
}
