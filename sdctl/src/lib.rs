//! `sdctl`, the command line that fills and checks the table of [`http_sd_lambda`].
//!
//! Each part uses only parts below it:
//!
//! | part | purpose |
//! |---|---|
//! | `commands` | one file or folder for each command: options, work and output |
//! | [`plan`] | the changes that make the table match files |
//! | [`files`] | reads target groups from lists for `file_sd_configs` and from Prometheus configurations |
//! | [`store`] | selects the table of a command, reads and writes its rows, creates and describes tables |
//! | `terminal` | colours, text, progress, questions, signals |
//! | [`local`] | the embedded DynamoDB engine and the local server behind `sdctl serve` |
//! | `error` | errors of commands |
//! | `connection_fault` | says why a server does not respond |
//! | `http_url` | parses URLs on the command line |

mod commands;
mod connection_fault;
mod error;
pub mod files;
mod http_url;
pub mod local;
pub mod plan;
pub mod store;
mod terminal;

pub use commands::main;
