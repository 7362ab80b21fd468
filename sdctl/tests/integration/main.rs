//! `sdctl` with a real engine: each command as a process, and its library.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

mod addresses;
mod apply;
mod apply_moves;
mod apply_output;
mod apply_safety;
mod apply_sets;
mod apply_together;
mod backup;
mod check;
mod check_rows;
mod check_url;
mod completion;
mod connections;
mod edit;
mod folders;
mod editor;
mod help;
mod mv;
mod logins;
mod man;
mod plan;
mod progress;
mod register;
mod register_outage;
mod register_rivals;
mod search;
mod serve;
mod slow;
mod status;
mod store;
mod table;
mod targets;
mod terminal;
mod texts;
mod token;
