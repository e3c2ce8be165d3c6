use super::*;
use sha2::{Digest as _, Sha256};

/// A small image with everything that OVMF has: two pages, a table, metadata with a section of every kind.
/// SHA-256 501126893e7954d468382b72d13757510338ae6a6db21fc20e38267854cc518b.
fn image() -> Vec<u8> {
    image_with(&SECTIONS)
}

const SECTIONS: [[u32; 3]; 6] = [
    [0x80_0000, 0x9000, 1],
    [0x80_a000, 0x3000, 1],
    [0x80_d000, 0x1000, 2],
    [0x80_e000, 0x1000, 3],
    [0x80_f000, 0x1000, 4],
    [0x81_0000, 0x1000, 0x10],
];
const METADATA: &[u8] = b"\x66\x65\x88\xdc\x4a\x98\x98\x47\xa7\x5e\x55\x85\xa7\xbf\x67\xcc";
const RESET: &[u8] = b"\xde\x71\xf7\x00\x7e\x1a\xcb\x4f\x89\x0e\x68\xc7\x7e\x2f\xb4\x4e";
const HASHES: &[u8] = b"\x1f\x37\x55\x72\x3b\x3a\x04\x4b\x92\x7b\x1d\xa6\xef\xa8\xd4\x54";
const FOOTER: &[u8] = b"\xde\x82\xb5\x96\xb2\x1f\xf7\x45\xba\xea\xa3\x66\xc5\x5a\x08\x2d";

fn entry(data: &[u8], guid: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 18).unwrap();
    [data, &length.to_le_bytes(), guid].concat()
}

fn metadata_of(sections: &[[u32; 3]]) -> Vec<u8> {
    let count = u32::try_from(sections.len()).unwrap();
    let words = [[16 + 12 * count, 1, count]].into_iter().chain(sections.iter().copied());
    [b"ASEV".to_vec(), words.flatten().flat_map(u32::to_le_bytes).collect()].concat()
}

fn image_with(sections: &[[u32; 3]]) -> Vec<u8> {
    let table = [
        entry(&4096_u32.to_le_bytes(), METADATA),
        entry(&0x0080_b004_u32.to_le_bytes(), RESET),
        entry(&[0x0081_0c00_u32.to_le_bytes(), 0x400_u32.to_le_bytes()].concat(), HASHES),
    ];
    image_of(&table.concat(), &metadata_of(sections))
}

fn image_of(table: &[u8], metadata: &[u8]) -> Vec<u8> {
    let mut image: Vec<u8> = (0..8192_u32).map(|index| u8::try_from(index % 251).unwrap()).collect();
    image[4096..4096 + metadata.len()].copy_from_slice(metadata);
    let footer = [&u16::try_from(table.len() + 18).unwrap().to_le_bytes()[..], FOOTER].concat();
    let table = [table, &footer].concat();
    image[8192 - 32 - table.len()..8192 - 32].copy_from_slice(&table);
    image
}

fn launch<'a>(firmware: &'a [u8], vcpus: u32, cpu: &str) -> Launch<'a> {
    let cpu_signature = cpu_signature(cpu).unwrap();
    let monitor = Monitor::Qemu;
    Launch { firmware, kernel: None, vcpus, cpu_signature, guest_features: 1, monitor }
}

