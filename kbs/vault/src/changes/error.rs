use hanzo_attestation_evidence::{Hex, UnixTime};
use hanzo_kbs_protocol::ChangeKind;
use hanzo_kbs_protocol::changes::MAX_REASON;

/// Why a change that needs several people was not proposed, approved or applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuorumError {
    /// One administrator cannot change this alone.
    #[error(
        "the {} `{name}` is in scope `{scopes}`: it is changed by several people (`kbsctl change propose {} {name}`)",
        kind.name(), kind.name()
    )]
    QuorumRequired {
        /// What it is.
        kind: ChangeKind,
        /// The rule, or the key.
        name: String,
        /// The scopes that it is in.
        scopes: String,
    },
    /// People agreed to this secret with other demands.
    #[error(
        "change {id} about the secret `{name}` was applied with {agreed}: a value is put with exactly these demands"
    )]
    DemandsDiffer {
        /// The secret.
        name: String,
        /// The change.
        id: Hex<32>,
        /// What it says.
        agreed: String,
    },
    /// The broker runs by another configuration than the one that was approved.
    #[error(
        "the configuration is not the one that was approved (version {version}): {difference}; propose the new one to \
         a broker that runs the approved one: `hanzo-kbs config trust --config NEW > trust.json`, `kbsctl change \
         propose trust --file trust.json --expected-version {version}`, approve, apply, and start again"
    )]
    TrustNotApproved {
        /// The version that was approved.
        version: u64,
        /// What is different.
        difference: String,
    },
    /// No scope has this rule: there is nobody to ask.
    #[error("the {} `{name}` is in no scope that asks for anybody: it is changed directly", kind.name())]
    NotInScope {
        /// What it is.
        kind: ChangeKind,
        /// The rule, or the key.
        name: String,
    },
    /// The proposal has no RFC 8785 form.
    #[error("the change has no RFC 8785 form")]
    NotCanonical,
    /// Nobody of this name is in the configuration.
    #[error("the author `{person}` is not among the people of the configuration")]
    AuthorUnknown {
        /// Who.
        person: String,
    },
    /// The author did not sign this.
    #[error("the signature is not `{person}`'s over this change")]
    ProposalSignature {
        /// The author.
        person: String,
    },
    /// The same change, to the byte, was proposed before.
    #[error("the change {id} was proposed before")]
    ChangeExists {
        /// The change.
        id: Hex<32>,
    },
    /// There is no such change.
    #[error("there is no change {id}")]
    ChangeUnknown {
        /// The change.
        id: Hex<32>,
    },
    /// It was applied or withdrawn.
    #[error("the change is {state} already")]
    ChangeClosed {
        /// Which of the two.
        state: &'static str,
    },
    /// Nobody applied it in time.
    #[error("the change ended at {expires_at}, it is {now}: propose it anew")]
    ChangeExpired {
        /// Its end.
        expires_at: UnixTime,
        /// The time.
        now: UnixTime,
    },
    /// Nobody of this name is in the configuration.
    #[error("`{person}` is not among the people of the configuration")]
    ApproverUnknown {
        /// Who.
        person: String,
    },
    /// Nobody approves their own change.
    #[error("`{person}` is the author, and approves nothing of their own")]
    ApproverIsAuthor {
        /// Who.
        person: String,
    },
    /// Each person counts once.
    #[error("`{person}` has said so before")]
    ApproverTwice {
        /// Who.
        person: String,
    },
    /// The signature is of somebody else, or over something else.
    #[error("the signature is not `{person}`'s over this word about this change")]
    ApprovalSignature {
        /// Who.
        person: String,
    },
    /// Too few have approved it.
    #[error("{approvals} approvals count, {needed} are needed")]
    ChangeNotApproved {
        /// How many count now.
        approvals: usize,
        /// How many are needed.
        needed: usize,
    },
    /// Its waiting time is not over.
    #[error("the change can be applied from {due}, it is {now}")]
    ChangeNotDue {
        /// When it is.
        due: UnixTime,
        /// The time.
        now: UnixTime,
    },
    /// The scope knows no way around its waiting time.
    #[error("scope `{scopes}` has no `break_glass_approvals`: nothing in it is applied at once")]
    BreakGlassClosed {
        /// The scopes of the rule.
        scopes: String,
    },
    /// No reason, or a treatise.
    #[error("a reason of {size} bytes; 1 to {MAX_REASON} are needed")]
    BreakGlassReason {
        /// Its size in bytes.
        size: usize,
    },
    /// Too many changes wait to be acknowledged.
    #[error("four changes that were applied at once wait to be acknowledged: acknowledge one first")]
    BreakGlassFull,
    /// It was not applied at once, or has been acknowledged.
    #[error("the change {id} was not applied at once, or is acknowledged")]
    NotBroken {
        /// The change.
        id: Hex<32>,
    },
    /// A stored row was not written by a holder of the root key.
    #[error("the change {id}, or what is said of it, is not authentic")]
    Forged {
        /// The change.
        id: Hex<32>,
    },
}

impl QuorumError {
    /// Stable code, for the record.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::QuorumRequired { .. } => "QuorumRequired",
            Self::DemandsDiffer { .. } => "DemandsDiffer",
            Self::TrustNotApproved { .. } => "TrustNotApproved",
            Self::NotInScope { .. } => "NotInScope",
            Self::NotCanonical => "NotCanonical",
            Self::AuthorUnknown { .. } => "AuthorUnknown",
            Self::ProposalSignature { .. } => "ProposalSignature",
            Self::ChangeExists { .. } => "ChangeExists",
            Self::ChangeUnknown { .. } => "ChangeUnknown",
            Self::ChangeClosed { .. } => "ChangeClosed",
            Self::ChangeExpired { .. } => "ChangeExpired",
            Self::ApproverUnknown { .. } => "ApproverUnknown",
            Self::ApproverIsAuthor { .. } => "ApproverIsAuthor",
            Self::ApproverTwice { .. } => "ApproverTwice",
            Self::ApprovalSignature { .. } => "ApprovalSignature",
            Self::ChangeNotApproved { .. } => "ChangeNotApproved",
            Self::ChangeNotDue { .. } => "ChangeNotDue",
            Self::BreakGlassClosed { .. } => "BreakGlassClosed",
            Self::BreakGlassReason { .. } => "BreakGlassReason",
            Self::BreakGlassFull => "BreakGlassFull",
            Self::NotBroken { .. } => "NotBroken",
            Self::Forged { .. } => "ChangeForged",
        }
    }
}
