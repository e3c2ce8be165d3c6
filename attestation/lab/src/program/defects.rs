//! `hanzo-lab defects`.

use hanzo_attestation_lab::{IntelDefect, ListDefect, SnpDefect, TdxDefect};
use serde_json::json;
use std::fmt::Write as _;

struct Row {
    kind: &'static str,
    name: &'static str,
    rule: &'static str,
    code: &'static str,
}

/// As a table, or as JSON: `[{"type","defect","rule","code"}…]`.
pub(super) fn list(table: bool) -> String {
    let rows = rows();
    if !table {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| json!({"type": row.kind, "defect": row.name, "rule": row.rule, "code": row.code}))
            .collect();
        return format!("{:#}", json!(rows));
    }
    let mut text = String::new();
    for Row { kind, name, rule, code } in rows {
        let _ = writeln!(text, "{kind:<16}  {name:<32}  {rule:<8}  {code}");
    }
    text.trim_end().to_owned()
}

fn rows() -> Vec<Row> {
    let snp = SnpDefect::ALL.iter().map(|defect| Row {
        kind: "sev-snp",
        name: defect.name(),
        rule: defect.rule(),
        code: defect.expects(),
    });
    let tdx = TdxDefect::ALL.iter().map(|defect| Row {
        kind: "tdx",
        name: defect.name(),
        rule: defect.rule(),
        code: defect.expects(),
    });
    let lists = ListDefect::ALL.iter().map(|defect| Row {
        kind: "amd-crl",
        name: defect.name(),
        rule: defect.rule(),
        code: defect.expects(),
    });
    let intel = IntelDefect::ALL.iter().map(|defect| Row {
        kind: "intel-collateral",
        name: defect.name(),
        rule: defect.rule(),
        code: defect.expects(),
    });
    snp.chain(tdx).chain(lists).chain(intel).collect()
}
