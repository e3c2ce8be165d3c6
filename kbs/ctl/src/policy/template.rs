//! `policy template`: policies for the usual cases, filled offline into text that `check` accepts.

use super::check::Checked;
use crate::exit::{Failure, Outcome};
use crate::output::{Format, Sheet, Show, write_out};
use crate::run::Context;
use clap::{Args, Subcommand};
use hanzo_policy::template::{TEMPLATES, Template};
use hanzo_policy::{Policies, PolicySource};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Args, Debug)]
pub(crate) struct TemplateArgs {
    #[command(subcommand)]
    verb: TemplateVerb,
}

#[derive(Debug, Subcommand)]
enum TemplateVerb {
    /// List the templates
    List,
    /// Show one template with its places
    Show {
        /// Name of the template
        name: String,
    },
    /// Fill a template; prints a policy for `policy put`
    Fill {
        /// Name of the template
        name: String,
        /// A place with its value, PLACE=VALUE; once for each place
        #[arg(long = "set", value_name = "PLACE=VALUE", value_parser = pair)]
        set: Vec<(String, String)>,
    },
}

#[derive(Serialize)]
struct Filled {
    template: &'static str,
    /// The policy, in Cedar.
    text: String,
}

impl TemplateArgs {
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        match self.verb {
            TemplateVerb::List => context.output.show(&Vec::from(TEMPLATES))?,
            TemplateVerb::Show { name } => context.output.show(find(&name)?)?,
            TemplateVerb::Fill { name, set } => return fill(find(&name)?, set, context),
        }
        Ok(Outcome::Yes)
    }
}

/// A policy is a text for `policy put`, so that it is printed as such on a pipe, too; JSON when asked for.
fn fill(
    template: &'static Template,
    set: Vec<(String, String)>,
    context: &Context,
) -> Result<Outcome, Failure> {
    let wrong = |reason: String| Failure::Input { path: template.name.to_owned(), reason };
    let mut values = BTreeMap::new();
    for (place, value) in set {
        if values.insert(place.clone(), value).is_some() {
            return Err(wrong(format!("`{place}` is given twice")));
        }
    }
    let text = template.fill(&values).map_err(|error| wrong(error.to_string()))?;
    let source = [PolicySource { name: template.name.to_owned(), version: 1, text }];
    if let Err(problems) = Policies::compile(&source) {
        context.output.show(&Checked::refused(1, &problems))?;
        return Ok(Outcome::No);
    }
    let [PolicySource { text, .. }] = source;
    if context.output.asked() == Some(Format::Json) {
        context.output.show(&Filled { template: template.name, text })?;
    } else {
        write_out(text.as_bytes())?;
    }
    Ok(Outcome::Yes)
}

fn find(name: &str) -> Result<&'static Template, Failure> {
    Template::find(name).ok_or_else(|| {
        let names: Vec<&str> = TEMPLATES.iter().map(|template| template.name).collect();
        let reason = format!("no template of this name; there are {}", names.join(", "));
        Failure::Input { path: name.to_owned(), reason }
    })
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (place, value) = text.split_once('=').ok_or("expected PLACE=VALUE, e.g. images=production")?;
    Ok((place.to_owned(), value.to_owned()))
}

impl Show for Template {
    fn sheet(&self) -> Sheet {
        let rows = self.parameters.iter().map(|place| [place.name.to_owned(), place.kind.takes().to_owned()]);
        Sheet::new()
            .facts([("template", self.name.to_owned()), ("about", self.about.to_owned())])
            .grid(["place", "takes"], rows)
            .line(self.text.trim_end())
    }
}

impl Show for Vec<Template> {
    fn sheet(&self) -> Sheet {
        let rows = self.iter().map(|template| {
            let places: Vec<&str> = template.parameters.iter().map(|place| place.name).collect();
            [template.name.to_owned(), template.about.to_owned(), places.join(", ")]
        });
        Sheet::new().grid(["template", "about", "places"], rows)
    }
}

impl Show for Filled {
    fn sheet(&self) -> Sheet {
        Sheet::new().line(self.text.trim_end())
    }
}
