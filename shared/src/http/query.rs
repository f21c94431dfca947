//! Query parameters, read strictly: none twice, none unknown, none out of range.

use std::ops::RangeInclusive;

use lambda_http::{Request, RequestExt};

use crate::Error;
use crate::models::{Code, Violation};

/// The parameters of a request, taken one by one; [`Query::finish`] tells of every fault at once.
#[derive(Debug)]
pub struct Query {
    parameters: Vec<(String, String)>,
    faults: Vec<Violation>,
}

impl Query {
    /// The query parameters of `request`, percent-decoded.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let mut query = Self {
            parameters: Vec::new(),
            faults: Vec::new(),
        };
        for (name, value) in request
            .query_string_parameters_ref()
            .into_iter()
            .flat_map(|map| map.iter())
        {
            if query.parameters.iter().any(|(known, _)| known == name) {
                query.fault(name, Code::Repeated, "is given more than once");
            } else {
                query.parameters.push((name.to_owned(), value.to_owned()));
            }
        }
        query
    }

    /// Whether the parameter `name` was sent and not taken yet.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.parameters.iter().any(|(known, _)| known == name)
    }

    /// The parameter `name` as it was sent.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let index = self.parameters.iter().position(|(known, _)| known == name)?;
        Some(self.parameters.swap_remove(index).1)
    }

    /// The parameter `name` as a whole number within `range`.
    pub fn number(&mut self, name: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let text = self.text(name)?;
        match text.parse() {
            Ok(number) if range.contains(&number) && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(number)
            }
            _ => {
                let detail = format!("must be a whole number from {} to {}", range.start(), range.end());
                self.fault(name, Code::OutOfRange, detail);
                None
            }
        }
    }

    /// The parameter `name` as one of `choices`, each a word and what it stands for.
    pub fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(name)?;
        let chosen = choices.iter().find(|(word, _)| *word == text);
        if chosen.is_none() {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            self.fault(
                name,
                Code::InvalidFormat,
                format!("must be one of {}", words.join(", ")),
            );
        }
        chosen.map(|(_, value)| *value)
    }

    /// The parameter `name` as `true` or `false`.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        self.choice(name, &[("true", true), ("false", false)])
    }

    /// Records a fault of the parameter `name` that only the caller of this module can see.
    pub fn fault(&mut self, name: &str, code: Code, detail: impl Into<String>) {
        let shown: String = name.chars().take(Violation::MAX_VALUE).collect();
        self.faults.push(Violation::new(shown, code, detail));
    }

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] naming every parameter that is repeated, out of range or that nobody took.
    pub fn finish(mut self) -> Result<(), Error> {
        for (name, _) in std::mem::take(&mut self.parameters) {
            self.fault(&name, Code::UnknownMember, "is not a parameter of this request");
        }
        match self.faults.first() {
            None => Ok(()),
            Some(first) => Err(Error::Malformed {
                detail: format!("the query parameter {}", first.message()).into(),
                violations: self.faults,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use lambda_http::Body;
    use lambda_http::http::Request as HttpRequest;

    use super::*;

    fn query(text: &str) -> Query {
        let parameters: HashMap<String, Vec<String>> = text
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .fold(HashMap::new(), |mut parameters, (name, value)| {
                let values: &mut Vec<String> = parameters.entry(name.to_owned()).or_default();
                values.push(value.to_owned());
                parameters
            });
        let request = HttpRequest::builder().body(Body::Empty).unwrap();
        Query::of(&request.with_query_string_parameters(parameters))
    }

    #[test]
    fn parameters_are_typed() {
        let mut query = query("searchText=a+b c&limit=7&enabled=false");

        assert_eq!(query.text("searchText").as_deref(), Some("a+b c"));
        assert_eq!(query.number("limit", 0..=100), Some(7));
        assert_eq!(query.flag("enabled"), Some(false));
        assert!(query.finish().is_ok());
    }

    #[test]
    fn every_fault_names_its_parameter() {
        let mut query = query("limit=101&enabled=yes&nope=1&offset=1&offset=2&cursor=+5");
        query.number("limit", 0..=100);
        query.number("cursor", 0..=100);
        query.flag("enabled");
        query.number("offset", 0..=9);

        let Err(Error::Malformed { violations, .. }) = query.finish() else {
            panic!("the query was taken");
        };
        let mut named: Vec<_> = violations.iter().map(|fault| fault.member.as_str()).collect();
        named.sort_unstable();
        assert_eq!(named, ["cursor", "enabled", "limit", "nope", "offset"]);
    }
}
