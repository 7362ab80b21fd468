//! The AWS profile and the credentials of a command, as the AWS CLI selects them.

use std::{
    borrow::Cow,
    error::Error,
    io,
    path::{Path, PathBuf},
};

use aws_config::{
    default_provider::credentials::DefaultCredentialsChain,
    ecs::EcsCredentialsProvider,
    imds::credentials::ImdsCredentialsProvider,
    meta::credentials::CredentialsProviderChain,
    profile::{self, Profile, ProfileFileCredentialsProvider, ProfileSet},
    provider_config::ProviderConfig,
};
use aws_credential_types::provider::{
    ProvideCredentials, SharedCredentialsProvider,
    error::{CredentialsError, TokenError},
    future::ProvideCredentials as Provided,
};
use aws_sdk_dynamodb::config::Region;
use http_sd_lambda::{config::variable, table::NotSent};
use sha1::{Digest, Sha1};

use super::{Requests, rejected::Rejected};
use crate::{connection_fault::causes, error::CliError};

/// The variable that selects a profile.
const PROFILE: &str = "AWS_PROFILE";
/// The variables with keys.
const KEYS: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
/// The files of profiles: the variable and the default.
const FILES: [(&str, &str); 2] =
    [("AWS_CONFIG_FILE", "~/.aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")];

/// The profile of a command, and what the AWS configuration files say about it.
pub(super) struct Login {
    /// The option `--profile`. It takes precedence over credentials in the environment, as in the AWS CLI.
    option: Option<String>,
    profiles: ProfileSet,
}

impl Login {
    /// Reads the AWS configuration files.
    ///
    /// # Errors
    /// [`CliError::Profile`] if the files are invalid, or define no profile of the given name.
    pub(super) async fn read(option: Option<&str>) -> Result<Self, CliError> {
        let profiles = profiles(option).await?;
        let name = option.map(str::to_owned).or_else(|| variable(PROFILE));
        if let Some(name) = name
            && profiles.get_profile(&name).is_none()
        {
            let by = if option.is_some() { "--profile" } else { PROFILE };
            let problem = format!("profile {name:?} not found in {}", files());
            return Err(CliError::Profile { problem, remedy: format!("Check {by}, or add the profile to a file") });
        }
        Ok(Self { option: option.map(str::to_owned), profiles })
    }

    /// Returns the provider of credentials.
    pub(super) async fn credentials(&self, requests: Requests, region: &Region) -> SharedCredentialsProvider {
        let config = ProviderConfig::without_region().with_http_client(requests);
        let config = config.with_region(Some(region.clone()));
        let provider: Box<dyn ProvideCredentials> = match &self.option {
            None => Box::new(DefaultCredentialsChain::builder().configure(config).region(region.clone()).build().await),
            // Without the environment. A profile without credentials takes those of the machine.
            Some(name) => {
                let profile = ProfileFileCredentialsProvider::builder().profile_name(name).configure(&config).build();
                let ecs = EcsCredentialsProvider::builder().configure(&config).build();
                let imds = ImdsCredentialsProvider::builder().configure(&config).build();
                let chain = CredentialsProviderChain::first_try("Profile", profile);
                Box::new(chain.or_else("Ecs", ecs).or_else("Imds", imds))
            }
        };
        let (remedy, session_token) = (self.remedy(), self.session_token());
        SharedCredentialsProvider::new(Credentials { provider, remedy, session_token })
    }

    /// Says which keys sign the requests, if DynamoDB rejects them.
    pub(super) fn rejected(&self) -> Rejected {
        let [key, secret, token] = KEYS;
        if self.option.is_none() && variable(key).is_some() {
            return Rejected {
                keys: format!("the keys in the variables {key} and {secret}"),
                remedy: format!("Set new ones, or unset {key}, {secret} and {token} to use an AWS profile"),
            };
        }
        let keys = match self.source() {
            Some(source) => format!("the keys of profile {:?}", source.name()),
            None => "the keys of this machine".into(),
        };
        Rejected { keys, remedy: self.remedy() }
    }

    /// Returns the file that holds the token of the SSO session, if the profile has one.
    fn session_token(&self) -> Option<PathBuf> {
        let session = self.source()?.get("sso_session")?;
        let name = hex::encode(Sha1::digest(session)) + ".json";
        Some(Path::new(&variable("HOME")?).join(".aws/sso/cache").join(name))
    }

