//! The proof of an invariant, permit by permit.

use crate::process::Process;
use crate::{Solver, SolverError, Unproved};
use cedar_policy::{PolicySet, RequestEnv, Schema};
use cedar_policy_symcc::err::Error;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicySet, Env};
use hanzo_policy::Policies;
use hanzo_policy::prove::{Claim, Invariant, Judged, Method, PermitProof, Proof, Together, Verdict};
use std::{io, thread};
use tokio::time::timeout;

/// Most permits that are asked about in one question: it is not much slower than one of a single permit, and
/// if it fails, as many follow.
const TOGETHER: usize = 64;
/// Most policies in one formula. The compiler goes down one level for each; twice as many fit on the stack in
/// an unoptimised build.
const MAX_POLICIES: usize = 2000;
/// Stack of the thread in bytes; only what is used is ever taken.
const STACK: usize = 256 << 20;

/// Proves what the solver can, and tries every combination for the rest. In a thread of its own: the compiler
/// goes down formulas as deep as there are policies.
///
/// # Errors
/// [`SolverError`] if the solver cannot be asked at all.
pub fn prove(invariant: &Invariant, solver: &Solver) -> Result<Proof, SolverError> {
    let failed = |source| SolverError::Thread { source };
    thread::scope(|scope| {
        let work = || -> Result<Proof, SolverError> {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
            runtime.block_on(proof(invariant, solver))
        };
        let named = thread::Builder::new().name("proof".to_owned()).stack_size(STACK);
        let running = named.spawn_scoped(scope, work).map_err(failed)?;
        running.join().unwrap_or_else(|_| Err(failed(io::Error::other("the thread of the proof panicked"))))
    })
}

async fn proof(invariant: &Invariant, solver: &Solver) -> Result<Proof, SolverError> {
    let name = Process::start(solver)?.name(solver).await?;
    let world = World::new();
    let mut combinations = 0;
    let mut permits = Vec::new();
    for group in invariant.together(TOGETHER) {
        let all_hold = hold_together(&group, &world, solver).await;
        for claim in group.claims() {
            let found = if all_hold { Ok(Verdict::Holds) } else { symbolic(&claim, &world, solver).await };
            permits.push(match found {
                Ok(verdict) => {
                    let policy = claim.policy().to_owned();
                    PermitProof { policy, method: Method::Symbolic, verdict, unproved: None }
                }
                Err(unproved) => PermitProof {
                    unproved: Some(unproved.to_string()),
                    ..claim.exhaustive(&mut combinations)
                },
            });
        }
    }
    Ok(Proof::of(permits, combinations, Some(name)))
}

/// Whether the solver says of several permits in one question that they hold. Where it does not, each is
/// asked about alone.
async fn hold_together(group: &Together<'_>, world: &Result<World, Unproved>, solver: &Solver) -> bool {
    let Ok(world) = world else { return false };
    // One permit is one question anyway.
    if group.claims().nth(1).is_none() {
        return false;
    }
    let sets = (world.compiled(group.releasing()), world.compiled(group.condition()));
    let (Ok(releasing), Ok(condition)) = sets else { return false };
    matches!(ask(solver, &releasing, &condition).await, Ok(None))
}

/// What the solver says of one permit.
async fn symbolic(
    claim: &Claim<'_>,
    world: &Result<World, Unproved>,
    solver: &Solver,
) -> Result<Verdict, Unproved> {
    let world = world.as_ref().map_err(Unproved::clone)?;
    let releasing = world.compiled(claim.releasing())?;
    let Some(found) = ask(solver, &releasing, &world.compiled(claim.condition())?).await? else {
        return Ok(Verdict::Holds);
    };
    let verdict = judged(claim, &found)?;
    if verdict.case().is_some() {
        return Ok(verdict);
    }
    // A case that fails, and that no file can state: perhaps there is another.
    let likely = world.compiled(claim.likely_condition())?;
    let stated = match ask(solver, &releasing, &likely).await {
        Ok(Some(found)) => judged(claim, &found).ok().filter(|verdict| verdict.case().is_some()),
        _ => None,
    };
    Ok(stated.unwrap_or(verdict))
}

fn judged(claim: &Claim<'_>, found: &Env) -> Result<Verdict, Unproved> {
    match claim.judge(&found.request, &found.entities) {
        Judged::Fails(verdict) => Ok(verdict),
        Judged::Fault(error) => Err(Unproved::Fault(error)),
        Judged::Disagreement(why) => Err(Unproved::Disagreement(why)),
    }
}

/// The schema with its one kind of request.
struct World {
    schema: Schema,
    request: RequestEnv,
}

impl World {
    fn new() -> Result<Self, Unproved> {
        let (schema, _) = Schema::from_cedarschema_str(&Policies::schema_text())
            .map_err(|error| Unproved::Unsupported(error.to_string()))?;
        let mut requests = schema.request_envs();
        // A proof about one kind of request would be none about another.
        match (requests.next(), requests.next()) {
            (Some(request), None) => {
                drop(requests);
                Ok(Self { schema, request })
            }
            _ => Err(Unproved::Unsupported("the schema has not one kind of request".to_owned())),
        }
    }

    fn compiled(&self, policies: Result<PolicySet, String>) -> Result<CompiledPolicySet, Unproved> {
        let policies = policies.map_err(Unproved::Unsupported)?;
        if policies.policies().nth(MAX_POLICIES).is_some() {
            let why = format!("more than {MAX_POLICIES} policies in one formula; most of them forbid");
            return Err(Unproved::Unsupported(why));
        }
        CompiledPolicySet::compile(&policies, &self.request, &self.schema).map_err(|error| named(error, None))
    }
}

/// A request that both permit, if there is one.
async fn ask(
    solver: &Solver,
    releasing: &CompiledPolicySet,
    condition: &CompiledPolicySet,
) -> Result<Option<Env>, Unproved> {
    let process = Process::start(solver).map_err(|error| Unproved::Stopped(error.to_string()))?;
    let mut compiler = CedarSymCompiler::new(process).map_err(|error| named(error, None))?;
    let question = compiler.check_disjoint_with_counterexample_opt(releasing, condition);
    let answer = timeout(solver.timeout, question).await;
    let process = compiler.solver_mut();
    process.stop().await;
    match answer {
        Err(_) => Err(Unproved::Timeout(solver.timeout.as_secs())),
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(named(error, process.failure.take())),
    }
}

/// Why there is no answer: what the process met, if it met something, or else what the compiler says.
fn named(error: Error, met: Option<Unproved>) -> Unproved {
    if let Some(met) = met {
        return met;
    }
    match error {
        Error::SolverUnknown => Unproved::Unknown,
        Error::SolverError(error) => Unproved::Stopped(error.to_string()),
        // What cannot be written to a solver that has ended fails as if it could not be encoded.
        Error::EncodeError(error) => match error {
            cedar_policy_symcc::err::EncodeError::Io(error) => Unproved::Stopped(error.to_string()),
            other => Unproved::Unsupported(other.to_string()),
        },
        Error::DecodeModel(error) => Unproved::Model(error.to_string()),
        Error::ConcretizeError(error) => Unproved::Model(error.to_string()),
        Error::ModelInvalid { .. } => Unproved::Disagreement("an assertion does not hold".to_owned()),
        other => Unproved::Unsupported(other.to_string()),
    }
}
