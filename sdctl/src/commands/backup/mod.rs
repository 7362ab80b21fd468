//! Brings rows to the state of a backup: of files, or of an entry of the journal.

mod execute;
mod plan;
mod rows;
mod show;

pub(crate) use self::{
    execute::write,
    plan::{Change, Kind, Plan},
    rows::{Backup, Expected},
    show::{Printer, Words},
};
