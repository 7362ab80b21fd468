//! `sdctl`, the command line that fills and checks the table of [`http_sd_lambda`].
//!
//! The parts, each of which knows only those below it:
//!
//! | part | subject |
//! |---|---|
//! | `commands` | one command in one file or folder: its options, what it does, what it prints |
//! | [`plan`] | what it takes to bring the table to what files say |
//! | [`files`] | target groups in files: lists for `file_sd_configs`, Prometheus configurations |
//! | [`store`] | the table: rows are read and written, tables created and described; which table a command means |
//! | `terminal` | colours, text, progress, questions, signals |
//! | [`local`] | the embedded DynamoDB engine and the local server behind `sdctl serve` |
//! | `error` | why a command failed |
//! | `http_url` | URLs on the command line |

mod commands;
mod error;
pub mod files;
mod http_url;
pub mod local;
pub mod plan;
pub mod store;
mod terminal;

pub use commands::main;
