//! The terminal: what is printed, how it looks, and what the person in front of it says.

pub(crate) mod message;
pub(crate) mod output;
pub(crate) mod progress;
pub(crate) mod question;
pub(crate) mod signals;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod text;
