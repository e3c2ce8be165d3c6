//! CPUID signatures of the vCPU types that QEMU has (`target/i386/cpu.c`).

/// Types of vCPUs: name, family, model, stepping.
pub const CPU_TYPES: [(&str, u32, u32, u32); 17] = [
    ("EPYC", 23, 1, 2),
    ("EPYC-v1", 23, 1, 2),
    ("EPYC-v2", 23, 1, 2),
    ("EPYC-IBPB", 23, 1, 2),
    ("EPYC-v3", 23, 1, 2),
    ("EPYC-v4", 23, 1, 2),
    ("EPYC-Rome", 23, 49, 0),
    ("EPYC-Rome-v1", 23, 49, 0),
    ("EPYC-Rome-v2", 23, 49, 0),
    ("EPYC-Rome-v3", 23, 49, 0),
    ("EPYC-Milan", 25, 1, 1),
    ("EPYC-Milan-v1", 25, 1, 1),
    ("EPYC-Milan-v2", 25, 1, 1),
    ("EPYC-Genoa", 25, 17, 0),
    ("EPYC-Genoa-v1", 25, 17, 0),
    ("EPYC-Turin", 26, 0, 0),
    ("EPYC-Turin-v1", 26, 0, 0),
];

/// EAX of CPUID leaf 1 for a type, if there is such a one.
#[must_use]
pub fn cpu_signature(name: &str) -> Option<u32> {
    let (_, family, model, stepping) = CPU_TYPES.iter().find(|(known, ..)| *known == name)?;
    Some(signature(*family, *model, *stepping))
}

/// CPUID Fn0000_0001_EAX (APM volume 3, E.3.2): a family above 15 is 15 and an extension, and a model has its
/// upper half apart.
const fn signature(family: u32, model: u32, stepping: u32) -> u32 {
    let (base, extended) = if family > 15 { (15, family - 15) } else { (family, 0) };
    (extended << 20) | ((model >> 4) << 16) | (base << 8) | ((model & 15) << 4) | stepping
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As published: Milan B1 is 00A00F11h and Genoa B0 family 19h, model 11h (AMD 57230, 3.1).
    #[test]
    fn signatures_are_those_of_the_chips() {
        assert_eq!(cpu_signature("EPYC-Milan"), Some(0x00A0_0F11));
        assert_eq!(cpu_signature("EPYC-Genoa"), Some(0x00A1_0F10));
        assert_eq!(cpu_signature("EPYC-v4"), Some(0x0080_0F12));
        assert_eq!(cpu_signature("EPYC-Turin"), Some(0x00B0_0F00));
        assert_eq!(cpu_signature("host"), None);
    }
}
