//! The settings of the function, parsed from environment variables.

use std::{env, ops::RangeInclusive, time::Duration};

use thiserror::Error;

use crate::{
    group::LabelNames,
    http::{Access, Credential, OnInvalid, OnOff, ResponseMode, Settings},
};

/// The name or the ARN of the table. Required.
pub const TABLE: &str = "HTTP_SD_TABLE";
/// The check of callers: `token`, `iam` or `none`. Required, so that an open endpoint is a decision.
pub const AUTH: &str = "HTTP_SD_AUTH";
/// The SHA-256 of each accepted token in hex, comma-separated; two during a rotation. `name:hash` adds a name for the
/// log, and `name:hash:node_exporter|mysqld` also limits the token to jobs. Required with `HTTP_SD_AUTH=token`.
pub const TOKEN_SHA256: &str = "HTTP_SD_TOKEN_SHA256";
/// The reaction to a broken row: `fail` (default) or `skip`.
pub const ON_INVALID: &str = "HTTP_SD_ON_INVALID";
/// The rule for label names: `legacy` (default), as in Prometheus 2, or `utf8`.
pub const LABEL_NAMES: &str = "HTTP_SD_LABEL_NAMES";
/// The way to send responses: `buffered` (default) or `stream`. It must match the invoke mode of the Function URL.
pub const RESPONSE_MODE: &str = "HTTP_SD_RESPONSE_MODE";
/// The time for which rows are cached in memory, in seconds: 0 (default, off) to 3600.
pub const CACHE_SECONDS: &str = "HTTP_SD_CACHE_SECONDS";
/// Whether the function keeps the rows in memory and asks the table's stream for changes at each poll: `on` or `off`
/// (default). It excludes [`CACHE_SECONDS`].
pub const FOLLOW_CHANGES: &str = "HTTP_SD_FOLLOW_CHANGES";
/// The time after which the function reads the table again although the stream told no change, in seconds: 60 to 3600.
/// The default is 900. Without [`FOLLOW_CHANGES`] it has no effect.
pub const MAX_AGE_SECONDS: &str = "HTTP_SD_MAX_AGE_SECONDS";
/// The time for which groups are kept after their leases [lapsed together](crate::group::Leases), in seconds: 0 (off)
/// to 86400. The default is 3600.
pub const LEASE_GRACE_SECONDS: &str = "HTTP_SD_LEASE_GRACE_SECONDS";
/// Whether the function has pages for people: `on` (default) or `off`.
pub const PAGE: &str = "HTTP_SD_PAGE";
/// The function's memory in MB, which Lambda sets. A request that needs more memory fails before Lambda ends the
/// function.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
pub const MEMORY: &str = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE";
/// Whether the function reads the table once during its start, so that the first poll does not wait for a connection:
/// `on` (default) or `off`.
pub const WARM_UP: &str = "HTTP_SD_WARM_UP";

const CACHE_RANGE: RangeInclusive<u64> = 0..=3600;
const MAX_AGE: Duration = Duration::from_mins(15);
const MAX_AGE_RANGE: RangeInclusive<u64> = 60..=3600;
const LEASE_GRACE: Duration = Duration::from_hours(1);
/// One day, because `sdctl` sets `delete_at` to one day after `expires_at`.
const LEASE_GRACE_RANGE: RangeInclusive<u64> = 0..=24 * 3600;
const MOST_TOKENS: usize = 16;

/// All settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// The name or ARN of the table.
    pub table: String,
    /// The check of callers.
    pub access: Access,
    /// The settings of the service.
    pub settings: Settings,
    /// Whether to read the table during the start.
    pub warm_up: OnOff,
}

/// A missing or invalid variable. The text is one line that names the variable and the valid values.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{variable} {problem}: expected {expected}")]
pub struct ConfigError {
    variable: &'static str,
    problem: String,
    expected: &'static str,
}

impl ConfigError {
    /// Returns the values that the variable accepts, in words that follow "expected".
    #[must_use]
    pub fn expected(&self) -> &'static str {
        self.expected
    }
}

