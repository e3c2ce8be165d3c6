//! What a cache remembers of devices, manifests and answers changes what a verification costs, and never what
//! it says.

use super::Bench;
use hanzo_attestation::roots::ExtraRoots;
use hanzo_attestation::{Cache, Collateral, Context, Revocation, Roots, verify};
use hanzo_attestation_evidence::{Document, Evidence, UnixTime};
use hanzo_attestation_lab::{
    DeviceOrder, LabChip, NvidiaDefect, NvidiaLab, OcspDefect, OcspOrder, RimDefect, RimOrder, RimProduct,
    RimVendor, Validity,
};
use serde_json::{Value, json};

/// One verification, and what it says without a cache.
struct Question {
    name: String,
    evidence: Evidence,
    collateral: Collateral,
    now: UnixTime,
    cold: String,
}

struct World {
    bench: Bench,
    rims: RimVendor,
    roots: Roots,
}

impl World {
    fn new() -> Self {
        let bench = Bench::new(LabChip::Gh100);
        let not_after = UnixTime::parse("2027-01-01T00:00:00Z").unwrap();
        let not_before = UnixTime::parse("2026-01-01T00:00:00Z").unwrap();
        let rims = RimVendor::generate(Validity { not_before, not_after }).unwrap();
        let roots = Roots::vendor().with_extra(ExtraRoots {
            nvidia: vec![bench.lab.root().to_vec()],
            nvidia_rim: vec![rims.root().to_vec()],
            ..ExtraRoots::default()
        });
        Self { bench, rims, roots }
    }

    fn asked(&self, index: usize, device_serial: &[u8], defect: Option<OcspDefect>) -> OcspOrder {
        let device_serial = device_serial.to_vec();
        OcspOrder { index, device_serial, sha384: false, by_issuer: false, now: self.bench.now, defect }
    }

    /// A device with answers about its chain, one of them with a defect.
    fn item(&self, order: &DeviceOrder, wrong: Option<(usize, OcspDefect)>) -> Value {
        let device = self.bench.device(order);
        let answer = |index| {
            let defect = wrong.filter(|(at, _)| *at == index).map(|(_, defect)| defect);
            self.bench.lab.ocsp(&self.asked(index, &device.device_serial, defect)).unwrap()
        };
        let ocsp: Vec<Vec<u8>> = (1..4).map(answer).collect();
        NvidiaLab::item("nvidia-gpu", std::slice::from_ref(&device), &ocsp)
    }

    /// The driver's manifest, perhaps with a defect, and the answers about its chain, perhaps with another.
    fn collateral(&self, defect: Option<RimDefect>, wrong: Option<OcspDefect>) -> Collateral {
        let xml = self.rims.manifest(&RimOrder { defect, ..RimOrder::default() }).unwrap();
        (0..3).fold(Collateral::default().with_nvidia_rim(&xml), |collateral, index| {
            let defect = wrong.filter(|_| index == 1);
            let answer = self.rims.ocsp(RimProduct::Gh100, &self.asked(index, &[], defect)).unwrap();
            collateral.with_nvidia_ocsp(answer)
        })
    }

    fn ask(&self, question: &Question, cache: &Cache) -> String {
        let Question { collateral, now, .. } = question;
        let (roots, revocation) = (&self.roots, &Revocation::Required);
        let context = Context { roots, collateral, revocation, now: *now, cache };
        match verify(question.evidence.clone(), &context) {
            Err(refused) => refused.to_string(),
            Ok(verified) => {
                let item = &verified.items()[0];
                json!([item.claims(), item.facts(), item.findings().len(), verified.not_after()]).to_string()
            }
        }
    }

    /// Good devices and one of each defect, under good manifests and one of each defect, at two instants.
    fn questions(&self) -> Vec<Question> {
        let mut questions = Vec::new();
        let mut put = |name: &str, item: &Value, collateral: &Collateral, now| {
            let document = json!({"evidence": [item]}).to_string();
            let Some(evidence) =
                Document::from_json(document.as_bytes()).ok().and_then(|found| found.parse().ok())
            else {
                return;
            };
            let (name, collateral) = (name.to_owned(), collateral.clone());
            let mut question = Question { name, evidence, collateral, now, cold: String::new() };
            question.cold = self.ask(&question, Cache::off());
            questions.push(question);
        };
        let (good, manifests) = (self.item(&DeviceOrder::default(), None), self.collateral(None, None));
        let now = self.bench.now;
        put("good", &good, &manifests, now);
        put("late", &good, &manifests, UnixTime::from_seconds(now.seconds() + 90_000).unwrap());
        for defect in NvidiaDefect::ALL {
            let order = DeviceOrder { defect: Some(*defect), ..DeviceOrder::default() };
            put(defect.name(), &self.item(&order, None), &manifests, now);
        }
        for defect in OcspDefect::ALL {
            let item = self.item(&DeviceOrder::default(), Some((2, *defect)));
            put(defect.name(), &item, &manifests, now);
            put(defect.name(), &good, &self.collateral(None, Some(*defect)), now);
        }
        for defect in RimDefect::ALL {
            put(defect.name(), &good, &self.collateral(Some(*defect), None), now);
        }
        questions
    }
}

/// COL-10 and every rule below a signature: a shared cache, small or large, accepts nothing that a first look
/// refuses, and refuses nothing that it accepts.
#[test]
fn a_shared_cache_never_changes_an_answer() {
    let world = World::new();
    let questions = world.questions();
    let accepted = questions.iter().filter(|question| question.cold.starts_with('[')).count();
    assert!(accepted > RimDefect::ALL.len() && questions.len() - accepted > 20, "{accepted}");
    for entries in [1, 7, 512] {
        let cache = Cache::new(entries);
        for question in questions.iter().chain(questions.iter().rev()) {
            assert_eq!(world.ask(question, &cache), question.cold, "{} in {entries}", question.name);
        }
    }
}

/// NV-15: the certificates above a device are those of all its vendor's devices, and are proved once.
#[test]
fn a_new_device_of_a_known_vendor_costs_its_own_signatures() {
    let bench = Bench::new(LabChip::Gh100);
    let cache = Cache::new(64);
    let operations = |pdi: &[u8; 8]| {
        let device = bench.device(&DeviceOrder { pdi: *pdi, ..DeviceOrder::default() });
        let document = json!({"evidence": [NvidiaLab::item("nvidia-gpu", &[device], &[])]}).to_string();
        let evidence = Document::from_json(document.as_bytes()).unwrap().parse().unwrap();
        let (roots, revocation, now) = (&bench.roots, &bench.revocation, bench.now);
        let context = Context { roots, collateral: &Collateral::default(), revocation, now, cache: &cache };
        verify(evidence, &context).unwrap().public_key_operations()
    };
    assert_eq!(operations(b"lab-gpu1"), 5, "a report and four certificates");
    assert_eq!(operations(b"lab-gpu2"), 3, "a report, its leaf and its own authority");
}
