//! Pollers, and what each does about a fault.

use clap::ValueEnum;
use http_sd_lambda::group::{Fault, LabelNames};

use super::finding::Severity;
use crate::files::{FileFault, Format, Poller, Problem, ReadFile};

/// Who reads the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Prometheus 2, the strictest
    Prometheus2,
    /// Prometheus 3, and what is built on it: Grafana Alloy, the OpenTelemetry target allocator
    Prometheus3,
    /// vmagent, which ignores unknown fields and the content type
    Vmagent,
}

/// In what a fault stands.
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

/// What a poller does about a fault.
#[derive(Debug, Clone, Copy)]
enum Effect {
    RejectsAll,
    RejectsFile,
    TakesForEmptyList,
    TakesForNoTargets,
    TakesForEmptyValue,
    TakesForNamelessLabel,
    TakesForKnownField,
    TakesTheLast,
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

    pub(super) fn poller(self) -> Poller {
        match self {
            Self::Prometheus2 => Poller::Prometheus2,
            Self::Prometheus3 => Poller::Prometheus3,
            Self::Vmagent => Poller::Vmagent,
        }
    }

    pub(super) fn is_prometheus(self) -> bool {
        self != Self::Vmagent
    }

    /// What becomes of a list that cannot be taken.
    pub(super) fn rejects(self, what: &str) -> String {
        format!("{} rejects {what} and keeps its old targets", self.name())
    }

    /// How bad a fault is, and what comes of it.
    pub(super) fn judge(self, fault: &FileFault, form: Form) -> (Severity, Option<String>) {
        let effect = match &fault.problem {
            Problem::Group(problem) => self.effect(problem, fault, form),
            Problem::Empty(_) if form == Form::Yaml => Some(Effect::TakesForEmptyList),
            Problem::Empty(_) if form == Form::Configuration => None,
            Problem::NotUtf8 if form == Form::Json => Some(Effect::Replaces),
            Problem::Syntax(_) | Problem::Empty(_) | Problem::NotUtf8 => Some(Effect::RejectsFile),
            Problem::NoSuchFile(_) => Some(Effect::WaitsForFile),
            Problem::Misspelt(_) | Problem::UnknownField(_) | Problem::Configuration(_) => Some(Effect::RejectsAll),
            // More than is read here, a second document for one, Prometheus may well take.
            Problem::TooMuch(_) | Problem::File(_) | Problem::Job(_) => None,
        };
        let severity = if matches!(effect, Some(Effect::Ignores)) { Severity::Warning } else { Severity::Fault };
        (severity, effect.map(|effect| self.words(effect, form)))
    }

    fn effect(self, problem: &Fault, fault: &FileFault, form: Form) -> Option<Effect> {
        let field = fault.field.as_str();
        let (of_target, of_label) = (field.starts_with("targets["), field.starts_with("labels["));
        Some(match problem {
            Fault::Missing if fault.place.group.is_some() => Effect::TakesForNoTargets,
            Fault::WrongType { found: "null", .. } => return Some(self.effect_of_null(fault)),
            Fault::Empty if of_target => Effect::DropsTarget,
            Fault::Empty if of_label && !self.is_prometheus() => Effect::TakesForNamelessLabel,
            Fault::Blank => Effect::FailsScrapes,
            Fault::UnknownField if form == Form::Json && is_known_in_other_case(field) => Effect::TakesForKnownField,
            Fault::UnknownField if form != Form::Configuration && !self.is_prometheus() => Effect::Ignores,
            Fault::Repeated if form == Form::Json => Effect::TakesTheLast,
            // Our own limit, of a key in DynamoDB.
            Fault::TooLong { .. } => return None,
            _ => Effect::RejectsAll,
        })
    }

    fn effect_of_null(self, fault: &FileFault) -> Effect {
        match fault.field.as_str() {
            "" if fault.place.group.is_none() => Effect::TakesForEmptyList,
            "" if !self.is_prometheus() => Effect::TakesForNoTargets,
            "a label's name" => Effect::TakesForNamelessLabel,
            field if field.starts_with("targets[") => Effect::DropsTarget,
            field if field.starts_with("labels[") => Effect::TakesForEmptyValue,
            _ => Effect::RejectsAll,
        }
    }

    fn words(self, effect: Effect, form: Form) -> String {
        let poller = self.name();
        match effect {
            Effect::RejectsAll if form == Form::Configuration => {
                format!("{poller} refuses the whole configuration and keeps the one it runs with")
            }
            Effect::RejectsAll => self.rejects("the whole list"),
            Effect::RejectsFile => format!("{poller} rejects the whole file and keeps what it has"),
            Effect::TakesForEmptyList => format!("{poller} takes it for an empty list and drops every target"),
            Effect::TakesForNoTargets => format!("{poller} takes it for a group without targets"),
            Effect::TakesForEmptyValue => format!("{poller} takes it for an empty value, as if there were no label"),
            Effect::TakesForNamelessLabel => format!("{poller} takes it for a label without a name"),
            Effect::TakesForKnownField => {
                format!("{poller} takes it, as case does not count in JSON, but sdctl apply and the function refuse it")
            }
            Effect::TakesTheLast => format!("{poller} takes the last one, and the others are lost"),
            Effect::Replaces => format!("{poller} takes it, with U+FFFD for each byte that it cannot read"),
            Effect::Ignores => format!("{poller} ignores it over HTTP, but sdctl apply and the function refuse it"),
            Effect::DropsTarget => format!("{poller} drops that target: it is never scraped"),
            Effect::FailsScrapes => "that target is no address, and every scrape of it fails".into(),
            Effect::WaitsForFile => format!("{poller} has none of its targets until it is there"),
        }
    }
}

/// Whether a field is one that Go's JSON reader takes for `targets` or `labels`.
fn is_known_in_other_case(field: &str) -> bool {
    ["targets", "labels"].iter().any(|known| known.eq_ignore_ascii_case(field))
}
