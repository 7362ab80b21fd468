//! Prometheus HTTP service discovery from a DynamoDB table.
//!
//! One rule decides most design questions: *an error is safe, a short list is not*. Prometheus keeps its targets when a
//! poll fails, and drops targets that are missing from a 200. The function therefore sends a complete list or an error.
//!
//! The modules, each of which uses only those below it:
//!
//! | module | subject |
//! |---|---|
//! | [`config`] | the settings, parsed from environment variables |
//! | [`log`] | the level and format of the log |
//! | [`lambda`] | the conversion of Function URL events to requests, and of responses |
//! | [`http`] | HTTP: routes, access, content coding, errors |
//! | [`page`] | the pages for people, from rows, query, rules and time |
//! | [`metrics`] | the table as metrics |
//! | [`answer`] | the list, its hash and a report, from rows, selection, rules and time |
//! | [`table`] | DynamoDB, read only: key, pages, rows, snapshots |
//! | [`group`] | the domain: jobs, target groups, leases, validation |
//!
//! The crate `sdctl`, a command-line tool that fills and checks the table, depends on this crate.
//!
//! # Settings
//!
//! | variable | value | default |
//! |---|---|---|
//! | [`HTTP_SD_TABLE`](config::TABLE) | table name | required |
//! | [`HTTP_SD_AUTH`](config::AUTH) | `token`, `iam`, `none` | required |
//! | [`HTTP_SD_TOKEN_SHA256`](config::TOKEN_SHA256) | SHA-256 of each accepted token, in hex, comma-separated | required with `token` |
//! | [`HTTP_SD_ON_INVALID`](config::ON_INVALID) | `fail`, `skip` | `fail` |
//! | [`HTTP_SD_LABEL_NAMES`](config::LABEL_NAMES) | `legacy`, `utf8` | `legacy` |
//! | [`HTTP_SD_RESPONSE_MODE`](config::RESPONSE_MODE) | `buffered`, `stream` | `buffered` |
//! | [`HTTP_SD_CACHE_SECONDS`](config::CACHE_SECONDS) | whole seconds, 0 to 3600 | `0`, off |
//! | [`HTTP_SD_FOLLOW_CHANGES`](config::FOLLOW_CHANGES) | `on`, `off` | `off` |
//! | [`HTTP_SD_MAX_AGE_SECONDS`](config::MAX_AGE_SECONDS) | whole seconds, 60 to 3600 | `900` |
//! | [`HTTP_SD_LEASE_GRACE_SECONDS`](config::LEASE_GRACE_SECONDS) | whole seconds, 0 (off) to 86400 | `3600` |
//! | [`HTTP_SD_PAGE`](config::PAGE) | `on`, `off` | `on` |
//! | [`HTTP_SD_WARM_UP`](config::WARM_UP) | `on`, `off` | `on` |

pub mod answer;
pub mod config;
pub mod group;
pub mod http;
pub mod lambda;
pub mod log;
pub mod metrics;
pub mod page;
pub mod table;
