//! The user's editor, and the file that it edits.

use std::{
    env, fs,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempPath;

use crate::error::CliError;

/// The environment variables that name the editor, the first one first.
const VARIABLES: [&str; 2] = ["VISUAL", "EDITOR"];

/// The command that starts the editor.
#[derive(Debug, Clone)]
pub(super) struct Editor {
    words: Vec<String>,
}

impl Editor {
    /// Returns the editor of the environment, or `vi`.
    ///
    /// # Errors
    /// [`CliError::Refused`] if the variable is no command, or is unset without a terminal.
    pub(super) fn of_environment() -> Result<Self, CliError> {
        for variable in VARIABLES {
            let Some(value) = env::var_os(variable).filter(|value| !value.to_string_lossy().trim().is_empty()) else {
                continue;
            };
            let words = value.into_string().ok().and_then(|text| shlex::split(&text)).filter(|words| !words.is_empty());
            return words.map(|words| Self { words }).ok_or_else(|| {
                CliError::Refused(format!("{variable} is not a command: a quote has no end. Set it to your editor"))
            });
        }
        if io::stdin().is_terminal() && io::stdout().is_terminal() {
            return Ok(Self { words: vec!["vi".into()] });
        }
        Err(CliError::Refused(
            "edit requires a terminal for vi. Run it in a terminal, or set EDITOR to an editor that needs none".into(),
        ))
    }

    /// Opens the file, and waits until the user closes the editor.
    pub(super) async fn open(&self, file: &Path) -> Result<(), CliError> {
        let Some((program, arguments)) = self.words.split_first() else { return Ok(()) };
        let mut command = Command::new(program);
        command.args(arguments).arg(file);
        let ended = tokio::task::spawn_blocking(move || command.status()).await.map_err(io::Error::other).flatten();
        match ended {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(CliError::Refused(format!("nothing was changed: the editor {program} failed: {status}"))),
            Err(error) => Err(CliError::Refused(format!(
                "nothing was changed: cannot start the editor {program}: {error}. Set EDITOR to your editor"
            ))),
        }
    }
}

/// The file that the user edits. It is deleted at the end, unless it is kept.
#[derive(Debug)]
pub(super) struct Draft {
    path: TempPath,
    /// The text at the last start of the editor.
    shown: String,
}

impl Draft {
    /// Creates a file that only the user can read.
    pub(super) fn create() -> Result<Self, CliError> {
        let new = tempfile::Builder::new().prefix("sdctl-edit-").suffix(".yaml").tempfile();
        let file = new.map_err(|source| CliError::Write { file: env::temp_dir(), source })?;
        Ok(Self { path: file.into_temp_path(), shown: String::new() })
    }

    /// Lets the user edit a text. Returns the new text, or `None` if the user left it as it was.
    pub(super) async fn edit(&mut self, text: String, editor: &Editor) -> Result<Option<String>, CliError> {
        let path = self.path.to_path_buf();
        fs::write(&path, &text).map_err(|source| CliError::Write { file: path.clone(), source })?;
        self.shown = text;
        editor.open(&path).await?;
        let text = fs::read_to_string(&path).map_err(|source| CliError::Read { file: path, source })?;
        Ok(Some(text).filter(|text| *text != self.shown))
    }

    /// Keeps the file if the user has changed it from `original`. Returns its path.
    pub(super) fn keep(self, original: &str) -> Option<PathBuf> {
        let is_edited = fs::read(&self.path).is_ok_and(|text| text != original.as_bytes());
        if is_edited { self.path.keep().ok() } else { None }
    }
}
