//! Pollers, and the effect of a fault on each.

use http_sd_lambda::group::{Fault, LabelNames};

use super::finding::Severity;
pub(super) use crate::files::Poller as Profile;
use crate::files::{FileFault, Format, Problem, ReadFile};

/// The kind of input that contains a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Yaml,
    Configuration,
}

impl Form {
    pub(super) fn of(file: &ReadFile) -> Self {
        match file.format {
            _ if file.configuration => Self::Configuration,
            Format::Json => Self::Json,
            Format::Yaml => Self::Yaml,
        }
    }
}

/// The effect of a fault on a poller.
#[derive(Debug, Clone, Copy)]
enum Effect {
    RejectsAll,
    RejectsFile,
    SkipsFile,
    ReadsAsEmptyList,
    ReadsAsNoTargets,
    ReadsAsEmptyValue,
    ReadsAsNamelessLabel,
    ReadsAsKnownField,
    UsesTheLast,
    Replaces,
    Ignores,
    DropsTarget,
    FailsScrapes,
    WaitsForFile,
}

impl Profile {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Prometheus2 => "Prometheus 2",
            Self::Prometheus3 => "Prometheus 3",
            Self::Vmagent => "vmagent",
        }
    }

    pub(super) fn label_names(self) -> LabelNames {
        match self {
            Self::Prometheus2 => LabelNames::Legacy,
            Self::Prometheus3 | Self::Vmagent => LabelNames::Utf8,
        }
    }

    pub(super) fn is_prometheus(self) -> bool {
        self != Self::Vmagent
    }

    /// Returns the user agent of a version, for servers that check it.
    pub(super) fn user_agent(self) -> &'static str {
        match self {
            Self::Prometheus2 => "Prometheus/2.53.0",
            Self::Prometheus3 => "Prometheus/3.5.0",
            // vmagent polls with the defaults of Go's HTTP client.
            Self::Vmagent => "Go-http-client/1.1",
        }
    }

    /// Returns whether the poller requests, and so accepts, a response compressed with gzip.
    pub(super) fn requests_gzip(self) -> bool {
        self == Self::Vmagent
    }

    /// Returns the effect of an invalid response, or of an invalid list on Prometheus.
    pub(super) fn rejects(self, what: &str) -> String {
        let poller = self.name();
        format!("{poller} rejects {what} and keeps its old targets")
    }

    /// Returns the severity and the effect of a fault.
    pub(super) fn judge(self, fault: &FileFault, form: Form) -> (Severity, Option<String>) {
        let effect = match &fault.problem {
            Problem::Group(problem) => self.effect(problem, fault, form),
            Problem::Empty(_) if form == Form::Yaml => Some(Effect::ReadsAsEmptyList),
            Problem::Empty(_) if form == Form::Configuration => None,
            Problem::NotUtf8 if form == Form::Json => Some(Effect::Replaces),
            Problem::Syntax(_) | Problem::Empty(_) | Problem::NotUtf8 => Some(Effect::RejectsFile),
            Problem::NoSuchFile(_) => Some(Effect::WaitsForFile),
            Problem::Misspelt(_) | Problem::UnknownField(_) | Problem::Configuration(_) => Some(Effect::RejectsAll),
            // Prometheus may accept input that sdctl does not read, such as a second document.
            Problem::TooMuch(_) | Problem::File(_) | Problem::Job(_) => None,
        };
        let effect = match effect {
            // It reads only responses as JSON.
            Some(Effect::RejectsAll | Effect::RejectsFile) if !self.is_prometheus() && form == Form::Yaml => {
                Some(Effect::SkipsFile)
            }
            effect => effect,
        };
        let severity = if matches!(effect, Some(Effect::Ignores)) { Severity::Warning } else { Severity::Fault };
        (severity, effect.map(|effect| self.words(effect, form)))
    }

    fn effect(self, problem: &Fault, fault: &FileFault, form: Form) -> Option<Effect> {
        let field = fault.field.as_str();
        let (of_target, of_label) = (field.starts_with("targets["), field.starts_with("labels["));
        Some(match problem {
            Fault::Missing if fault.place.group.is_some() => Effect::ReadsAsNoTargets,
            Fault::WrongType { found: "null", .. } => return Some(self.effect_of_null(fault)),
            Fault::Empty if of_target => Effect::DropsTarget,
            Fault::Empty if of_label && !self.is_prometheus() => Effect::ReadsAsNamelessLabel,
            Fault::Blank if self.is_prometheus() => Effect::FailsScrapes,
            Fault::Blank => Effect::DropsTarget,
            Fault::UnknownField if form == Form::Json && is_known_in_other_case(field) => Effect::ReadsAsKnownField,
            Fault::UnknownField if form == Form::Json && !self.is_prometheus() => Effect::Ignores,
            Fault::Repeated if form == Form::Json => Effect::UsesTheLast,
            // Prometheus has no such limit: it is the length of a DynamoDB key.
            Fault::TooLong { .. } => return None,
            _ => Effect::RejectsAll,
        })
    }

    fn effect_of_null(self, fault: &FileFault) -> Effect {
        match fault.field.as_str() {
            "" if fault.place.group.is_none() => Effect::ReadsAsEmptyList,
            "" if !self.is_prometheus() => Effect::ReadsAsNoTargets,
            "a label's name" => Effect::ReadsAsNamelessLabel,
            field if field.starts_with("targets[") => Effect::DropsTarget,
            field if field.starts_with("labels[") => Effect::ReadsAsEmptyValue,
            _ => Effect::RejectsAll,
        }
    }

    fn words(self, effect: Effect, form: Form) -> String {
        let poller = self.name();
        match effect {
            Effect::RejectsAll if form == Form::Configuration => {
                format!("{poller} rejects the whole configuration and keeps its current one")
            }
            Effect::RejectsAll => self.rejects("the whole list"),
            Effect::RejectsFile => format!("{poller} rejects the whole file and keeps its old targets"),
            Effect::SkipsFile => format!("{poller} skips the whole file and drops its targets"),
            Effect::ReadsAsEmptyList => format!("{poller} reads it as an empty list and drops every target"),
            Effect::ReadsAsNoTargets => format!("{poller} reads it as a group without targets"),
            Effect::ReadsAsEmptyValue => format!("{poller} reads it as an empty value, which means no label"),
            Effect::ReadsAsNamelessLabel => format!("{poller} reads it as a label without a name"),
            Effect::ReadsAsKnownField => {
                format!("{poller} accepts it in any case, but sdctl apply and the function reject it")
            }
            Effect::UsesTheLast => format!("{poller} uses the last one and drops the others"),
            Effect::Replaces => format!("{poller} replaces each invalid byte with U+FFFD"),
            Effect::Ignores => format!("{poller} ignores it over HTTP, but sdctl apply and the function reject it"),
            Effect::DropsTarget => format!("{poller} drops this target and never scrapes it"),
            Effect::FailsScrapes => "this target is not an address, so every scrape of it fails".into(),
            Effect::WaitsForFile => format!("{poller} gets none of its targets until the file exists"),
        }
    }
}

/// Whether Go's JSON reader, which ignores case, reads the field as `targets` or `labels`.
fn is_known_in_other_case(field: &str) -> bool {
    ["targets", "labels"].iter().any(|known| known.eq_ignore_ascii_case(field))
}
