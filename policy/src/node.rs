//! A node as policies see it: the principal of a decision.

use crate::appraised::Proved;
use crate::devices::Devices;
use crate::references::Register;
use crate::schema::entity;
use crate::schema::shape::{Domain, Record as _, Shape, Type, record, wire_name};
use crate::schema::{enclave_registers, pcrs, td_registers};
use crate::tier::Tier;
use cedar_policy::{Entity, EvalResult, RestrictedExpression};
use hanzo_attestation::{Claims, Facts, Product, azure, sgx, snp, tdx, tpm};
use hanzo_attestation_evidence::nvidia::Class;
use hanzo_attestation_evidence::{Tee, UnixTime};
use std::collections::{BTreeSet, HashMap, HashSet};

/// The attributes of `principal`.
#[derive(Clone, Debug)]
pub(crate) struct Attributes {
    /// 0 to 4.
    pub(crate) tier: Tier,
    /// The CPU's kind of evidence, else `registered-key`, else `none`.
    pub(crate) tee: String,
    /// Whether a chain ends in a lab root.
    pub(crate) lab: bool,
    pub(crate) product: Option<Product>,
    /// What the vendor's collateral says of the platform.
    pub(crate) tcb_status: Option<String>,
    /// Date of the security version, where the vendor rates it.
    pub(crate) tcb_date: Option<UnixTime>,
    /// Advisories that the vendor lists for it.
    pub(crate) advisories: Vec<String>,
    /// The launch measurement.
    pub(crate) measurement: Launch,
    /// All measured registers.
    pub(crate) measurements: Registers,
    /// Data fixed by the host at launch.
    pub(crate) host_data: Option<String>,
    pub(crate) chip: Option<String>,
    /// The registered key that signed.
    pub(crate) identity: Option<String>,
    pub(crate) snp: Option<Box<snp::Claims>>,
    pub(crate) tdx: Option<Box<tdx::Claims>>,
    pub(crate) sgx: Option<Box<sgx::Claims>>,
    pub(crate) tpm: Option<Box<tpm::Claims>>,
    pub(crate) azure: Option<Box<azure::Vtpm>>,
    pub(crate) gpus: Option<Devices>,
    pub(crate) switches: Option<Devices>,
    /// Whether TEE-I/O is proved: tier 4.
    pub(crate) tee_io: bool,
}

record!(Attributes as "Node" {
    tier, tee, lab, product, tcb_status, tcb_date, advisories, measurement, measurements, host_data, chip, identity, snp, tdx, sgx, tpm,
    azure, gpus, switches, tee_io,
});

/// The launch measurement: that of a node without one is an entity that no reference set holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Launch(pub(crate) Option<Register>);

/// Measured registers.
#[derive(Clone, Debug)]
pub(crate) struct Registers(pub(crate) Vec<Register>);

impl Shape for Launch {
    fn shape() -> Type {
        Type::Measurement
    }
    fn value(&self) -> Option<RestrictedExpression> {
        let uid = self.0.as_ref().map_or_else(entity::no_measurement, entity::measurement);
        Some(RestrictedExpression::new_entity_uid(uid))
    }
}

impl Shape for Registers {
    fn shape() -> Type {
        Type::MeasurementSet
    }
    fn value(&self) -> Option<RestrictedExpression> {
        Some(RestrictedExpression::new_set(self.0.iter().filter_map(Shape::value)))
    }
}

impl Shape for Tier {
    fn shape() -> Type {
        Type::Long
    }
    fn domain() -> Domain {
        Domain::Range(i64::from(Self::Open.number()), i64::from(Self::TeeIo.number()))
    }
    fn value(&self) -> Option<RestrictedExpression> {
        self.number().value()
    }
}

/// A node, ready to ask: built once, whatever the number of keys.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) tier: Tier,
    pub(crate) cpu_tee: bool,
    /// Every measured register that a policy can reach.
    pub(crate) registers: BTreeSet<Register>,
    pub(crate) entity: Entity,
    /// The launch measurement.
    pub(crate) launch: Option<Register>,
    /// Whether it states every claim that the schema demands: else a policy that reads another fails.
    pub(crate) complete: bool,
}

/// Attributes that make no entity. It cannot happen with attributes from claims; it is a refusal if it does.
#[derive(Debug, thiserror::Error)]
#[error("the node cannot be described to the policy engine: {0}")]
pub(crate) struct NodeError(String);