impl Config {
    /// Reads the environment of the process.
    ///
    /// # Errors
    /// [`ConfigError`] for the first missing or invalid variable.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(&variable)
    }

    /// Reads variables through `lookup`. An empty variable counts as not set.
    ///
    /// # Errors
    /// As [`Config::from_env`].
    pub fn read(lookup: &Lookup<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            table: table(lookup)?,
            access: access(lookup)?,
            settings: settings(lookup)?,
            warm_up: on_or_off(lookup, WARM_UP)?,
        })
    }
}

/// Returns a variable of the environment. An empty variable counts as not set. Invalid UTF-8 is replaced, so that the
/// variable counts as set but is invalid.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    env::var_os(name).and_then(|value| not_empty(&value.to_string_lossy()))
}

/// A function that returns the value of a variable.
pub type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Reads [`TABLE`].
///
/// # Errors
/// [`ConfigError`] if the variable is not set or invalid.
pub fn table(lookup: &Lookup<'_>) -> Result<String, ConfigError> {
    // https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
    const EXPECTED: &str = "the name of a DynamoDB table (3 to 255 of a-z, A-Z, 0-9, '_', '-', '.') or its ARN";
    let value = required(lookup, TABLE, EXPECTED)?;
    let is_name =
        (3..=255).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    if is_name || value.starts_with("arn:") { Ok(value) } else { Err(wrong(TABLE, &value, EXPECTED)) }
}

/// Reads [`AUTH`] and [`TOKEN_SHA256`].
///
/// # Errors
/// [`ConfigError`] if either variable is missing or invalid.
pub fn access(lookup: &Lookup<'_>) -> Result<Access, ConfigError> {
    const EXPECTED: &str = "token, iam or none";
    let value = required(lookup, AUTH, EXPECTED)?;
    match value.as_str() {
        "token" => tokens(lookup).map(Access::Token),
        "iam" => Ok(Access::Iam),
        "none" => Ok(Access::Open),
        _ => Err(wrong(AUTH, &value, EXPECTED)),
    }
}

fn tokens(lookup: &Lookup<'_>) -> Result<Vec<Credential>, ConfigError> {
    const EXPECTED: &str = "1 to 16 comma-separated items, each hash, name:hash or name:hash:job|job, where hash is \
                            the SHA-256 of a token in 64 hex digits, as `printf %s \"$TOKEN\" | sha256sum` prints it";
    // The error never repeats the value, which may be a token instead of its hash.
    let error = |problem: String| ConfigError { variable: TOKEN_SHA256, problem, expected: EXPECTED };
    let value = required(lookup, TOKEN_SHA256, EXPECTED)?;
    let items: Vec<&str> = value.split(',').map(str::trim).collect();
    if items.len() > MOST_TOKENS {
        return Err(error(format!("has {} items", items.len())));
    }
    let mut credentials: Vec<Credential> = Vec::with_capacity(items.len());
    for (item, number) in items.into_iter().zip(1..) {
        let credential: Credential = item.parse().map_err(|e| error(format!("item {number} {e}")))?;
        // Two items could have different names and jobs for one token.
        if credentials.iter().any(|before| before.hash() == credential.hash()) {
            return Err(error(format!("item {number} repeats the hash of an earlier item")));
        }
        credentials.push(credential);
    }
    Ok(credentials)
}

/// Reads the variables with a default.
///
/// # Errors
/// [`ConfigError`] for the first invalid variable.
pub fn settings(lookup: &Lookup<'_>) -> Result<Settings, ConfigError> {
    let cache =
        seconds(lookup, CACHE_SECONDS, "a whole number of seconds from 0 (off) to 3600", CACHE_RANGE, Duration::ZERO)?;
    Ok(Settings {
        on_invalid: one_of(lookup, ON_INVALID, "fail or skip", [("fail", OnInvalid::Fail), ("skip", OnInvalid::Skip)])?,
        label_names: one_of(
            lookup,
            LABEL_NAMES,
            "legacy or utf8",
            [("legacy", LabelNames::Legacy), ("utf8", LabelNames::Utf8)],
        )?,
        response_mode: one_of(
            lookup,
            RESPONSE_MODE,
            "buffered or stream",
            [("buffered", ResponseMode::Buffered), ("stream", ResponseMode::Stream)],
        )?,
        cache,
        follow_changes: follow_changes(lookup, cache)?,
        lease_grace: seconds(
            lookup,
            LEASE_GRACE_SECONDS,
            "a whole number of seconds from 0 (off) to 86400",
            LEASE_GRACE_RANGE,
            LEASE_GRACE,
        )?,
        memory: memory(lookup)?,
        page: on_or_off(lookup, PAGE)?,
    })
}

