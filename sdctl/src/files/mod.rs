//! Target groups in files: lists for `file_sd_configs`, in JSON or YAML, and whole Prometheus configurations.
//!
//! What a file says is read with the function's own validator. Files are read as strictly as Prometheus reads them,
//! and where Prometheus guesses (a field that is there twice, a second document) more strictly: a file that is not
//! what its author meant must not change a fleet.

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
