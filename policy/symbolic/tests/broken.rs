//! Solvers that do not tell: each way has a name, and none is a proof. One test, so that no other thread
//! starts a process while these programs are written.
#![expect(clippy::unwrap_used, reason = "a failure here is the failure of the test")]

use hanzo_policy::PolicySource;
use hanzo_policy::prove::{Invariant, Method, Proof, Verdict};
use hanzo_policy_symbolic::{Solver, SolverError, prove};
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// A solver of shell: what it says to each question for its name, and then to `check-sat` and `get-model`.
fn program(folder: &Path, name: &str, greeting: &str, answer: &str, model: &str) -> OsString {
    let path = folder.join(name);
    let text = format!(
        "#!/bin/sh\nwhile read -r line; do case \"$line\" in\n'(get-info'*) {greeting};;\n\
         '(check-sat)'*) {answer};;\n'(get-model)'*) {model};;\nesac; done\n"
    );
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.into()
}

const GREETING: &str = r#"case "$line" in *name*) echo '(:name "lab")';; *) echo '(:version "1")';; esac"#;

fn invariant(permit: &str, condition: &str) -> Invariant {
    let text = format!("permit (principal, action, resource) when {{ {permit} }};");
    Invariant::new(&[PolicySource { name: "p".to_owned(), version: 1, text }], condition).unwrap()
}

fn ask(invariant: &Invariant, program: OsString, timeout: Duration) -> Result<Proof, SolverError> {
    prove(invariant, &Solver { program, timeout })
}

#[test]
fn what_is_no_answer_has_a_name_and_is_no_proof() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let long = Duration::from_secs(60);
    // Both decidable by trying: one holds, one fails. The third is not.
    let holds = invariant("!principal.lab", "principal.lab");
    let fails = invariant("principal.tier >= 2", "principal.lab");
    let undecided = invariant("context.now + 1 > 5", "principal.lab");

    for (name, answer, model, expected) in [
        ("unknown", "echo unknown", ":", "SolverUnknown"),
        ("ends", "exit 3", ":", "SolverStopped"),
        ("killed", "kill -9 $$", ":", "SolverStopped"),
        ("error", "echo '(error \"no such logic\")'", ":", "SolverRefused: no such logic"),
        ("words", "echo proved", ":", "SolverAnswer"),
        ("empty", "echo", ":", "SolverAnswer"),
        ("upper", "echo UNSAT", ":", "SolverAnswer"),
        ("endless", "tr '\\0' a < /dev/zero", ":", "SolverAnswer: it is longer"),
        ("bytes", "printf '\\377\\n'", ":", "SolverAnswer: it is no UTF-8"),
        ("half", "printf unsat; exit 0", ":", "SolverStopped"),
        ("no-model", "echo sat", "echo '(error \"none\")'", "SolverRefused"),
        ("half-model", "echo sat", "echo '('; exit 0", "SolverStopped"),
        ("odd-model", "echo sat", "printf '(\\nfoo\\n)\\n'", "SolverModel"),
    ] {
        let named = |answer| program(folder, name, GREETING, answer, model);
        for (invariant, by_trying) in [(&holds, Some(true)), (&fails, Some(false)), (&undecided, None)] {
            let proof = ask(invariant, named(answer), long).unwrap();
            let permit = &proof.permits[0];
            let unproved = permit.unproved.as_deref().unwrap_or_else(|| panic!("{name}: {proof:?}"));
            assert!(unproved.starts_with(expected), "{name}: {unproved}");
            assert_eq!(proof.holds, by_trying == Some(true), "{name}: {proof:?}");
            let method = if by_trying.is_some() { Method::Exhaustive } else { Method::Undecided };
            assert_eq!((permit.method, proof.method), (method, method), "{name}: {proof:?}");
            assert_eq!(proof.solver.as_deref(), Some("lab 1"), "{name}");
        }
    }

    // One that says nothing is killed.
    let silent = program(folder, "silent", GREETING, ":", ":");
    let proof = ask(&undecided, silent, Duration::from_millis(300)).unwrap();
    assert!(proof.permits[0].unproved.as_deref().unwrap().starts_with("SolverTimeout"), "{proof:?}");
    assert!(matches!(proof.permits[0].verdict, Verdict::Undecided { .. }) && !proof.holds);

    // A case that is none: an empty model satisfies no such formula.
    let liar = program(folder, "liar", GREETING, "echo sat", "printf '(\\n)\\n'");
    let proof = ask(&holds, liar, long).unwrap();
    let unproved = proof.permits[0].unproved.as_deref().unwrap_or_else(|| panic!("{proof:?}"));
    assert!(unproved.starts_with("Solver"), "{unproved}");
    assert_eq!((proof.holds, proof.method), (true, Method::Exhaustive), "{proof:?}");

    // What is no solver is refused before anything is asked.
    let mute = program(folder, "mute", "exit 0", ":", ":");
    let rude = program(folder, "rude", "echo hello", ":", ":");
    for program in [mute, rude, "/bin/false".into()] {
        let error = ask(&holds, program.clone(), long).unwrap_err();
        assert!(matches!(&error, SolverError::Foreign { .. }), "{program:?}: {error}");
    }
    let missing = ask(&holds, folder.join("nothing").into(), long).unwrap_err();
    assert!(matches!(&missing, SolverError::Missing(_)), "{missing}");
    let directory = ask(&holds, folder.as_os_str().to_owned(), long).unwrap_err();
    assert!(matches!(&directory, SolverError::Start { .. }), "{directory}");
}
