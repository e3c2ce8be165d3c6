//! `hanzo-lab defects`.

use hanzo_attestation_lab::{
    AzDefect, AzOrder, DevicesDefect, EkDefect, IntelDefect, ListDefect, NvidiaDefect, OcspDefect, RimDefect,
    SgxDefect, SnpDefect, TdiDefect, TdxDefect, TpmDefect,
};
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
    /// The rows of one kind of defects.
    macro_rules! of {
        ($kind:literal, $defects:expr) => {
            $defects.iter().map(|defect| Row {
                kind: $kind,
                name: defect.name(),
                rule: defect.rule(),
                code: defect.expects(),
            })
        };
    }
    let quote_defects: Vec<TdxDefect> =
        TdxDefect::ALL.iter().copied().filter(|defect| defect.is_of_any_quote()).collect();
    of!("sev-snp", SnpDefect::ALL)
        .chain(of!("tdx", TdxDefect::ALL))
        .chain(of!("sgx", SgxDefect::ALL))
        .chain(of!("sgx", quote_defects))
        .chain(of!("tpm", TpmDefect::ALL))
        .chain(of!("tpm-ek", EkDefect::ALL))
        .chain(of!("az-snp-vtpm", azure(&AzOrder::default())))
        .chain(of!("az-tdx-vtpm", azure(&AzOrder::tdx())))
        .chain(of!("nvidia-device", NvidiaDefect::ALL))
        .chain(of!("nvidia-devices", DevicesDefect::ALL))
        .chain(of!("tdi", TdiDefect::ALL))
        .chain(of!("nvidia-ocsp", OcspDefect::ALL))
        .chain(of!("nvidia-rim", RimDefect::ALL))
        .chain(of!("amd-crl", ListDefect::ALL))
        .chain(of!("intel-collateral", IntelDefect::ALL))
        .collect()
}

/// The defects that evidence of such a machine can have.
fn azure(order: &AzOrder) -> Vec<AzDefect> {
    AzDefect::ALL.iter().copied().filter(|defect| defect.is_of(&order.guest)).collect()
}
