//! Reads target groups from files: lists for `file_sd_configs`, in JSON or YAML, and Prometheus configurations.
//!
//! The function's own validator checks each group. `sdctl` reads files as strictly as Prometheus does. It is stricter
//! where Prometheus guesses, such as for a repeated field or a second document: a mistake in a file must not change the
//! targets of a fleet.

pub(crate) mod address;
mod configuration;
mod contents;
pub(crate) mod duration;
mod environment;
mod events;
mod fault;
mod fields;
mod folder;
mod given;
mod json;
mod list;
mod moves;
pub(crate) mod named;
mod node;
mod parse;
pub(crate) mod pattern;
mod place;
mod prometheus;
mod reader;
mod scalar;
mod tags;
#[cfg(test)]
mod tests;
mod text;
mod yaml;

pub use contents::{Advice, FileGroup, Format, Note, ReadFile};
pub use fault::{FileFault, Problem};
pub use fields::Poller;
pub(crate) use moves::without_url;
pub use place::Place;
pub use reader::Reader;
