//! TCB levels: what Intel says of those that reach them.

use super::text::{array, object, string};

/// What a level says of those that reach it: `tcbStatus`, `tcbDate` and `advisoryIDs`, as they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// `UpToDate`, `OutOfDate`, `Revoked` and so on; the lab writes any word.
    pub status: String,
    /// RFC 3339.
    pub date: String,
    /// Advisories, `INTEL-SA-NNNNN`.
    pub advisories: Vec<String>,
}

impl Standing {
    /// A status since a date, with its advisories.
    #[must_use]
    pub fn new(status: &str, date: &str, advisories: &[&str]) -> Self {
        let advisories = advisories.iter().map(|&id| id.to_owned()).collect();
        Self { status: status.to_owned(), date: date.to_owned(), advisories }
    }

    /// The fields that end a level. Intel leaves an empty list of advisories out.
    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![("tcbDate", string(&self.date)), ("tcbStatus", string(&self.status))];
        if !self.advisories.is_empty() {
            fields.push(("advisoryIDs", array(self.advisories.iter().map(|id| string(id)))));
        }
        fields
    }
}

/// A level of something with one security version: a TDX module or a quoting enclave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SvnLevel {
    /// Lowest `isvsvn` that reaches it.
    pub svn: u16,
    /// What holds for those that do.
    pub standing: Standing,
}

impl SvnLevel {
    /// A level.
    #[must_use]
    pub const fn new(svn: u16, standing: Standing) -> Self {
        Self { svn, standing }
    }

    pub(super) fn text(&self) -> String {
        let tcb = object([("isvsvn", self.svn.to_string())]);
        object([vec![("tcb", tcb)], self.standing.fields()].concat())
    }
}