    /// Says how to get credentials.
    fn remedy(&self) -> String {
        let selected = self.profiles.selected_profile();
        let named = if selected == "default" { String::new() } else { format!(" --profile {selected}") };
        let Some(source) = self.source() else {
            return "Log in with aws login, name a profile with --profile, or set AWS_ACCESS_KEY_ID and \
                    AWS_SECRET_ACCESS_KEY"
                .into();
        };
        let has = |key| source.get(key).is_some();
        let named_source =
            if source.name() == "default" { String::new() } else { format!(" --profile {}", source.name()) };
        if has("sso_session") || has("sso_start_url") {
            format!("Log in with aws sso login{named_source}")
        } else if has("login_session") {
            format!("Log in with aws login{named_source}")
        } else if has("credential_process") {
            format!("Check credential_process in profile {:?} of {}", source.name(), files())
        } else {
            format!("Check the profile with aws sts get-caller-identity{named}")
        }
    }

    /// Returns the profile that holds the credentials, through `source_profile`.
    fn source(&self) -> Option<&Profile> {
        let mut profile = self.profiles.get_profile(self.profiles.selected_profile())?;
        // Profiles can form a circle.
        for _ in self.profiles.profiles() {
            match profile.get("source_profile").and_then(|name| self.profiles.get_profile(name)) {
                Some(source) if source.name() != profile.name() => profile = source,
                _ => break,
            }
        }
        Some(profile)
    }
}

/// Returns the names of the profiles in the AWS configuration files.
///
/// # Errors
/// [`CliError::Profile`] if the files are invalid.
pub(crate) async fn profile_names() -> Result<Vec<String>, CliError> {
    Ok(profiles(None).await?.profiles().map(str::to_owned).collect())
}

/// Returns whether the profile gets its credentials from a program, which may ask the user.
///
/// # Errors
/// The errors of [`Login::read`].
pub(super) async fn runs_a_program(option: Option<&str>) -> Result<bool, CliError> {
    let login = Login::read(option).await?;
    Ok(login.source().is_some_and(|source| source.get("credential_process").is_some()))
}

#[allow(clippy::default_trait_access, reason = "the SDK does not export these types")]
async fn profiles(name: Option<&str>) -> Result<ProfileSet, CliError> {
    let name = name.map(|name| Cow::Owned(name.to_owned()));
    let loaded = profile::load(&Default::default(), &Default::default(), &Default::default(), name).await;
    loaded.map_err(|error| CliError::Profile {
        problem: format!("cannot read the AWS configuration files: {}", texts(&error)),
        remedy: format!("Correct {}", self::files()),
    })
}

/// Returns the AWS configuration files, for messages.
fn files() -> String {
    FILES.map(|(name, default)| variable(name).unwrap_or_else(|| default.to_owned())).join(" and ")
}

/// A provider of credentials with errors in the user's words.
#[derive(Debug)]
struct Credentials {
    provider: Box<dyn ProvideCredentials>,
    remedy: String,
    /// The file that holds the token of an SSO session. The SDK's error hides that it is missing.
    session_token: Option<PathBuf>,
}

impl ProvideCredentials for Credentials {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        Provided::new(async {
            let provided = self.provider.provide_credentials().await;
            provided.map_err(|error| CredentialsError::provider_error(self.in_words(&error)))
        })
    }
}

impl Credentials {
    fn in_words(&self, error: &CredentialsError) -> NotSent {
        if let Some(reason) = causes(error).find_map(|cause| cause.downcast_ref::<NotSent>()) {
            let reason = reason.clone();
            return NotSent { reason: format!("cannot get credentials: {}", reason.reason), ..reason };
        }
        let no_file = || {
            let io = causes(error).find_map(|cause| cause.downcast_ref::<io::Error>());
            io.is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
                || self.session_token.as_ref().is_some_and(|file| !file.exists())
        };
        let reason = match error {
            CredentialsError::CredentialsNotLoaded(_) => "no credentials found".to_owned(),
            _ if no_file() => "you are not logged in".to_owned(),
            error => format!("cannot get credentials: {}", texts(error)),
        };
        NotSent { reason, remedy: self.remedy.clone(), transient: false }
    }
}

/// Returns the texts of an error and its causes on one line. Some errors repeat the text of their cause.
fn texts(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    // These only say that there is a cause.
    let says_nothing = |cause: &(dyn Error + 'static)| {
        cause.source().is_some() && (cause.is::<CredentialsError>() || cause.is::<TokenError>())
    };
    for text in causes(error).filter(|cause| !says_nothing(*cause)).map(ToString::to_string) {
        if texts.iter().all(|earlier| !earlier.contains(&text)) {
            texts.push(text);
        }
    }
    texts.join(": ").trim_end_matches('.').lines().map(str::trim).collect::<Vec<_>>().join("; ")
}
