//! A cache changes what a verification costs and never what it says.
//!
//! Evidence of the lab, good and with every defect, under good and defective lists, at several instants and
//! under two sets of roots, is judged with one shared cache in shuffled orders, twice in each; every answer
//! is compared, to the letter, with that of a verification that has no cache.

#[cfg(test)]
mod tests {
    use hanzo_attestation::{Cache, Collateral, Context, Revocation, Roots, verify};
    use hanzo_attestation_evidence::{Document, Evidence, UnixTime};
    use hanzo_attestation_lab::{
        IntelDefect, Lab, ListDefect, SnpDefect, SnpOrder, SnpProduct, TdxDefect, TdxOrder, Vek,
    };
    use proptest::prelude::{Just, ProptestConfig, Strategy as _, prop_assert_eq, proptest};
    use serde_json::{Value, json};
    use std::sync::LazyLock;
    use std::time::Duration;

    /// Everything that one verification rests on, and what it says without a cache.
    struct Question {
        name: String,
        evidence: Evidence,
        collateral: &'static Collateral,
        revocation: Revocation,
        roots: &'static Roots,
        now: UnixTime,
        cold: String,
    }

    impl Question {
        fn ask(&self, cache: &Cache) -> String {
            let Self { collateral, roots, revocation, now, .. } = self;
            let context = Context { roots, collateral, revocation, now: *now, cache };
            match verify(self.evidence.clone(), &context) {
                Err(refused) => refused.to_string(),
                Ok(verified) => {
                    let items = verified.items().iter();
                    let items: Vec<Value> = items
                        .map(|item| json!([item.claims(), item.facts(), item.findings().len()]))
                        .collect();
                    json!({"items": items, "not_after": verified.not_after(), "lab": verified.lab()})
                        .to_string()
                }
            }
        }
    }

    fn leak<T>(value: T) -> &'static T {
        Box::leak(Box::new(value))
    }

    fn parse(item: Value) -> Option<Evidence> {
        Document::from_json(Lab::document(vec![item]).to_string().as_bytes()).ok()?.parse().ok()
    }

    fn evidence(lab: &Lab) -> Vec<(String, Evidence)> {
        let mut found = Vec::new();
        for product in SnpProduct::ALL {
            for vek in [Vek::Vcek, Vek::Vlek] {
                let order = SnpOrder { product, vek, version: 5, ..SnpOrder::default() };
                found.push((format!("{product:?} {vek:?}"), parse(lab.snp(&order).unwrap())));
            }
        }
        for defect in SnpDefect::ALL {
            let order = SnpOrder::default().with_defect(*defect);
            found.push((defect.name().to_owned(), parse(lab.snp(&order).unwrap())));
        }
        found.push(("TDX".to_owned(), parse(lab.tdx(&TdxOrder::default()).unwrap())));
        for defect in TdxDefect::ALL {
            let order = TdxOrder::default().with_defect(*defect);
            found.push((defect.name().to_owned(), parse(lab.tdx(&order).unwrap())));
        }
        found.into_iter().filter_map(|(name, parsed)| Some((name, parsed?))).collect()
    }

    fn collaterals(lab: &Lab) -> Vec<(String, &'static Collateral)> {
        let mut found = vec![
            ("good lists".to_owned(), leak(lab.collateral())),
            ("no list".to_owned(), leak(Collateral::default())),
        ];
        for defect in ListDefect::ALL {
            found.push((defect.name().to_owned(), leak(lab.collateral_with(*defect).unwrap())));
        }
        for defect in IntelDefect::ALL {
            let order = lab.intel_order().with_defect(*defect);
            found.push((defect.name().to_owned(), leak(lab.collateral_with_intel(&order).unwrap())));
        }
        found
    }

    /// Every evidence under good lists, at three instants and under both sets of roots; and good evidence
    /// under every list.
    fn questions() -> Vec<Question> {
        let lab = Lab::fixture();
        let day = Duration::from_secs(86_400);
        let now = lab.validity().not_before.after(day);
        let instants = [now, lab.validity().not_before.before(day), lab.validity().not_after.after(day)];
        let extended: &'static Roots = leak(Roots::vendor().with_extra(lab.extra_roots()));
        let vendor: &'static Roots = leak(Roots::vendor());
        let (evidence, collaterals) = (evidence(&lab), collaterals(&lab));
        let waived = Revocation::Waived { reason: "a test".to_owned() };
        let mut questions = Vec::new();
        let mut put = |name: String, evidence: &Evidence, collateral, roots, now, revocation: &Revocation| {
            let (evidence, revocation) = (evidence.clone(), revocation.clone());
            let mut question =
                Question { name, evidence, collateral, revocation, roots, now, cold: String::new() };
            question.cold = question.ask(Cache::off());
            questions.push(question);
        };
        for (name, item) in &evidence {
            for now in instants {
                for roots in [extended, vendor] {
                    put(
                        format!("{name} at {now}"),
                        item,
                        collaterals[0].1,
                        roots,
                        now,
                        &Revocation::Required,
                    );
                }
            }
        }
        for (lists, collateral) in &collaterals {
            for (name, item) in evidence.iter().filter(|(name, _)| name.contains("Milan") || name == "TDX") {
                for revocation in [&waived, &Revocation::Required] {
                    put(format!("{name} under {lists}"), item, collateral, extended, now, revocation);
                }
            }
        }
        questions
    }

    static QUESTIONS: LazyLock<Vec<Question>> = LazyLock::new(questions);

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

        /// COL-10 to COL-14 and every rule below a signature: what a cache remembers accepts nothing that a
        /// first look refuses, and refuses nothing that it accepts.
        #[test]
        fn a_shared_cache_never_changes_an_answer(
            first in Just((0..QUESTIONS.len()).collect::<Vec<_>>()).prop_shuffle(),
            second in Just((0..QUESTIONS.len()).collect::<Vec<_>>()).prop_shuffle(),
            entries in 1..64_usize,
        ) {
            let cache = Cache::new(entries);
            for question in first.into_iter().chain(second).map(|position| &QUESTIONS[position]) {
                prop_assert_eq!(&question.ask(&cache), &question.cold, "{}", question.name);
            }
        }
    }

    #[test]
    fn the_questions_have_both_answers() {
        let accepted = QUESTIONS.iter().filter(|question| question.cold.starts_with('{')).count();
        println!("{} questions, {accepted} of them accepted", QUESTIONS.len());
        assert!(accepted > 20 && QUESTIONS.len() - accepted > 100, "{accepted}");
    }
}
