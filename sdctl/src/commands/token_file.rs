//! The file that holds a token, as Prometheus's `credentials_file` does.

use std::{fs, io, path::Path};

use crate::error::CliError;

/// Reads the token in a file, without the white space around it.
pub(crate) fn read(file: &Path) -> Result<String, CliError> {
    let name = file.display();
    let content = fs::read(file).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => CliError::Refused(format!(
            "there is no file {name}: sdctl token --file {name} makes one with a token in it"
        )),
        _ => CliError::Read { file: file.to_owned(), source },
    })?;
    match str::from_utf8(content.trim_ascii()) {
        Ok("") => {
            let how = format!("sdctl token --file {name} --force puts one there");
            Err(CliError::Refused(format!("there is no token in {name}, which is empty: {how}")))
        }
        Ok(token) if token.bytes().all(|b| b.is_ascii_graphic()) => Ok(token.to_owned()),
        _ => {
            let what = "it has white space or what is not ASCII in it";
            Err(CliError::Refused(format!("{name} holds no token, for {what}: name the token's file")))
        }
    }
}
