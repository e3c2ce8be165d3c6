//! One solver for one question: started, bounded, asked, killed.

use crate::{MAX_ANSWER, MAX_MEMORY, Solver, SolverError, Unproved};
use cedar_policy_symcc::SmtLibScript as _;
use cedar_policy_symcc::solver::{self, Decision, DecisionWithModel};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use std::io;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, BufWriter};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// How long a solver may take to say its name.
const GREETING: Duration = Duration::from_secs(10);
/// Most characters of an answer that are shown.
const MAX_SHOWN: usize = 200;
/// cvc5's: SMT-LIB 2.6, and strings with all that patterns need, which is off unless asked for.
const ARGUMENTS: [&str; 3] = ["--lang", "smt", "--strings-exp"];
/// What a solver has no use for: the administrator's token.
const SECRET: &str = "KBS_TOKEN";

/// A running solver.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    input: BufWriter<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// Bytes of answers that were read.
    read: usize,
    /// Why it did not answer.
    pub(crate) failure: Option<Unproved>,
}

impl Process {
    /// Starts a solver that may use as many seconds of processor as it may think, and one more.
    pub(crate) fn start(solver: &Solver) -> Result<Self, SolverError> {
        let program = || solver.program.to_string_lossy().into_owned();
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => SolverError::Missing(program()),
            _ => SolverError::Start { program: program(), source },
        };
        let mut child = Command::new(&solver.program)
            .args(ARGUMENTS)
            .env_remove(SECRET)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        bound(&child, solver.timeout).map_err(failed)?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.ok_or_else(|| failed(io::Error::other("it has no pipes")))?;
        let (input, output) = (BufWriter::new(input), BufReader::new(output));
        Ok(Self { child, input, output, read: 0, failure: None })
    }

    /// Its name and version, by its own word.
    pub(crate) async fn name(mut self, solver: &Solver) -> Result<String, SolverError> {
        let asked = timeout(GREETING, self.info()).await;
        self.stop().await;
        let reason = match asked {
            Ok(Ok(name)) => return Ok(name),
            Ok(Err(unproved)) => unproved.to_string(),
            Err(_) => format!("no answer within {} s", GREETING.as_secs()),
        };
        Err(SolverError::Foreign { program: solver.program.to_string_lossy().into_owned(), reason })
    }

    /// Kills it, and waits for its end.
    pub(crate) async fn stop(&mut self) {
        // Fails only for one that has ended.
        drop(self.child.kill().await);
    }

    async fn info(&mut self) -> Result<String, Unproved> {
        let mut told = Vec::new();
        for keyword in [":name", ":version"] {
            let line = self.ask(&format!("(get-info {keyword})\n")).await?;
            let value = line.trim().strip_prefix('(').and_then(|rest| rest.strip_prefix(keyword));
            let value =
                value.and_then(|rest| rest.trim().strip_suffix(')')).map(|text| text.trim_matches('"'));
            match value {
                Some(value) if !value.is_empty() && value.len() <= MAX_SHOWN => told.push(value.to_owned()),
                _ => return Err(Unproved::Answer(shown(&line))),
            }
        }
        Ok(told.join(" "))
    }

    /// Writes a command, and reads the first line of the answer.
    async fn ask(&mut self, command: &str) -> Result<String, Unproved> {
        let written = async {
            self.input.write_all(command.as_bytes()).await?;
            self.input.flush().await
        };
        // A solver that has ended takes no command; what it said before is the better reason.
        let written = written.await;
        let line = self.line().await?;
        written.map_err(|error| Unproved::Stopped(error.to_string()))?;
        Ok(line)
    }

    async fn line(&mut self) -> Result<String, Unproved> {
        let left = MAX_ANSWER.saturating_sub(self.read);
        let mut bytes = Vec::new();
        let most = u64::try_from(left).unwrap_or(u64::MAX);
        let mut bounded = (&mut self.output).take(most);
        let read = bounded.read_until(b'\n', &mut bytes).await;
        let read = read.map_err(|error| Unproved::Stopped(error.to_string()))?;
        self.read = self.read.saturating_add(read);
        if self.read >= MAX_ANSWER {
            return Err(Unproved::Answer(format!("it is longer than {MAX_ANSWER} bytes")));
        }
        if bytes.last() != Some(&b'\n') {
            return Err(Unproved::Stopped(self.end().await));
        }
        String::from_utf8(bytes).map_err(|_| Unproved::Answer("it is no UTF-8".to_owned()))
    }

    /// How it ended; it has closed its output.
    async fn end(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }

    async fn decision(&mut self) -> Result<Decision, Unproved> {
        let line = self.ask("(check-sat)\n").await?;
        match line.trim() {
            "sat" => Ok(Decision::Sat),
            "unsat" => Ok(Decision::Unsat),
            "unknown" => Ok(Decision::Unknown),
            _ => Err(refused(&line)),
        }
    }

    /// The model, as SMT-LIB 2.6 (clause 4.2.6) has it: definitions between `(` and `)`, each on a line
    /// alone.
    async fn model(&mut self) -> Result<String, Unproved> {
        let mut model = self.ask("(get-model)\n").await?;
        if model.trim() != "(" {
            return Err(refused(&model));
        }
        loop {
            let line = self.line().await?;
            model.push_str(&line);
            if line.trim() == ")" {
                return Ok(model);
            }
        }
    }

    async fn decision_with_model(&mut self) -> Result<DecisionWithModel, Unproved> {
        match self.decision().await? {
            Decision::Sat => Ok(DecisionWithModel::Sat { model: self.model().await? }),
            Decision::Unsat => Ok(DecisionWithModel::Unsat),
            Decision::Unknown => Ok(DecisionWithModel::Unknown),
        }
    }

    /// Keeps why there is no answer; the compiler's error has no place for it.
    fn kept<T>(&mut self, answer: Result<T, Unproved>) -> Result<T, solver::SolverError> {
        answer.map_err(|unproved| {
            let told = solver::SolverError::Solver(unproved.to_string());
            self.failure = Some(unproved);
            told
        })
    }
}

impl solver::Solver for Process {
    fn smtlib_input(&mut self) -> &mut (dyn AsyncWrite + Unpin + Send) {
        &mut self.input
    }

    async fn enable_models(&mut self) -> Result<(), solver::SolverError> {
        self.smtlib_input().set_option("produce-models", "true").await.map_err(Into::into)
    }

    async fn check_sat(&mut self) -> Result<Decision, solver::SolverError> {
        let answer = self.decision().await;
        self.kept(answer)
    }

    async fn check_sat_with_model(&mut self) -> Result<DecisionWithModel, solver::SolverError> {
        let answer = self.decision_with_model().await;
        self.kept(answer)
    }
}

/// Bounds memory and processor before the first question is written. Seconds of processor are bounded here as
/// well as by the clock, so that a solver ends even if this program is killed while it waits.
fn bound(child: &Child, time: Duration) -> io::Result<()> {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other("it ended at once"))?;
    let seconds = time.as_secs().max(GREETING.as_secs()).saturating_add(1);
    for (resource, most) in [(Resource::As, MAX_MEMORY), (Resource::Cpu, seconds)] {
        prlimit(Some(pid), resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

fn refused(line: &str) -> Unproved {
    match line.trim().strip_prefix("(error") {
        Some(error) => Unproved::Refused(shown(error)),
        None => Unproved::Answer(shown(line)),
    }
}

fn shown(text: &str) -> String {
    text.trim().trim_matches(['"', ')']).chars().take(MAX_SHOWN).collect()
}
