//! The shape that all lists of defects share: a name for the command line, and the rule that it breaks.

/// A command-line name that no defect has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no defect is called `{0}`")]
pub struct UnknownDefect(pub String);

/// Declares an enum of defects. Each variant states its command-line name, and the rule book's id and code of
/// the one rule that evidence with this defect breaks.
macro_rules! defects {
    ($(#[$meta:meta])* $Name:ident { $( $(#[$doc:meta])* $Variant:ident = $name:literal breaks $rule:literal $code:literal, )+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $Name { $( $(#[$doc])* $Variant, )+ }

        impl $Name {
            /// Every defect, in the order of the rule book.
            pub const ALL: &'static [Self] = &[ $( Self::$Variant, )+ ];

            /// The name on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$Variant => $name, )+ }
            }

            /// The rule book's id of the one rule that this defect breaks.
            #[must_use]
            pub const fn rule(self) -> &'static str {
                match self { $( Self::$Variant => $rule, )+ }
            }

            /// The code of the refusal that this defect must meet, from verification, binding or strict
            /// appraisal.
            #[must_use]
            pub const fn expects(self) -> &'static str {
                match self { $( Self::$Variant => $code, )+ }
            }
        }

        impl std::str::FromStr for $Name {
            type Err = $crate::UnknownDefect;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                let found = Self::ALL.iter().copied().find(|defect| defect.name() == name);
                found.ok_or_else(|| $crate::UnknownDefect(name.to_owned()))
            }
        }
    };
}

pub(crate) use defects;
