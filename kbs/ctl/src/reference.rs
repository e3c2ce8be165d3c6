//! `reference`: the measurements that policies trust. Public values, versioned as a whole set.

mod history;
mod import;
mod mapping;
mod measure;
mod sign;

use crate::connect::ConnectArgs;
use crate::exit::{Failure, Outcome};
use crate::input;
use crate::output::{Sheet, Show, note};
use crate::run::Context;
use crate::statement::StatementArgs;
use clap::{ArgGroup, Args, Subcommand};
use hanzo_attestation_evidence::{Digest, UnixTime, encoding, json};
use hanzo_kbs_client::ClientError;
use hanzo_kbs_protocol::{PutReference, ReferenceInfo, ReferenceSigner, ReferenceValue, RuleName};
use hanzo_policy::{ReferenceSet, References, Validity};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long before its end a value is spoken of: time to have its maker sign the next.
const AGEING: Duration = Duration::from_secs(30 * 24 * 3600);

#[derive(Args, Debug)]
pub(crate) struct ReferenceArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(subcommand)]
    verb: ReferenceVerb,
}

#[derive(Debug, Subcommand)]
enum ReferenceVerb {
    /// Store a new set of reference values, or the next version of one
    #[command(group(ArgGroup::new("values").required(true).args(["value", "file"])))]
    Put {
        /// Name of the set, as policies name it
        name: String,
        /// One value, KIND:REGISTER:HEX, e.g. sev-snp:measurement:4c1d…; KIND:REGISTER:HEX=NOTE adds a note.
        /// May be given many times
        #[arg(long = "value", value_name = "VALUE", value_parser = parse_value)]
        value: Vec<ReferenceValue>,
        /// File with the whole set, or - for standard input:
        /// {"values":[{"tee":…,"register":…,"digest":HEX}]}. Values with the same "entry" count together or
        /// not at all
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// The version that this one replaces; refused if another is current, and needed if the set exists
        #[arg(long, value_name = "VERSION")]
        expected_version: Option<u64>,
    },
    /// Store values that others published, their signatures verified: JSON, CoRIM, Trustee's
    /// messages, NVIDIA's manifests
    Import(import::ImportArgs),
    /// Sign a file of reference values, for an import
    Sign(sign::SignArgs),
    /// Compute the launch measurement of images, before anything is launched
    #[command(subcommand)]
    Measure(measure::MeasureVerb),
    /// List the sets
    List,
    /// Show one set
    Get {
        /// Name of the set
        name: String,
        /// Version [default: the current one]
        #[arg(long, value_name = "VERSION")]
        version: Option<u64>,
    },
    /// List the versions of a set, newest first, with the decision that put each
    History(history::HistoryArgs),
    /// Get the broker's signed word on the versions of a set, and hold it against an earlier one
    Statement(StatementArgs),
    /// Compare two versions of a set
    Diff(history::DiffArgs),
    /// Store the values of an old version as the next one
    Rollback(history::RollbackArgs),
}

impl ReferenceArgs {
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let environment = &context.environment;
        match self.verb {
            ReferenceVerb::Put { name, value, file, expected_version } => {
                let mut request = match file {
                    Some(file) => read_set(&file, &name)?,
                    None => PutReference { values: value, expected_version: None },
                };
                request.expected_version = expected_version.or(request.expected_version);
                put(&name, &request, &self.connect, context)?;
            }
            ReferenceVerb::Import(import) => return import.run(&self.connect, context),
            ReferenceVerb::Sign(sign) => return sign.run(context),
            ReferenceVerb::Measure(measure) => return measure.run(context),
            ReferenceVerb::List => {
                let admin = self.connect.admin(environment)?;
                let sets = context.wait(async { Ok(admin.list_references().await?) })?;
                context.output.show(&sets)?;
                environment.now.iter().flat_map(|now| ageing(&sets, *now)).for_each(|line| note(&line));
            }
            ReferenceVerb::Get { name, version } => {
                let admin = self.connect.admin(environment)?;
                let set = context.wait(async {
                    admin.reference(&name, version).await.map_err(|error| absent(error, &name, version))
                })?;
                context.output.show(&set)?;
            }
            ReferenceVerb::History(history) => return history.run(&self.connect, context),
            ReferenceVerb::Statement(statement) => {
                return statement.run(RuleName::Reference, &self.connect, context);
            }
            ReferenceVerb::Diff(diff) => return diff.run(&self.connect, context),
            ReferenceVerb::Rollback(rollback) => return rollback.run(&self.connect, context),
        }
        Ok(Outcome::Yes)
    }
}

