//! Prometheus HTTP service discovery, served from a DynamoDB table.
//!
//! One rule decides most questions here. Prometheus keeps its targets when a poll fails and drops whatever is missing
//! from a 200, so *an error is safe, a short list is not*: an answer carries everything or is not sent.
//!
//! The parts, each of which knows only those below it:
//!
//! | part | subject |
//! |---|---|
//! | [`config`] | the environment, read once into typed values |
//! | [`log`] | what the function logs, in what form |
//! | [`lambda`] | a Function URL event ⇄ a request to the service and its response |
//! | [`http`] | HTTP: routes, access, negotiation, errors → status |
//! | [`answer`] | (rows, what is asked for, rules, time) → the list, its hash, a report |
//! | [`table`] | DynamoDB, read only: keys, pages, row → snapshot |
//! | [`group`] | the domain: job, target group, lease, validation |
//!
//! `sdctl`, which fills and checks the table, is a crate of its own on top of this one.
//!
//! # Settings
//!
//! | variable | takes | default |
//! |---|---|---|
//! | [`HTTP_SD_TABLE`](config::TABLE) | table name | required |
//! | [`HTTP_SD_AUTH`](config::AUTH) | `token`, `iam`, `none` | required |
//! | [`HTTP_SD_TOKEN_SHA256`](config::TOKEN_SHA256) | SHA-256 of each accepted token, in hex, comma-separated | required with `token` |
//! | [`HTTP_SD_ON_INVALID`](config::ON_INVALID) | `fail`, `skip` | `fail` |
//! | [`HTTP_SD_LABEL_NAMES`](config::LABEL_NAMES) | `legacy`, `utf8` | `legacy` |
//! | [`HTTP_SD_RESPONSE_MODE`](config::RESPONSE_MODE) | `buffered`, `stream` | `buffered` |
//! | [`HTTP_SD_CACHE_SECONDS`](config::CACHE_SECONDS) | whole seconds, 0 to 3600 | `0`, off |
//! | [`HTTP_SD_LEASE_GRACE_SECONDS`](config::LEASE_GRACE_SECONDS) | whole seconds, 0 (off) to 86400 | `3600` |
//! | [`HTTP_SD_WARM_UP`](config::WARM_UP) | `on`, `off` | `on` |

pub mod answer;
pub mod config;
pub mod group;
pub mod http;
pub mod lambda;
pub mod log;
pub mod table;
