//! `policy schema`: what policies can speak of.

use crate::exit::{Failure, Outcome};
use crate::output::{Format, Sheet, Show, write_out};
use crate::run::Context;
use clap::Args;
use hanzo_policy::{AttributeInfo, Policies};
use serde::Serialize;

#[derive(Args, Debug)]
pub(crate) struct SchemaArgs {
    /// Print the attributes as tables in Markdown instead of the schema in Cedar's syntax
    #[arg(long)]
    markdown: bool,
}

#[derive(Serialize)]
struct Schema {
    /// In Cedar's own syntax.
    schema: String,
    attributes: Vec<AttributeInfo>,
}

impl SchemaArgs {
    /// The schema is a text for other tools, so that it is printed as such on a pipe, too; JSON when asked for.
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        if self.markdown {
            write_out(Policies::attributes_markdown().as_bytes())?;
        } else if context.output.asked() == Some(Format::Json) {
            let schema = Policies::schema_text();
            context.output.show(&Schema { schema, attributes: Policies::attributes() })?;
        } else {
            write_out(Policies::schema_text().as_bytes())?;
        }
        Ok(Outcome::Yes)
    }
}

impl Show for Schema {
    fn sheet(&self) -> Sheet {
        Sheet::new().line(self.schema.trim_end())
    }
}
