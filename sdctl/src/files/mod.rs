//! Reads target groups from files: lists for `file_sd_configs`, in JSON or YAML, and Prometheus configurations.
//!
//! The function's own validator checks each group. `sdctl` reads files as strictly as Prometheus does. It is stricter
//! where Prometheus guesses, such as for a repeated field or a second document: a mistake in a file must not change the
//! targets of a fleet.

mod contents;
mod fault;
mod json;
mod list;
mod node;
mod parse;
mod place;
mod prometheus;
mod reader;
#[cfg(test)]
mod tests;
mod yaml;

pub use contents::{FileGroup, Format, Note, ReadFile};
pub use fault::{FileFault, Problem};
pub use place::Place;
pub use reader::Reader;
