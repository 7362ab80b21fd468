//! Output to the terminal, and questions and signals from its user.

pub(crate) mod message;
pub(crate) mod output;
pub(crate) mod progress;
pub(crate) mod question;
pub(crate) mod screen;
pub(crate) mod signals;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod width;
