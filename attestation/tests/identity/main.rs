//! Registered keys, from the document to the binding.

#[cfg(test)]
mod signature;
