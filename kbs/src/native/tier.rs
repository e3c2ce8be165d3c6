//! `GET /kbs/v1/policy/tier/{tier}`: what a tier demands.

use crate::problem::{Code, Problem};
use axum::Json;
use axum::extract::Path;
use hanzo_kbs_protocol::TierPolicy;
use hanzo_policy::Tier;

/// By number, name or alias.
pub(crate) async fn tier_policy(Path(tier): Path<String>) -> Result<Json<TierPolicy>, Problem> {
    let tier: Tier = tier.parse().map_err(|_| Code::NotFound)?;
    let mut requires = vec![tier.requires().to_owned()];
    if tier > Tier::Confidential {
        requires.push("this build verifies no GPU evidence: no node reaches this tier yet".to_owned());
    }
    Ok(Json(TierPolicy {
        tier: tier.number(),
        name: tier.name().to_owned(),
        aliases: tier.aliases().iter().map(|&alias| alias.to_owned()).collect(),
        requires,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn numbers_names_and_aliases_lead_to_one_tier() {
        for name in ["2", "confidential", "secure", "cpu-tee"] {
            assert_eq!(tier_policy(Path(name.to_owned())).await.unwrap().0.tier, 2, "{name}");
        }
        for number in 0..=4_u8 {
            let policy = tier_policy(Path(number.to_string())).await.unwrap().0;
            for alias in policy.aliases {
                assert_eq!(tier_policy(Path(alias)).await.unwrap().0.tier, number);
            }
        }
        for wrong in ["5", "-1", "", "tier2", "2 "] {
            assert_eq!(
                tier_policy(Path(wrong.to_owned())).await.unwrap_err().code(),
                Code::NotFound,
                "{wrong:?}"
            );
        }
    }
}
