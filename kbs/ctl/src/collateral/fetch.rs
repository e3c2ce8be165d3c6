//! `collateral fetch`: the one verb that asks vendors.

use super::args::{FetchArgs, ProductName, TeeName};
use super::{now, refused, roots};
use crate::exit::{Failure, Outcome};
use crate::input;
use crate::output::{Sheet, Show};
use crate::run::Context;
use hanzo_attestation_collateral::bundle::Kind;
use hanzo_attestation_collateral::{Document, Store, StoreError};
use hanzo_attestation_collateral_fetch::{
    Age, Clock, FetchError, Fetched, Fetcher, Hosts, Limits, Origin, PckCa, Settings, TlsTrust, Update,
    Wanted,
};
use hanzo_attestation_evidence::dcap::TeeType;
use hanzo_attestation_evidence::document::MAX_DOCUMENT;
use hanzo_attestation_evidence::nvidia;
use hanzo_attestation_evidence::nvidia::rim::RimId;
use hanzo_attestation_evidence::snp::{self, Product, Vek};
use hanzo_attestation_evidence::{Document as EvidenceDocument, Item, UnixTime};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Exit codes, for `--help`.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  yes: everything that was wanted is in the store and in force
  1  a clear no: a document was refused, or its vendor has none
  2  wrong usage or unreadable input
  3  a vendor could not be reached, or failed; what came is in the store";

/// What came of it.
#[derive(Debug, Serialize)]
struct FetchAnswer {
    stored: bool,
    documents: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    kind: Kind,
    key: String,
    /// `vendor`, `kept`, or `failed`.
    from: &'static str,
    age: Option<&'static str>,
    expires: Option<UnixTime>,
    error: Option<String>,
}

/// The instant at which this run judges: one for all documents.
struct OneInstant(UnixTime);

impl Clock for OneInstant {
    fn now(&self) -> UnixTime {
        self.0
    }
}

pub(super) fn run(args: &FetchArgs, context: &Context) -> Result<Outcome, Failure> {
    let (now, roots) = (now(args.at.at, context)?, roots(&args.roots)?);
    let wanted = wanted(args)?;
    if wanted.is_empty() {
        return Err(arguments("nothing is wanted: give --product, --tee, --rim or --for"));
    }
    let fetcher = Fetcher::new(settings(args)?, roots.clone(), Arc::new(OneInstant(now)))
        .map_err(|error| arguments(&error.to_string()))?;
    let store = Store::at(&args.store.store);
    if !args.again {
        keep(&store, &fetcher)?;
    }
    let mut ends = Vec::new();
    context.wait(async {
        for wanted in &wanted {
            ends.push(fetcher.fetch(wanted).await);
        }
        Ok(())
    })?;
    let came = ends.iter().flatten().filter(|end| end.origin == Origin::Vendor);
    let documents: Vec<Document> = came.flat_map(|end| end.documents.iter().cloned()).collect();
    if !documents.is_empty()
        && let Err(error) = store.add(documents, &roots, now)
    {
        context.output.show(&refused(store.path(), &error)?)?;
        return Ok(Outcome::No);
    }
    let rows = wanted.iter().zip(&ends).map(|(wanted, end)| Row::new(wanted, end)).collect();
    let failures: Vec<&FetchError> = ends.iter().filter_map(|end| end.as_ref().err()).collect();
    context.output.show(&FetchAnswer { stored: failures.is_empty(), documents: rows })?;
    match failures.iter().find(|error| is_outage(error)) {
        Some(error) => Err(Failure::Vendor(error.to_string())),
        None => Ok(failures.is_empty().into()),
    }
}

const fn is_outage(error: &FetchError) -> bool {
    matches!(
        error,
        FetchError::Unreachable { .. }
            | FetchError::Timeout { .. }
            | FetchError::CircuitOpen { .. }
            | FetchError::Status { .. }
    )
}

fn settings(args: &FetchArgs) -> Result<Settings, Failure> {
    let hosts =
        Hosts::new(args.amd_mirror.as_deref(), args.intel_mirror.as_deref(), args.allow_plain_loopback)
            .map_err(|error| arguments(&error.to_string()))?;
    let hosts = match &args.nvidia_mirror {
        Some(mirror) => hosts.with_nvidia_mirror(mirror).map_err(|error| arguments(&error.to_string()))?,
        None => hosts,
    };
    let trust = match &args.cacert {
        Some(path) => TlsTrust::Authority(input::read(path, input::MAX_FILE)?.to_vec()),
        None => TlsTrust::SystemStore,
    };
    Ok(Settings { hosts, trust, limits: Limits::default(), stale_if_error: Duration::ZERO })
}

/// What the store has is asked for again only when it is due.
fn keep(store: &Store, fetcher: &Fetcher) -> Result<(), Failure> {
    let stored = match store.read(None) {
        Ok(stored) => stored,
        Err(StoreError::Empty) => return Ok(()),
        Err(error) => return Err(Failure::file(store.path(), error)),
    };
    let all: Vec<Document> = stored.documents.into_iter().map(|found| found.document).collect();
    for document in &all {
        let chain = document.chain_among(&all).cloned();
        // One that is not taken any more, because its root is not trusted today, is fetched.
        drop(fetcher.keep(document.clone(), chain));
    }
    Ok(())
}