fn kernel(initial_disk: &[u8], command_line: &'static str) -> Option<Kernel<'static>> {
    let kernel = Sha256::digest(b"kernel").into();
    Some(Kernel { kernel, initial_disk: Sha256::digest(initial_disk).into(), command_line })
}

/// Computed by `sev-snp-measure` 0.0.13 (PyPI), `--mode snp`, from this image, a kernel with the bytes `kernel`,
/// an initial disk with the bytes `initial disk`, and the arguments of each line.
#[test]
fn measurements_are_those_of_another_calculator() {
    let image = image();
    let digest: [u8; 32] = Sha256::digest(&image).into();
    let same = "501126893e7954d468382b72d13757510338ae6a6db21fc20e38267854cc518b";
    assert_eq!(Hex(digest).to_string(), same, "the image that was measured there");
    for (launch, expected) in [
        (
            launch(&image, 1, "EPYC-v4"),
            "a95a109ac1bc6eed6bde290e6386e8974768837ea5b0a1f244024a9db524a6da2142a9222aca81b010a6eb9425f6787f",
        ),
        (
            launch(&image, 4, "EPYC-Milan"),
            "72d506e5fdc9f99209f468af4138752bb6ee955b4d17a0d7310c5cda1cfcf1b958cf2727cc1a2e2e5135e82ad1ff9c33",
        ),
        (
            // --kernel --initrd --append console=ttyS0
            Launch { kernel: kernel(b"initial disk", "console=ttyS0"), ..launch(&image, 2, "EPYC-Genoa") },
            "7d58477d4f4ab60f907e80b1d48e552ac323af6a028fb978d3a88cb3b1903cb133a7f00d8395e322697e46eeecab589c",
        ),
        (
            // --kernel alone
            Launch { kernel: kernel(b"", ""), ..launch(&image, 2, "EPYC-Genoa") },
            "4f270d1cc2522490e35f57c23459883733b8b5900aca5c65190406aaeea05b4159b8ba24a003f4e6975069eae10a6ae7",
        ),
        (
            Launch { guest_features: 0x21, ..launch(&image, 2, "EPYC-v4") },
            "6333d2b5593e19347a55a578c25ddb0c5e854b666e7664957640d83c503b567bf2084f1f857504f845a7a5a89db1d25e",
        ),
        (
            Launch { monitor: Monitor::Ec2, ..launch(&image, 2, "EPYC-v4") },
            "44586e9fcfd95ab27ee7028487f13af8406ecd8b6d509c10c004aae2bde718d5bd066b49de2fcb2a0195d5b3bf3e780e",
        ),
        (
            Launch { monitor: Monitor::Gce, ..launch(&image, 2, "EPYC-v4") },
            "c55c88cc75f4175ec222f984d06cdb57d75e072554494dddcc91425e4c2eae2ae8c8264935725f969d4c9d62b1e47c50",
        ),
        (
            launch(&image, 1, "EPYC-Turin"),
            "1e7a01485ec9274c04ee125bc8defdb1e116aa213d21d9f55f9079e04ce100dd22dcf0e71badec030b01f78f48e24a6f",
        ),
    ] {
        assert_eq!(measure(&launch).unwrap().to_string(), expected, "{:?}", launch.monitor);
    }
}

#[test]
fn everything_that_is_launched_counts() {
    let image = image();
    let base = launch(&image, 2, "EPYC-v4");
    let mut changed = image.clone();
    changed[17] ^= 1;
    let kernels = [kernel(b"a", "x"), kernel(b"b", "x"), kernel(b"a", "y")];
    let launches = [
        base,
        Launch { vcpus: 3, ..base },
        Launch { cpu_signature: 7, ..base },
        Launch { guest_features: 3, ..base },
        Launch { monitor: Monitor::Ec2, ..base },
        Launch { firmware: &changed, ..base },
        Launch { kernel: kernels[0], ..base },
        Launch { kernel: kernels[1], ..base },
        Launch { kernel: kernels[2], ..base },
    ];
    let digests: std::collections::BTreeSet<_> =
        launches.iter().map(|l| measure(l).unwrap().to_string()).collect();
    assert_eq!(digests.len(), launches.len());
}

#[test]
fn each_rule_refuses_by_name() {
    let image = image();
    let base = launch(&image, 2, "EPYC-v4");
    let refused = |launch: Launch<'_>| measure(&launch).unwrap_err();
    assert_eq!(refused(Launch { vcpus: 0, ..base }), MeasureError::Vcpus(0));
    assert_eq!(refused(Launch { vcpus: 4097, ..base }), MeasureError::Vcpus(4097));
    assert_eq!(refused(Launch { guest_features: 0x20, ..base }), MeasureError::GuestFeatures(0x20));
    let of = |firmware: &[u8]| measure(&Launch { firmware, ..base }).unwrap_err();
    for length in [0, 1, 4095, 4097, MAX_FIRMWARE + 4096] {
        assert_eq!(of(&vec![0; length]), MeasureError::FirmwareSize(length));
    }
    assert_eq!(of(&[0; 8192]), MeasureError::NoTable);
    let metadata = metadata_of(&SECTIONS);
    let reset = entry(&[4, 0, 0, 0], RESET);
    let place = entry(&4096_u32.to_le_bytes(), METADATA);
    assert_eq!(of(&image_of(&reset, &metadata)), MeasureError::NoEntry("SEV metadata"));
    assert_eq!(of(&image_of(&place, &metadata)), MeasureError::NoEntry("the reset vector of SEV-ES"));
    let twice = [reset.clone(), reset.clone(), place.clone()].concat();
    assert_eq!(of(&image_of(&twice, &metadata)), MeasureError::Table("one entry twice"));
    let short = [entry(&[0; 3], METADATA), reset.clone()].concat();
    assert_eq!(of(&image_of(&short, &metadata)), MeasureError::Table("an entry is too short"));
    let cut = [&[7; 5][..], &reset, &place].concat();
    assert_eq!(of(&image_of(&cut, &metadata)), MeasureError::Table("ends inside an entry"));
    let outside = [entry(&8193_u32.to_le_bytes(), METADATA), reset.clone()].concat();
    assert_eq!(of(&image_of(&outside, &metadata)), MeasureError::Metadata("not inside the image"));
    let table = [reset, place].concat();
    for (at, byte, problem) in [
        (0, b'B', "no signature `ASEV`"),
        (8, 2, "another version than 1"),
        (12, 65, "too many sections"),
        (12, 5, "its length is not that of its sections"),
    ] {
        let mut metadata = metadata.clone();
        metadata[at] = byte;
        assert_eq!(of(&image_of(&table, &metadata)), MeasureError::Metadata(problem));
    }
    assert_eq!(of(&image_with(&[[0, 0x1000, 5]])), MeasureError::SectionKind(5));
    for section in [[0, 0, 1], [0, 100, 1], [100, 0x1000, 1], [0, 0x2000, 2], [0, 0x2000, 0x10]] {
        let problem = MeasureError::Metadata("a section that is not whole pages");
        assert_eq!(of(&image_with(&[section])), problem, "{section:?}");
    }
    let wide = [[0, 0xffff_f000, 1]];
    assert_eq!(of(&image_with(&wide)), MeasureError::Metadata("too many pages"));
}

/// A firmware that does not check a kernel starts whatever it is given: there is no measurement of that.
#[test]
fn a_kernel_that_nobody_checks_has_no_measurement() {
    let with_kernel = |image: &[u8]| {
        measure(&Launch { kernel: kernel(b"", ""), ..launch(image, 1, "EPYC-v4") }).unwrap_err()
    };
    assert_eq!(with_kernel(&image_with(&SECTIONS[..5])), MeasureError::NoKernelHashes);
    let metadata = metadata_of(&SECTIONS);
    let rest = [entry(&4096_u32.to_le_bytes(), METADATA), entry(&[4, 0, 0, 0], RESET)].concat();
    let without = with_kernel(&image_of(&rest, &metadata));
    assert_eq!(without, MeasureError::NoEntry("the digests of a kernel"));
    for (address, error) in [
        (0_u32, MeasureError::NoKernelHashes),
        (0x0081_0fff, MeasureError::Metadata("the digests of a kernel do not fit their page")),
    ] {
        let table = [rest.clone(), entry(&address.to_le_bytes(), HASHES)].concat();
        assert_eq!(with_kernel(&image_of(&table, &metadata)), error);
    }
}

#[test]
fn no_image_makes_it_panic() {
    let image = image();
    // Table and metadata: each byte in turn.
    for index in (4096..4300).chain(8192 - 200..8192) {
        for byte in [0, 1, 0x7f, 0xff] {
            let mut changed = image.clone();
            changed[index] = byte;
            let _measured = measure(&launch(&changed, 1, "EPYC-v4"));
        }
    }
}