/// Stores a set, shows what the broker has now, and says what of it has expired or soon will.
fn put(name: &str, request: &PutReference, connect: &ConnectArgs, context: &Context) -> Result<(), Failure> {
    let admin = connect.admin(&context.environment)?;
    let stored = context.wait(async { Ok(admin.put_reference(name, request).await) })?;
    let stored = stored.map_err(|error| match error {
        // A name in which the broker sees more than one.
        ClientError::Problem(problem) if problem.code == "NotFound" => {
            Failure::Input { path: name.to_owned(), reason: "is no name of a set".to_owned() }
        }
        error => error.into(),
    })?;
    context.output.show(&stored)?;
    let lines = context.environment.now.map(|now| ageing(&[stored], now)).unwrap_or_default();
    lines.iter().for_each(|line| note(line));
    Ok(())
}

/// What a broker that has no such set, or no such version of it, is understood to say.
fn absent(error: ClientError, name: &str, version: Option<u64>) -> Failure {
    match (error, version) {
        (ClientError::Problem(problem), None) if problem.code == "NotFound" => {
            Failure::Absent(format!("there is no reference set `{name}`"))
        }
        (ClientError::Problem(problem), Some(version)) if problem.code == "NotFound" => {
            Failure::Absent(format!("there is no reference set `{name}` with a version {version}"))
        }
        (error, _) => error.into(),
    }
}

/// Reads a set and checks it by the broker's own rules, so that a mistake is named with its file.
pub(crate) fn read_set(path: &Path, name: &str) -> Result<PutReference, Failure> {
    let wrong = |reason: String| Failure::file(path, reason);
    let bytes = input::read(path, input::MAX_FILE)?;
    let request: PutReference = json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    check(name, request.values.clone()).map_err(wrong)?;
    Ok(request)
}

fn check(name: &str, values: Vec<ReferenceValue>) -> Result<(), String> {
    References::new(vec![set(name, values)]).map(drop).map_err(|error| error.to_string())
}

/// A set in the form that policies are asked with.
pub(crate) fn set(name: &str, values: Vec<ReferenceValue>) -> ReferenceSet {
    let value = |value: ReferenceValue| {
        let ReferenceValue { tee, register, digest, entry, note, not_before, expires_at, .. } = value;
        let validity = Validity { not_before, expires_at };
        hanzo_policy::ReferenceValue { tee, register, digest, entry, note, validity }
    };
    ReferenceSet { name: name.to_owned(), values: values.into_iter().map(value).collect() }
}

/// Stands for a set whose name is not known yet.
const UNNAMED: &str = "this set";

/// Reads `KIND:REGISTER:HEX` or `KIND:REGISTER:HEX=NOTE`.
fn parse_value(text: &str) -> Result<ReferenceValue, String> {
    let shape = || "expected KIND:REGISTER:HEX, e.g. sev-snp:measurement:4c1d…".to_owned();
    let (value, note) = match text.split_once('=') {
        Some((value, note)) => (value, Some(note.to_owned())),
        None => (text, None),
    };
    let (tee, rest) = value.split_once(':').ok_or_else(shape)?;
    let (register, digest) = rest.split_once(':').ok_or_else(shape)?;
    mapping::known_register(tee, register)?;
    let digest = encoding::hex_decode(digest).map_err(|error| format!("the digest is {error}"))?;
    let digest = Digest::try_from(digest.as_slice()).map_err(|error| error.to_string())?;
    let value = ReferenceValue { note, ..ReferenceValue::new(tee, register, digest) };
    let prefix = format!("reference set `{UNNAMED}`: ");
    check(UNNAMED, vec![value.clone()]).map_err(|reason| reason.replace(&prefix, ""))?;
    Ok(value)
}

impl Show for ReferenceInfo {
    fn sheet(&self) -> Sheet {
        let facts = [
            ("reference set", self.name.clone()),
            ("version", self.version.to_string()),
            ("created", self.created_at.to_string()),
        ];
        grid_of_values(Sheet::new().facts(facts), &self.values)
    }
}

/// Adds a row for each value.
fn grid_of_values(sheet: Sheet, values: &[ReferenceValue]) -> Sheet {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let rows = values.iter().map(|value| {
        [
            value.tee.clone(),
            value.register.clone(),
            value.digest.to_string(),
            text(&value.entry),
            text(&value.note),
            date(value.not_before),
            date(value.expires_at),
            text(&value.source),
            value.signer.as_ref().map(signer).unwrap_or_default(),
        ]
    });
    let header = ["kind", "register", "digest", "entry", "note", "from", "until", "source", "signer"];
    sheet.grid(header, rows)
}

