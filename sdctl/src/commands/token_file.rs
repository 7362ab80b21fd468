//! Reads the file of a token, the `credentials_file` of Prometheus.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use crate::error::CliError;

/// Reads the token in a file or on standard input (`-`), without surrounding white space.
pub(crate) fn read(file: &Path) -> Result<String, CliError> {
    let (name, content) = if file == Path::new("-") {
        let mut content = Vec::new();
        (Path::new("standard input"), io::stdin().read_to_end(&mut content).map(|_| content))
    } else {
        (file, fs::read(file))
    };
    let name = name.display();
    let content = content.map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => CliError::Refused(format!(
            "cannot read the token file {name}: no such file. Create it with sdctl token --file {name}"
        )),
        _ => CliError::Read { file: file.to_owned(), source },
    })?;
    match str::from_utf8(content.trim_ascii()) {
        Ok("") => {
            let how = match file.to_str() {
                Some("-") => "Write the token to it".to_owned(),
                _ => format!("Create a token with sdctl token --file {name} --force"),
            };
            Err(CliError::Refused(format!("no token in {name}: the file is empty. {how}")))
        }
        Ok(token) if token.bytes().all(|b| b.is_ascii_graphic()) => Ok(token.to_owned()),
        _ => {
            let why = "the content has white space or characters outside ASCII";
            Err(CliError::Refused(format!("no token in {name}: {why}. Name the file of a token")))
        }
    }
}
