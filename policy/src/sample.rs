//! Claims for tests: a clean Genoa guest, a clean TD, a registered key. Each test changes one thing.

use crate::appraised::proved;
use crate::circumstances::Circumstances;
use crate::node::Node;
use hanzo_attestation::{
    Claims, Debug, Facts, Measurement, Product, TcbStatus, dcap, identity, sgx, snp, tdx, tpm,
};
use hanzo_attestation_evidence::tpm::{Attest, Hash, Quote, Signature};
use hanzo_attestation_evidence::{Hex, Tee, UnixTime};

pub(crate) fn at(text: &str) -> UnixTime {
    UnixTime::parse(text).unwrap()
}

pub(crate) fn now() -> UnixTime {
    at("2026-11-01T00:00:00Z")
}

/// Now, with no grant of the key live.
pub(crate) fn circumstances() -> Circumstances {
    when(now())
}

/// At another time, with no grant of the key live.
pub(crate) fn when(now: UnixTime) -> Circumstances {
    Circumstances { now, live_grants: Some(0) }
}

pub(crate) fn snp() -> snp::Claims {
    let tcb = snp::Tcb { fmc: None, bootloader: 10, tee: 1, snp: 23, microcode: 84 };
    let firmware = snp::FirmwareVersion { major: 1, minor: 55, build: 49 };
    snp::Claims {
        report_version: 5,
        product: Product::Genoa,
        cpuid: Some(snp::Cpuid { family: 0x19, model: 0xA0, stepping: 2 }),
        vmpl: 0,
        guest_svn: 3,
        policy: snp::GuestPolicy {
            abi_major: 0,
            abi_minor: 31,
            smt: true,
            migrate_ma: false,
            debug: false,
            single_socket: false,
            cxl_allow: false,
            mem_aes_256_xts: false,
            rapl_dis: false,
            ciphertext_hiding: false,
            page_swap_disable: false,
        },
        platform_info: snp::PlatformInfo {
            smt_en: true,
            tsme_en: false,
            ecc_en: true,
            rapl_dis: false,
            ciphertext_hiding_dram_en: false,
            alias_check_complete: false,
            iommu_write_safe: None,
            tio_en: false,
            raw: 0x05,
        },
        key: snp::SigningKey { vek: snp::Vek::Vcek, author_key_en: false },
        measurement: Hex([0x11; 48]),
        host_data: Hex([0; 32]),
        report_data: Hex([0x5A; 64]),
        family_id: Hex([0; 16]),
        image_id: Hex([0; 16]),
        id_key_digest: Hex([0; 48]),
        author_key_digest: Hex([0; 48]),
        report_id: Hex([0x77; 32]),
        report_id_ma: None,
        chip_id: Some("ab".repeat(64)),
        hardware_id: Some("ab".repeat(64)),
        csp_id: None,
        tcb_current: tcb,
        tcb_reported: tcb,
        tcb_committed: tcb,
        tcb_launch: tcb,
        fw_current: firmware,
        fw_committed: firmware,
        provisional: false,
        mit_launch: Some(0x0B),
        mit_current: Some(0x0B),
        vek_cert_sha256: Hex([0xCE; 32]),
        vek_not_after: at("2030-01-01T00:00:00Z"),
    }
}

/// A guest whose key is a provider's.
pub(crate) fn vlek() -> snp::Claims {
    snp::Claims {
        key: snp::SigningKey { vek: snp::Vek::Vlek, author_key_en: false },
        chip_id: None,
        hardware_id: None,
        csp_id: Some("CN=cc-us-east-2.amazonaws.com".to_owned()),
        ..snp()
    }
}

