//! The journal as JSON.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use http_sd_lambda::group::Job;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{State, state, unreadable};
use crate::{
    error::CliError,
    store::journal::{Entry, Images, Numbers, Rows, TableId},
};

/// An entry as JSON.
#[derive(Serialize)]
struct Shown<'e> {
    id: u64,
    at: i64,
    command: &'e [String],
    table: &'e TableId,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    undoes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undone_by: Option<u64>,
    #[serde(flatten)]
    numbers: Numbers,
}

/// The rows of an entry as JSON.
#[derive(Serialize)]
struct Detailed<'e> {
    #[serde(flatten)]
    entry: Shown<'e>,
    has_rows: bool,
    changes: Vec<Changed>,
    /// The rows whose write has no known result.
    unknown_rows: Vec<Key>,
}

#[derive(Serialize)]
struct Key {
    job: String,
    group: String,
}

/// A row before and after, in DynamoDB JSON.
#[derive(Serialize)]
struct Changed {
    #[serde(flatten)]
    key: Key,
    before: Option<Item>,
    after: Option<Item>,
}

/// The line of an export.
type Item = Box<RawValue>;

/// Prints all entries.
pub(super) fn list(out: &mut dyn Write, entries: &[Entry], undone: &BTreeMap<u64, u64>) -> Result<(), CliError> {
    print(out, &entries.iter().map(|entry| shown(entry, undone)).collect::<Result<Vec<_>, _>>()?)
}

/// Prints an entry with its rows.
pub(super) fn show(out: &mut dyn Write, entry: &Entry, undone: &BTreeMap<u64, u64>) -> Result<(), CliError> {
    print(out, &detailed(entry, undone)?)
}

fn shown<'e>(entry: &'e Entry, undone: &BTreeMap<u64, u64>) -> Result<Shown<'e>, CliError> {
    let Entry { number, header, .. } = entry;
    Ok(Shown {
        id: *number,
        at: header.at,
        command: &header.command,
        table: &header.table,
        state: state(entry),
        undoes: header.undoes,
        undone_by: undone.get(number).copied(),
        numbers: entry.numbers().map_err(|error| unreadable(&error))?,
    })
}

fn detailed<'e>(entry: &'e Entry, undone: &BTreeMap<u64, u64>) -> Result<Detailed<'e>, CliError> {
    let Rows { changed, unknown } = entry.rows().map_err(|error| unreadable(&error))?;
    let key = |job: &Job, group: &str| Key { job: job.as_str().to_owned(), group: group.to_owned() };
    let changes = changed.iter().map(|((job, name), Images { old, new })| {
        Ok(Changed { key: key(job, name.as_str()), before: item(old.as_deref())?, after: item(new.as_deref())? })
    });
    Ok(Detailed {
        entry: shown(entry, undone)?,
        has_rows: !entry.header.too_large,
        changes: changes.collect::<io::Result<_>>().map_err(|error| unreadable(&error))?,
        unknown_rows: unknown.iter().map(|(job, name)| key(job, name.as_str())).collect(),
    })
}

/// Returns the attributes of a line.
fn item(line: Option<&[u8]>) -> io::Result<Option<Item>> {
    #[derive(serde::Deserialize)]
    struct Line {
        #[serde(rename = "Item")]
        item: Item,
    }
    Ok(line.map(serde_json::from_slice::<Line>).transpose()?.map(|line| line.item))
}

fn print(out: &mut dyn Write, value: &impl Serialize) -> Result<(), CliError> {
    serde_json::to_writer_pretty(&mut *out, value).map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}
