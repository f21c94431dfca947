//! A member's value before any rule was applied to it.

use std::borrow::Cow;
use std::ops::RangeInclusive;

/// Elements of a list among which repeats are looked for. Comparing all of more with all would take long.
const COMPARED: usize = 100;

/// What a caller or a file gave for one member.
///
/// A JSON body distinguishes a member that is left out from one that is `null`; a CSV cell that is
/// empty is [`Absent`](Given::Absent).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Given<'a> {
    /// The member was left out.
    #[default]
    Absent,
    /// The member was `null`.
    Null,
    /// A string, or the text of a cell.
    Text(Cow<'a, str>),
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// An array.
    List(Vec<Given<'a>>),
    /// Something no member takes: an object, or a number that is not a whole one.
    Other,
}

impl<'a> Given<'a> {
    /// What stands in `text` between `;`, `|` and `,`, without white space around it, as a list.
    ///
    /// ```
    /// # use roster::Given;
    /// let roles = Given::list("originator; collaborator");
    /// assert_eq!(roles, Given::List(vec!["originator".into(), "collaborator".into()]));
    /// ```
    #[must_use]
    pub fn list(text: &'a str) -> Self {
        let parts = text.split([';', '|', ',']).map(str::trim);
        Self::List(parts.filter(|part| !part.is_empty()).map(Self::from).collect())
    }
}

impl Given<'_> {
    /// Whether there is no value: left out or `null`.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Given::Absent | Given::Null)
    }

    /// Labels that people wrote in the terms of the member: each that `name` knows is replaced by its name, and
    /// what a list says twice stands in it once. Others stay, to be told of as they were written.
    #[must_use]
    pub fn named(self, name: fn(&str) -> Option<&'static str>) -> Self {
        match self {
            Given::Text(label) => match name(&label) {
                Some(name) => name.into(),
                None => Given::Text(label),
            },
            Given::List(labels) => {
                let mut names = Vec::with_capacity(labels.len());
                for label in labels.into_iter().map(|label| label.named(name)) {
                    if names.len() > COMPARED || !names.contains(&label) {
                        names.push(label);
                    }
                }
                Given::List(names)
            }
            given => given,
        }
    }

    /// The whole number that it is, if that lies in `range`.
    #[must_use]
    pub fn number_in(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let Given::Number(number) = self else {
            return None;
        };
        u64::try_from(*number)
            .ok()
            .filter(|number| range.contains(number))
    }

    /// The text to repeat to the caller when the value is at fault.
    #[must_use]
    pub fn shown(&self) -> Option<String> {
        match self {
            Given::Text(text) => Some(text.to_string()),
            Given::Flag(flag) => Some(flag.to_string()),
            Given::Number(number) => Some(number.to_string()),
            Given::Absent | Given::Null | Given::List(_) | Given::Other => None,
        }
    }
}

impl<'a> From<&'a str> for Given<'a> {
    fn from(text: &'a str) -> Self {
        Given::Text(Cow::Borrowed(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_each_value_once_as_far_as_it_is_compared() {
        let list = |labels: &[usize]| {
            let labels = labels.iter().map(|label| Given::Text(label.to_string().into()));
            Given::List(labels.collect())
        };
        let zero = |label: &str| (label == "0").then_some("none");
        let len = |given: Given<'_>| match given.named(zero) {
            Given::List(names) => names.len(),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            list(&[0, 7, 0, 7]).named(zero),
            Given::List(vec!["none".into(), "7".into()])
        );

        let mut labels: Vec<_> = (1..=COMPARED).collect();
        labels.push(1);
        assert_eq!(len(list(&labels)), COMPARED);
        labels[COMPARED] = 0;
        labels.push(1);
        assert_eq!(len(list(&labels)), COMPARED + 2, "no longer compared");
    }

    #[test]
    fn only_a_whole_number_within_the_range_is_taken() {
        assert_eq!(Given::Number(2).number_in(2..=9), Some(2));
        assert_eq!(Given::Number(9).number_in(2..=9), Some(9));
        for other in [
            Given::Number(1),
            Given::Number(10),
            Given::Number(-3),
            "5".into(),
            Given::Null,
        ] {
            assert_eq!(other.number_in(2..=9), None, "{other:?}");
        }
    }
}
