//! SEV-SNP evidence, from its document to the verdict.

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod evidence;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod lab;
#[cfg(test)]
mod real;