impl Node {
    /// Describes a node by the claims of its items.
    pub(crate) fn of<'a>(
        proved: Proved,
        lab: bool,
        items: impl Iterator<Item = (&'a Claims, &'a Facts)>,
    ) -> Result<Self, NodeError> {
        let mut attributes = Attributes { lab, ..Attributes::none(proved.tier) };
        let mut registers = BTreeSet::new();
        for (claims, facts) in items {
            attributes.add(claims, facts);
            registers.extend(attributes.measurements.0.iter().copied());
            match claims {
                Claims::Tdx(claims) => registers.extend(td_registers(claims)),
                Claims::Sgx(claims) => registers.extend(enclave_registers(claims)),
                Claims::Tpm(claims) => registers.extend(pcrs(claims)),
                Claims::Nvidia(claims) => registers.extend(Devices::of(claims).registers()),
                Claims::AzSnpVtpm(claims) => registers.extend(pcrs(&claims.vtpm.tpm)),
                Claims::AzTdxVtpm(claims) => {
                    registers.extend(td_registers(&claims.tdx).into_iter().chain(pcrs(&claims.vtpm.tpm)));
                }
                _ => {}
            }
        }
        Self::new(
            proved.tier,
            proved.cpu_tee,
            registers,
            attributes.fields().into_iter().map(|(n, v)| (n.to_owned(), v)),
            true,
        )
    }

    /// A node from attributes by name.
    pub(crate) fn new(
        tier: Tier,
        cpu_tee: bool,
        registers: BTreeSet<Register>,
        attributes: impl Iterator<Item = (String, RestrictedExpression)>,
        complete: bool,
    ) -> Result<Self, NodeError> {
        let attributes: HashMap<_, _> = attributes.collect();
        let entity = Entity::new(entity::node(), attributes, HashSet::new())
            .map_err(|error| NodeError(error.to_string()))?;
        Ok(Self::made(tier, cpu_tee, registers, entity, complete))
    }

    /// A node whose entity is made.
    pub(crate) fn made(
        tier: Tier,
        cpu_tee: bool,
        registers: BTreeSet<Register>,
        entity: Entity,
        complete: bool,
    ) -> Self {
        let launch = match entity.attr("measurement") {
            Some(Ok(EvalResult::EntityUid(uid))) => {
                entity::as_measurement(&uid).and_then(Register::from_entity_id)
            }
            _ => None,
        };
        Self { tier, cpu_tee, registers, entity, launch, complete }
    }
}

impl Attributes {
    /// A node that shows nothing.
    pub(crate) fn none(tier: Tier) -> Self {
        Self {
            tier,
            tee: "none".to_owned(),
            lab: false,
            product: None,
            tcb_status: None,
            tcb_date: None,
            advisories: Vec::new(),
            measurement: Launch(None),
            measurements: Registers(Vec::new()),
            host_data: None,
            chip: None,
            identity: None,
            snp: None,
            tdx: None,
            sgx: None,
            tpm: None,
            azure: None,
            gpus: None,
            switches: None,
            tee_io: tier == Tier::TeeIo,
        }
    }

    fn add_vtpm(&mut self, vtpm: &azure::Vtpm) {
        self.tpm = Some(Box::new(vtpm.tpm.clone()));
        self.azure = Some(Box::new(vtpm.clone()));
    }

    fn add(&mut self, claims: &Claims, facts: &Facts) {
        self.lab |= facts.lab;
        match claims {
            Claims::SevSnp(claims) => self.snp = Some(claims.clone()),
            Claims::Tdx(claims) => self.tdx = Some(claims.clone()),
            Claims::Sgx(claims) => self.sgx = Some(claims.clone()),
            Claims::Tpm(claims) => {
                self.tpm = Some(claims.clone());
                // A CPU beside it names the node.
                if !["none", "tpm", "registered-key"].contains(&self.tee.as_str()) {
                    return;
                }
            }
            Claims::AzSnpVtpm(claims) => {
                self.snp = Some(Box::new(claims.snp.clone()));
                self.add_vtpm(&claims.vtpm);
            }
            Claims::AzTdxVtpm(claims) => {
                self.tdx = Some(Box::new(claims.tdx.clone()));
                self.add_vtpm(&claims.vtpm);
            }
            Claims::Nvidia(claims) => {
                let devices = Devices::of(claims);
                match claims.class {
                    Class::Gpu => self.gpus = Some(Devices { tee_io: self.tee_io, ..devices }),
                    Class::Switch => self.switches = Some(devices),
                }
                return;
            }
            // It says nothing of the node: what is proved of its GPUs is, and what their item says.
            Claims::Tdi(_) => return,
            Claims::RegisteredKey(claims) => {
                self.identity = Some(claims.key_id.clone());
                // A CPU beside it names the node.
                if self.tee == "none" {
                    facts.tee.name().clone_into(&mut self.tee);
                }
                return;
            }
        }
        facts.tee.name().clone_into(&mut self.tee);
        self.product = facts.product;
        self.tcb_status = wire_name(&facts.tcb_status);
        self.tcb_date = facts.tcb_date;
        self.advisories.clone_from(&facts.advisories);
        self.host_data.clone_from(&facts.host_data);
        self.chip.clone_from(&facts.chip);
        let registers = facts.measurements.iter();
        let named = registers.filter_map(|m| Register::named(facts.tee.name(), m.register, m.digest));
        self.measurements = Registers(named.collect());
        // A TPM has no launch measurement: what was launched is in the registers that policies name.
        let launch = self.measurements.0.first().copied();
        self.measurement = Launch(launch.filter(|register| register.tee != Tee::Tpm));
    }
}
