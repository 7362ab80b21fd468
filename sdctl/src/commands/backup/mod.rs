//! Brings rows to the state of a backup: of files, or of an entry of the journal.

mod execute;
mod options;
mod plan;
mod rows;
mod show;

pub(crate) use self::{
    execute::write,
    options::Caution,
    plan::{Change, Kind, Plan},
    rows::{Backup, Expected},
    show::{Printer, Words},
};