fn date(date: Option<UnixTime>) -> String {
    date.map(|date| date.to_string()).unwrap_or_default()
}

fn signer(signer: &ReferenceSigner) -> String {
    match signer {
        ReferenceSigner::Key { key_id, name } => format!("{name} ({key_id})"),
        ReferenceSigner::Vendor { vendor } => vendor.clone(),
        ReferenceSigner::Unsigned { unsigned } => format!("unsigned: {unsigned}"),
    }
}

/// One line for each set with values that have expired, or will within [`AGEING`].
fn ageing(sets: &[ReferenceInfo], now: UnixTime) -> Vec<String> {
    let line = |set: &ReferenceInfo| {
        let ends = || set.values.iter().filter_map(|value| value.expires_at);
        let expired = ends().filter(|end| *end <= now).count();
        let soon = ends().filter(|end| *end > now && *end <= now.after(AGEING));
        let (count, next) = (soon.clone().count(), soon.min());
        let next = next.map(|next| format!(", the next at {next}")).unwrap_or_default();
        let name = &set.name;
        (expired + count > 0).then(|| {
            format!(
                "reference set `{name}`: {expired} values have expired, {count} will within 30 days{next}"
            )
        })
    };
    sets.iter().filter_map(line).collect()
}

impl Show for Vec<ReferenceInfo> {
    fn sheet(&self) -> Sheet {
        let rows = self.iter().map(|set| {
            let (version, values) = (set.version.to_string(), set.values.len().to_string());
            let first_end = set.values.iter().filter_map(|value| value.expires_at).min();
            [set.name.clone(), version, values, set.created_at.to_string(), date(first_end)]
        });
        Sheet::new().grid(["name", "version", "values", "created", "first expiry"], rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_the_command_line_is_read_in_full() {
        let digest = "4c".repeat(48);
        let value = parse_value(&format!("sev-snp:measurement:{digest}")).unwrap();
        assert_eq!((value.tee.as_str(), value.register.as_str()), ("sev-snp", "measurement"));
        assert_eq!((value.digest.to_string(), value.note), (digest.clone(), None));
        let noted = parse_value(&format!("tdx:mr_td:{digest}=image 7: a=b")).unwrap();
        assert_eq!(noted.note.as_deref(), Some("image 7: a=b"));
    }

    #[test]
    fn values_that_age_are_spoken_of() {
        let now = UnixTime::parse("2026-11-01T00:00:00Z").unwrap();
        let day = |days: i64| UnixTime::from_seconds(now.seconds() + days * 86_400).unwrap();
        let value = |end: Option<i64>| {
            let digest = Digest::try_from(&[1; 48][..]).unwrap();
            ReferenceValue { expires_at: end.map(day), ..ReferenceValue::new("tdx", "mr_td", digest) }
        };
        let set = |name: &str, ends: &[Option<i64>]| ReferenceInfo {
            name: name.to_owned(),
            version: 1,
            values: ends.iter().map(|end| value(*end)).collect(),
            created_at: now,
        };
        let lines =
            ageing(&[set("a", &[None, Some(31)]), set("b", &[Some(0), Some(30), Some(9), None])], now);
        let b = "reference set `b`: 1 values have expired, 2 will within 30 days, the next at 2026-11-10T00:00:00Z";
        assert_eq!(lines, [b]);
    }

    #[test]
    fn refuses_what_no_policy_could_match() {
        let digest = "4c".repeat(48);
        for (text, reason) in [
            (digest.clone(), "expected KIND:REGISTER:HEX"),
            (format!("sev-snp:{digest}"), "expected KIND:REGISTER:HEX"),
            (format!("sev-snp:measurement:{}", digest.to_uppercase()), "not lower-case hex"),
            (format!("sev-snp:measurement:{}", "4c".repeat(32)), "has 48 bytes, not 32"),
            (format!("sev-snp:measurement:{}", "00".repeat(48)), "zeros"),
            (format!("sev-snp:mr_td:{digest}"), "no register `mr_td`"),
            (format!("tpm:measurement:{digest}"), "`tpm` has no register `measurement`"),
        ] {
            let refused = parse_value(&text).unwrap_err();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }
}