/// Returns the maximum age of followed rows, or `None` without [`FOLLOW_CHANGES`].
fn follow_changes(lookup: &Lookup<'_>, cache: Duration) -> Result<Option<Duration>, ConfigError> {
    let max_age =
        seconds(lookup, MAX_AGE_SECONDS, "a whole number of seconds from 60 to 3600", MAX_AGE_RANGE, MAX_AGE)?;
    let follows = one_of(lookup, FOLLOW_CHANGES, "on or off", [("on", true), ("off", false)])?;
    if follows && !cache.is_zero() {
        return Err(wrong(FOLLOW_CHANGES, "on", "off, because HTTP_SD_CACHE_SECONDS is not 0. Set only one of them"));
    }
    Ok(follows.then_some(max_age))
}

fn on_or_off(lookup: &Lookup<'_>, variable: &'static str) -> Result<OnOff, ConfigError> {
    one_of(lookup, variable, "on or off", [("on", OnOff::On), ("off", OnOff::Off)])
}

fn seconds(
    lookup: &Lookup<'_>,
    variable: &'static str,
    expected: &'static str,
    range: RangeInclusive<u64>,
    default: Duration,
) -> Result<Duration, ConfigError> {
    let Some(value) = optional(lookup, variable) else { return Ok(default) };
    match value.parse() {
        Ok(seconds) if range.contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err(wrong(variable, &value, expected)),
    }
}

fn memory(lookup: &Lookup<'_>) -> Result<Option<usize>, ConfigError> {
    const EXPECTED: &str = "a whole number of megabytes, as Lambda sets it";
    let Some(value) = optional(lookup, MEMORY) else { return Ok(None) };
    let bytes = value.parse().ok().and_then(|megabytes: usize| megabytes.checked_mul(1024 * 1024));
    bytes.map(Some).ok_or_else(|| wrong(MEMORY, &value, EXPECTED))
}

fn one_of<T: Default>(
    lookup: &Lookup<'_>,
    variable: &'static str,
    expected: &'static str,
    choices: [(&str, T); 2],
) -> Result<T, ConfigError> {
    let Some(value) = optional(lookup, variable) else { return Ok(T::default()) };
    let choice = choices.into_iter().find(|(name, _)| *name == value);
    choice.map(|(_, choice)| choice).ok_or_else(|| wrong(variable, &value, expected))
}

fn optional(lookup: &Lookup<'_>, variable: &str) -> Option<String> {
    lookup(variable).and_then(|value| not_empty(&value))
}

fn not_empty(value: &str) -> Option<String> {
    Some(value.trim().to_owned()).filter(|value| !value.is_empty())
}

fn required(lookup: &Lookup<'_>, variable: &'static str, expected: &'static str) -> Result<String, ConfigError> {
    optional(lookup, variable).ok_or_else(|| ConfigError { variable, problem: "is not set".into(), expected })
}