pub(crate) fn td() -> tdx::Claims {
    tdx::Claims {
        body: tdx::BodyKind::Td15,
        tee_tcb_svn: Hex([7, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        tee_tcb_svn_2: Some(Hex([7, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
        mr_seam: Hex([0x5E; 48]),
        mr_signer_seam: Hex([0; 48]),
        seam_attributes: 0,
        td_attributes: tdx::TdAttributes {
            debug: false,
            profiling: false,
            icssd: false,
            servtd_ext: false,
            lass: false,
            sept_ve_disable: true,
            migratable: false,
            pks: false,
            kl: false,
            tpa: false,
            perfmon: false,
            raw: 1 << 28,
        },
        xfam: 0x6_02E7,
        mr_td: Hex([0x22; 48]),
        mr_config_id: Hex([0; 48]),
        mr_owner: Hex([0; 48]),
        mr_owner_config: Hex([0; 48]),
        rtmr: [Hex([0xA0; 48]), Hex([0xA1; 48]), Hex([0xA2; 48]), Hex([0; 48])],
        mr_service_td: Some(Hex([0; 48])),
        report_data: Hex([0x5A; 64]),
        dcap: dcap::Claims {
            quote_version: 5,
            tee_type: 0x81,
            qe_vendor_id: Hex([0x93; 16]),
            header_qe_svn: None,
            header_pce_svn: None,
            user_data: Hex([0; 20]),
            fmspc: Hex([0x50, 0x80, 0x6F, 0, 0, 0]),
            pceid: Hex([0, 0]),
            ppid: Hex([0x99; 16]),
            platform_instance_id: Some(Hex([0x88; 16])),
            pck_ca: dcap::PckCa::Platform,
            sgx_type: 1,
            dynamic_platform: Some(false),
            cached_keys: Some(false),
            smt_enabled: Some(false),
            pck_cpusvn: Hex([2; 16]),
            pck_pcesvn: 13,
            qe_isvsvn: 8,
            pck_serial: "ab01".to_owned(),
            pck_not_after: at("2031-01-01T00:00:00Z"),
            rating: None,
        },
        log: None,
    }
}

/// An enclave as if collateral had rated it; [`unrated`] takes that away.
pub(crate) fn enclave() -> sgx::Claims {
    sgx::Claims {
        cpu_svn: Hex([2; 16]),
        misc_select: 0,
        cet_attributes: 0,
        attributes: sgx::Attributes::new(0b101),
        xfrm: 7,
        mr_enclave: Hex([0xE0; 32]),
        mr_signer: Hex([0x51; 32]),
        isv_prod_id: 7,
        isv_svn: 2,
        config_id: Hex([0; 64]),
        config_svn: 0,
        isv_ext_prod_id: Hex([0; 16]),
        isv_family_id: Hex([0; 16]),
        report_data: Hex([0x5A; 64]),
        ra_tls_key: None,
        dcap: dcap::Claims { quote_version: 3, tee_type: 0, ..td().dcap },
    }
}

pub(crate) fn enclave_item(claims: sgx::Claims) -> (Claims, Facts) {
    let facts = Facts {
        product: Some(Product::IntelSgx),
        debug: Some(if claims.attributes.debug { Debug::Enabled } else { Debug::Disabled }),
        measurements: vec![Measurement { register: "mr_enclave", digest: claims.mr_enclave.into() }],
        chip: Some(claims.dcap.ppid.to_string()),
        ..facts(Tee::Sgx, TcbStatus::NotRated)
    };
    (Claims::Sgx(Box::new(claims)), facts)
}

pub(crate) fn snp_item(claims: snp::Claims) -> (Claims, Facts) {
    let facts = Facts {
        product: Some(claims.product),
        debug: Some(if claims.policy.debug { Debug::Enabled } else { Debug::Disabled }),
        measurements: vec![Measurement { register: "measurement", digest: claims.measurement.into() }],
        host_data: Some(claims.host_data.to_string()),
        chip: claims.chip_id.clone(),
        ..facts(Tee::SevSnp, TcbStatus::NotRated)
    };
    (Claims::SevSnp(Box::new(claims)), facts)
}

/// A TD as if collateral had rated it; [`unrated`] takes that away.
pub(crate) fn td_item(claims: tdx::Claims) -> (Claims, Facts) {
    let names = ["mr_td", "rtmr0", "rtmr1", "rtmr2", "rtmr3"];
    let digests = std::iter::once(claims.mr_td).chain(claims.rtmr);
    let facts = Facts {
        product: Some(Product::IntelTdx),
        debug: Some(if claims.td_attributes.debug { Debug::Enabled } else { Debug::Disabled }),
        measurements: names
            .into_iter()
            .zip(digests)
            .map(|(register, digest)| Measurement { register, digest: digest.into() })
            .collect(),
        host_data: Some(claims.mr_config_id.to_string()),
        chip: Some(claims.dcap.ppid.to_string()),
        ..facts(Tee::Tdx, TcbStatus::NotRated)
    };
    (Claims::Tdx(Box::new(claims)), facts)
}

/// A node that shows these items.
pub(crate) fn node(items: &[(Claims, Facts)]) -> Node {
    let items = || items.iter().map(|(claims, facts)| (claims, facts));
    Node::of(proved(items(), &Default::default()), false, items()).unwrap()
}

pub(crate) fn unrated((claims, facts): (Claims, Facts)) -> (Claims, Facts) {
    (claims, Facts { tcb_status: TcbStatus::Unknown, ..facts })
}

pub(crate) fn key_item() -> (Claims, Facts) {
    let claims = Claims::RegisteredKey(identity::Claims { key_id: "runner".to_owned() });
    (claims, facts(Tee::RegisteredKey, TcbStatus::NotRated))
}

fn facts(tee: Tee, tcb_status: TcbStatus) -> Facts {
    Facts {
        tee,
        product: None,
        debug: None,
        measurements: Vec::new(),
        host_data: None,
        chip: None,
        tcb_status,
        tcb_date: None,
        advisories: Vec::new(),
        root: None,
        collateral: Vec::new(),
        not_after: at("2030-01-01T00:00:00Z"),
        lab: false,
    }
}

/// A quote of 24 SHA-256 registers over 32 bytes, by a listed key; 0 to 9 are measured.
pub(crate) fn tpm() -> tpm::Claims {
    tpm_over(&[(Hash::Sha256, 0xFF_FF_FF)], |_, index| match index {
        0..=9 => 0x40 | index,
        17..=22 => 0xFF,
        _ => 0,
    })
}

/// A quote of these banks and bitmaps, with each register's value made of one byte.
pub(crate) fn tpm_over(banks: &[(Hash, u32)], byte: fn(Hash, u8) -> u8) -> tpm::Claims {
    let mut attest = b"\xffTCG\x80\x18\x00\x00\x00\x20".to_vec();
    attest.extend([0x5A; 32]);
    attest.extend([&[0; 7][..], &[9, 0, 0, 0, 7, 0, 0, 0, 0, 1], &[0; 7], &[3]].concat());
    attest.extend(u32::try_from(banks.len()).unwrap().to_be_bytes());
    for (bank, bitmap) in banks {
        attest.extend(bank.id().to_be_bytes());
        attest.push(3);
        attest.extend(&bitmap.to_le_bytes()[..3]);
    }
    attest.extend([0, 0]);
    let attest = Attest::parse(&attest).unwrap();
    let registers = attest.selection.registers();
    let values =
        registers.map(|(bank, index)| (bank, index, vec![byte(bank, index); bank.length()])).collect();
    let signature = Signature::bare_rsassa_sha256([0; 256]);
    let quote = Quote::new(attest, signature, Some(values)).unwrap();
    tpm::Claims {
        attest_clock_ms: 9,
        reset_count: 7,
        restart_count: 0,
        clock_safe: true,
        firmware_version: Hex([0, 0, 0, 0, 0, 0, 0, 3]),
        sig_alg: tpm::Scheme::Rsassa,
        sig_hash: tpm::SigningHash::Sha256,
        ak_name: None,
        ak_public: tpm::Bytes(vec![0xA1; 8]),
        ak_sha256: Hex([0xA0; 32]),
        ak_trust: tpm::AkTrust::AllowList,
        qualified_signer: tpm::Bytes(Vec::new()),
        ak_hierarchy: None,
        tpm_kind: None,
        manufacturer: None,
        pcrs: quote.pcrs,
        selection: quote.attest.selection,
        extra_data: tpm::Bytes(quote.attest.extra_data),
        instance: None,
        init_data: None,
        log: None,
    }
}

/// An item of these claims.
pub(crate) fn tpm_item(claims: tpm::Claims) -> (Claims, Facts) {
    let facts = Facts {
        tee: Tee::Tpm,
        product: None,
        debug: None,
        measurements: claims.measurements(),
        host_data: None,
        chip: None,
        tcb_status: TcbStatus::NotRated,
        tcb_date: None,
        advisories: Vec::new(),
        root: None,
        collateral: Vec::new(),
        not_after: UnixTime::MAX,
        lab: false,
    };
    (Claims::Tpm(Box::new(claims)), facts)
}
