//! `identity`: the key that says who this machine is.

use crate::args::IdentityVerb;
use crate::exit::{Answer, Failure};
use crate::output::{self, Format};
use hanzo_node_attester::IdentityKey;
use hanzo_node_attester::identity::PublicPart;

pub(crate) fn run(verb: &IdentityVerb, format: Format) -> Result<Answer, Failure> {
    let public = match verb {
        IdentityVerb::Create(args) => {
            let public = IdentityKey::create(&args.file)?.public();
            output::remark(&format!(
                "wrote {}; register its public part in the broker's configuration",
                args.file.display()
            ));
            public
        }
        IdentityVerb::Show(args) => IdentityKey::read(&args.file)?.public(),
    };
    match format {
        Format::Json => output::json(&public)?,
        Format::Table => output::result(&text(&public))?,
    }
    Ok(Answer::Yes)
}

/// The two lines of an `[[identities]]` section, ready to be copied: a table could wrap the key.
fn text(public: &PublicPart) -> String {
    format!("algorithm = \"{}\"\npublic_key = \"{}\"", public.algorithm.name(), public.base64())
}