fn wrong(variable: &'static str, value: &str, expected: &'static str) -> ConfigError {
    ConfigError { variable, problem: format!("is {}", crate::group::excerpt(value)), expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    const OTHER_HASH: &str = "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa";
    const EMPTY_HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn read(variables: &[(&str, &str)]) -> Result<Config, String> {
        let lookup = |name: &str| variables.iter().rev().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Config::read(&lookup).map_err(|e| e.to_string())
    }

    fn read_with(extra: &[(&str, &str)]) -> Result<Config, String> {
        read(&[&[(TABLE, "http-sd"), (AUTH, "none")], extra].concat())
    }

    #[test]
    fn other_variables_have_defaults() {
        let config = read_with(&[(CACHE_SECONDS, ""), (LABEL_NAMES, " ")]).unwrap();
        assert_eq!(config.table, "http-sd");
        assert!(matches!(config.access, Access::Open));
        assert_eq!(config.settings.on_invalid, OnInvalid::Fail);
        assert_eq!(config.settings.label_names, LabelNames::Legacy);
        assert_eq!(config.settings.response_mode, ResponseMode::Buffered);
        assert_eq!((config.settings.cache, config.settings.follow_changes), (Duration::ZERO, None));
        assert_eq!(config.settings.lease_grace, Duration::from_hours(1));
        assert_eq!(config.settings.memory, None);
        assert_eq!((config.warm_up, config.settings.page), (OnOff::On, OnOff::On));
    }

    #[test]
    fn all_valid_values_are_accepted() {
        let two = format!("{}, old-1:{OTHER_HASH}:node_exporter|mysqld", HASH.to_uppercase());
        let config = read(&[
            (TABLE, "arn:aws:dynamodb:eu-central-1:123456789012:table/x"),
            (AUTH, "token"),
            (TOKEN_SHA256, &two),
            (ON_INVALID, "skip"),
            (LABEL_NAMES, "utf8"),
            (RESPONSE_MODE, "stream"),
            (CACHE_SECONDS, "3600"),
            (LEASE_GRACE_SECONDS, "86400"),
            (MEMORY, "256"),
            (WARM_UP, "off"),
            (PAGE, "off"),
        ])
        .unwrap();
        let Access::Token(credentials) = config.access else { panic!("not token") };
        let written: Vec<String> = credentials.iter().map(ToString::to_string).collect();
        assert_eq!(written, [HASH.to_owned(), format!("old-1:{OTHER_HASH}:mysqld|node_exporter")]);
        assert_eq!(config.settings.on_invalid, OnInvalid::Skip);
        assert_eq!(config.settings.label_names, LabelNames::Utf8);
        assert_eq!(config.settings.response_mode, ResponseMode::Stream);
        assert_eq!(config.settings.cache, Duration::from_hours(1));
        assert_eq!(config.settings.lease_grace, Duration::from_hours(24));
        assert_eq!(read_with(&[(LEASE_GRACE_SECONDS, "0")]).unwrap().settings.lease_grace, Duration::ZERO);
        assert_eq!(config.settings.memory, Some(256 * 1024 * 1024));
        assert_eq!((config.warm_up, config.settings.page), (OnOff::Off, OnOff::Off));
        assert_eq!(read_with(&[(WARM_UP, "on")]).unwrap().warm_up, OnOff::On);
        assert!(matches!(read_with(&[(AUTH, "iam")]).unwrap().access, Access::Iam));
    }

    #[test]
    fn max_age_has_effect_only_when_following() {
        let max_age = |variables: &[(&str, &str)]| read_with(variables).map(|config| config.settings.follow_changes);
        let minutes = Duration::from_mins;
        let cases: &[(&[_], _)] = &[
            (&[(FOLLOW_CHANGES, "on")], Some(minutes(15))),
            (&[(FOLLOW_CHANGES, "on"), (CACHE_SECONDS, "0"), (MAX_AGE_SECONDS, "60")], Some(minutes(1))),
            (&[(FOLLOW_CHANGES, "on"), (MAX_AGE_SECONDS, "3600")], Some(minutes(60))),
            (&[(FOLLOW_CHANGES, "off"), (MAX_AGE_SECONDS, "60")], None),
            (&[(MAX_AGE_SECONDS, "60")], None),
            (&[(FOLLOW_CHANGES, "off"), (CACHE_SECONDS, "30")], None),
        ];
        for (variables, expected) in cases {
            assert_eq!(max_age(variables), Ok(*expected), "{variables:?}");
        }
    }

    #[test]
    fn error_names_the_variable_and_valid_values() {
        let seventeen = [HASH; 17].join(",");
        let twice = format!("a:{HASH},{OTHER_HASH},b:{}", HASH.to_uppercase());
        let bad_name = format!("{OTHER_HASH},hunter2/:{HASH}");
        let cases: &[(&[(&str, &str)], &str)] = &[
            (&[(TABLE, "")], "HTTP_SD_TABLE is not set: expected the name of a DynamoDB table"),
            (&[(TABLE, "a b c")], "HTTP_SD_TABLE is \"a b c\": expected"),
            (&[(TABLE, "ab")], "HTTP_SD_TABLE is \"ab\": expected"),
            (&[(AUTH, "")], "HTTP_SD_AUTH is not set: expected token, iam or none"),
            (&[(AUTH, "None")], "HTTP_SD_AUTH is \"None\": expected token, iam or none"),
            (&[(AUTH, "token")], "HTTP_SD_TOKEN_SHA256 is not set: expected"),
            (&[(AUTH, "token"), (TOKEN_SHA256, "hunter2")], "HTTP_SD_TOKEN_SHA256 item 1 has no SHA-256 hash"),
            (&[(AUTH, "token"), (TOKEN_SHA256, &bad_name)], "HTTP_SD_TOKEN_SHA256 item 2 has an invalid name"),
            (&[(AUTH, "token"), (TOKEN_SHA256, &twice)], "HTTP_SD_TOKEN_SHA256 item 3 repeats the hash"),
            (
                &[(AUTH, "token"), (TOKEN_SHA256, EMPTY_HASH)],
                "HTTP_SD_TOKEN_SHA256 item 1 is the hash of an empty token",
            ),
            (&[(AUTH, "token"), (TOKEN_SHA256, &seventeen)], "HTTP_SD_TOKEN_SHA256 has 17 items: expected"),
            (&[(ON_INVALID, "ignore")], "HTTP_SD_ON_INVALID is \"ignore\": expected fail or skip"),
            (&[(LABEL_NAMES, "UTF-8")], "HTTP_SD_LABEL_NAMES is \"UTF-8\": expected legacy or utf8"),
            (&[(RESPONSE_MODE, "streaming")], "HTTP_SD_RESPONSE_MODE is \"streaming\": expected buffered or stream"),
            (&[(CACHE_SECONDS, "-1")], "HTTP_SD_CACHE_SECONDS is \"-1\": expected a whole number of seconds"),
            (&[(CACHE_SECONDS, "3601")], "HTTP_SD_CACHE_SECONDS is \"3601\": expected"),
            (&[(FOLLOW_CHANGES, "yes")], "HTTP_SD_FOLLOW_CHANGES is \"yes\": expected on or off"),
            (
                &[(FOLLOW_CHANGES, "on"), (CACHE_SECONDS, "30")],
                "HTTP_SD_FOLLOW_CHANGES is \"on\": expected off, because HTTP_SD_CACHE_SECONDS is not 0",
            ),
            (
                &[(MAX_AGE_SECONDS, "59")],
                "HTTP_SD_MAX_AGE_SECONDS is \"59\": expected a whole number of seconds from 60",
            ),
            (&[(FOLLOW_CHANGES, "on"), (MAX_AGE_SECONDS, "3601")], "HTTP_SD_MAX_AGE_SECONDS is \"3601\": expected"),
            (&[(CACHE_SECONDS, "1m")], "HTTP_SD_CACHE_SECONDS is \"1m\": expected"),
            (
                &[(LEASE_GRACE_SECONDS, "86401")],
                "HTTP_SD_LEASE_GRACE_SECONDS is \"86401\": expected a whole number of seconds from 0 (off) to 86400",
            ),
            (&[(LEASE_GRACE_SECONDS, "off")], "HTTP_SD_LEASE_GRACE_SECONDS is \"off\": expected"),
            (&[(MEMORY, "256M")], "AWS_LAMBDA_FUNCTION_MEMORY_SIZE is \"256M\": expected a whole number of megabytes"),
            (&[(WARM_UP, "true")], "HTTP_SD_WARM_UP is \"true\": expected on or off"),
        ];
        for (variables, expected) in cases {
            let error = read_with(variables).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
            assert!(!error.contains('\n') && !error.contains("hunter2"), "{error}");
        }
    }
}