fn wanted(args: &FetchArgs) -> Result<Vec<Wanted>, Failure> {
    let update = if args.early { Update::Early } else { Update::Standard };
    let mut wanted = Vec::new();
    let mut want = |one: Wanted| {
        if !wanted.contains(&one) {
            wanted.push(one);
        }
    };
    for product in &args.product {
        let product = match product {
            ProductName::Milan => Product::Milan,
            ProductName::Genoa => Product::Genoa,
            ProductName::Turin => Product::Turin,
        };
        for vek in [Vek::Vcek, Vek::Vlek] {
            want(Wanted::AmdCrl { product, vek });
            want(Wanted::AmdChain { product, vek });
        }
    }
    for tee in &args.tee {
        let tee = match tee {
            TeeName::Tdx => TeeType::Tdx,
            TeeName::Sgx => TeeType::Sgx,
        };
        for fmspc in &args.fmspc {
            want(Wanted::TcbInfo { tee, fmspc: *fmspc, update });
        }
        want(Wanted::QeIdentity { tee, update });
        for ca in [PckCa::Platform, PckCa::Processor] {
            want(Wanted::PckCrl { ca });
        }
        want(Wanted::RootCrl);
    }
    for id in &args.rim {
        want(Wanted::NvidiaRim { id: id.clone() });
    }
    for path in &args.evidence {
        for_evidence(path, &mut want)?;
    }
    Ok(wanted)
}

/// What a document of evidence needs. Nothing in it is verified: it only says what to ask for.
fn for_evidence(path: &Path, want: &mut impl FnMut(Wanted)) -> Result<(), Failure> {
    let bytes = input::read(path, MAX_DOCUMENT)?;
    let document = EvidenceDocument::from_json(&bytes).map_err(|error| Failure::file(path, error))?;
    let evidence = document.parse().map_err(|error| Failure::file(path, error))?;
    for item in evidence.items() {
        match item {
            Item::SevSnp(item) => for_snp(item, want),
            Item::Nvidia(item) => for_nvidia(item, want),
            _ => {}
        }
    }
    Ok(())
}

fn for_snp(item: &snp::Evidence, want: &mut impl FnMut(Wanted)) {
    let body = item.report.body();
    let Some(product) = body.product else { return };
    let vek = body.signing_key;
    want(Wanted::AmdCrl { product, vek });
    want(Wanted::AmdChain { product, vek });
    if item.certs.is_empty() && vek == Vek::Vcek {
        // Turin's chip ids have 8 bytes (rule book, section D).
        let length = if product == Product::Turin { 8 } else { body.chip_id.0.len() };
        let hardware_id = body.chip_id.0.iter().copied().take(length).collect();
        want(Wanted::AmdVcek { product, hardware_id, tcb: body.reported_tcb });
    }
}

/// The manifests of what each device says that it runs.
fn for_nvidia(item: &nvidia::Evidence, want: &mut impl FnMut(Wanted)) {
    for device in &item.devices {
        for id in RimId::of(item.class, &device.report) {
            want(Wanted::NvidiaRim { id });
        }
    }
}

fn arguments(reason: &str) -> Failure {
    Failure::Input { path: "collateral fetch".to_owned(), reason: reason.to_owned() }
}

impl Row {
    fn new(wanted: &Wanted, end: &Result<Fetched, FetchError>) -> Self {
        let (kind, key) = (wanted.kind(), wanted.key());
        match end {
            Ok(end) => Self {
                kind,
                key,
                from: if end.origin == Origin::Vendor { "vendor" } else { "kept" },
                age: Some(age(end.age)),
                expires: end.documents.first().map(|document| document.expires),
                error: match &end.origin {
                    Origin::KeptOnError { error } => Some(error.to_string()),
                    Origin::Vendor | Origin::Kept => None,
                },
            },
            Err(error) => {
                Self { kind, key, from: "failed", age: None, expires: None, error: Some(error.to_string()) }
            }
        }
    }
}

const fn age(age: Age) -> &'static str {
    match age {
        Age::Fresh => "fresh",
        Age::Due => "due",
        Age::Late => "LATE",
        Age::Expired => "EXPIRED",
    }
}

impl Show for FetchAnswer {
    fn sheet(&self) -> Sheet {
        let rows = self.documents.iter().map(|row| {
            [
                row.kind.to_string(),
                row.key.clone(),
                row.from.to_owned(),
                row.age.unwrap_or("-").to_owned(),
                row.expires.map_or_else(|| "-".to_owned(), |expires| expires.to_string()),
                row.error.clone().unwrap_or_default(),
            ]
        });
        Sheet::new().grid(["kind", "key", "from", "age", "expires", "error"], rows)
    }
}
