//! What a cell means for a member of an account.

use std::borrow::Cow;

use roster::invisible::{is_blank, is_dropped_from_names, trimmed};

use super::escape::unescape;
use super::quote::has_escaped_quote;
use super::repair;
use roster::{
    AccountType, Code, Country, Email, Given, InvalidPhone, Member, Phone, Place, Profile, Role, Roles,
    UserDraft, Violation, flag_of_word, is_spreadsheet_error,
};

/// What the cells of a file are read by.
#[derive(Clone, Copy, Debug)]
pub struct CellRules {
    /// The roles that the sender may give.
    pub assignable: Roles,
    /// The country of phone numbers without a country code.
    pub country: Option<Country>,
}

impl CellRules {
    /// Returns the value of a member in its cell, which is [unescaped](unescape), before the member's own rules are
    /// applied to it; absent if nobody sees anything in the cell.
    pub(super) fn given<'a>(&self, member: Member, cell: &'a str) -> Given<'a> {
        match member {
            member if member.takes_any_text() => name(cell),
            _ => match (trimmed(cell), member) {
                ("", _) => Given::Absent,
                (cell, Member::Email) => address(cell).into(),
                (cell, Member::MobileNumber) => self.phone(cell),
                (cell, Member::Roles) => roles(cell),
                (cell, Member::Enabled) => flag_of_word(cell).map_or(cell.into(), Given::Flag),
                (cell, Member::AccountType) => {
                    Given::from(cell).named(|label| AccountType::from_label(label).map(AccountType::as_str))
                }
                (cell, _) => cell.into(),
            },
        }
    }

    fn phone<'a>(&self, cell: &'a str) -> Given<'a> {
        // Nearly all that are sound are in this form, which the member's own rules read.
        if cell.starts_with('+') && cell.is_ascii() {
            return cell.into();
        }
        match Phone::of_cell(cell, self.country) {
            Ok(number) => Given::Text(number.to_string().into()),
            Err(_) => cell.into(),
        }
    }

    /// Returns a fault of a member's cell in the words of a file.
    pub(super) fn explained(&self, member: Member, cell: &str, violation: Violation) -> Violation {
        let cell = trimmed(cell);
        if cell.is_empty() {
            return violation;
        }
        match member {
            Member::MobileNumber => match Phone::of_cell(cell, self.country) {
                Err(fault) if violation.code == Code::InvalidFormat => {
                    let detail = match (fault, self.country) {
                        (InvalidPhone::NoPlus, None) => {
                            format!("{fault}; add them, or send the option country, such as country=GB")
                        }
                        _ => fault.to_string(),
                    };
                    Violation::new(Place::Member(member), fault.into(), detail)
                }
                _ => violation,
            }
            .of_value(cell),
            Member::Enabled => {
                let detail = "must be true or false; yes, no, active, inactive, on, off, 1 and 0 are understood as well";
                match violation.detail.as_str() {
                    "must be true or false" => {
                        Violation::new(Place::Member(member), violation.code, detail).of_value(cell)
                    }
                    _ => violation,
                }
            }
            // Of several roles, the one at fault is shown.
            Member::Roles => violation,
            _ => violation.of_value(cell),
        }
    }

    /// Returns the cell that was most likely meant, with all its mistakes mended; none if nobody knows.
    pub(super) fn suggestion(&self, member: Member, cell: &str) -> Option<String> {
        let cell = trimmed(cell);
        if cell.is_empty() {
            return None;
        }
        let meant = match member {
            _ if member != Member::Email && repair::is_empty_word(cell) => Some(String::new()),
            // Entities first: what is around them may be an address too, but another one.
            Member::Email => Email::suggestion(&repair::odd(cell).1).or_else(|| Email::suggestion(cell)),
            Member::MobileNumber => Phone::suggestion(cell, self.country),
            Member::Roles => self.meant_roles(cell),
            Member::Enabled | Member::AccountType => None,
            _ => mended(member, cell),
        }?;
        self.is_sound(member, &meant).then_some(meant)
    }

    fn meant_roles(&self, cell: &str) -> Option<String> {
        let mut meant = Roles::NONE;
        let mut labels: Vec<&str> = Vec::new();
        for label in role_labels(cell) {
            let role = match Role::from_label(&label) {
                Some(role) => role,
                None => Role::nearest(&label)?,
            };
            if role == Role::AdhocCollaborator || !self.assignable.contains(role) {
                return None;
            }
            if !meant.contains(role) {
                meant = meant.with(role);
                labels.push(role.label());
            }
        }
        (!labels.is_empty()).then(|| labels.join("; "))
    }

    /// Returns whether a cell has no fault and looks odd to nobody.
    pub(super) fn is_sound(&self, member: Member, cell: &str) -> bool {
        // Such a cell is refused whatever is in it.
        if has_escaped_quote(cell.as_bytes()) {
            return false;
        }
        let cell = unescape(cell);
        let parsed = UserDraft::of(|other| match other {
            _ if other == member => self.given(member, cell),
            _ => Given::Absent,
        })
        .parse(self.assignable);
        let is_faulty = |violation: &Violation| violation.place == Place::Member(member);
        let is_required = member == Member::Email || !self.given(member, cell).is_missing();
        match parsed {
            Err(violations) if is_required && violations.iter().any(is_faulty) => false,
            _ => !member.takes_any_text() || warnings(member, cell).is_empty(),
        }
    }
}

/// Returns what looks odd in the cell of a member that takes any text.
#[must_use]
pub(super) fn warnings(member: Member, cell: &str) -> Vec<Violation> {
    let cell = trimmed(cell);
    if cell.is_empty() || !repair::is_suspicious(cell) {
        return Vec::new();
    }
    let (codes, mended) = repair::odd(cell);
    let warning = |code| {
        let detail = match code {
            Code::LooksGarbled => {
                "looks like text in a wrong encoding; correct it, or send the file with its encoding"
            }
            Code::LooksEscaped => "has HTML entities, which are not decoded; write the characters themselves",
            _ => "looks like a word for no value; leave the cell empty if there is none",
        };
        Violation::new(Place::Member(member), code, detail).of_value(cell)
    };
    let rules = CellRules {
        assignable: Roles::NONE,
        country: None,
    };
    // Nothing may be left to complain of; this ends because what is mended has no more of the damage.
    let is_better = repair::odd(&mended).0.is_empty() && !has_escaped_quote(mended.as_bytes()) && {
        let given = rules.given(member, &mended);
        let parsed = UserDraft::of(|other| {
            if other == member {
                given.clone()
            } else {
                Given::Absent
            }
        })
        .parse(Roles::NONE);
        parsed.is_err_and(|faults| faults.iter().all(|fault| fault.place != Place::Member(member)))
    };
    let suggestion = is_better.then_some(mended);
    codes
        .into_iter()
        .map(|code| warning(code).suggesting(suggestion.clone()))
        .collect()
}

/// Returns a text without damage and without what the member must not have.
fn mended(member: Member, cell: &str) -> Option<String> {
    let (_, mended) = repair::odd(cell);
    if mended.is_empty() {
        return Some(mended);
    }
    Profile::suggestion(member, &mended)
}

/// Returns a name without characters in it that nobody sees and that mean nothing.
fn name(cell: &str) -> Given<'_> {
    if cell.is_ascii() {
        let cell = cell.trim();
        return if cell.is_empty() {
            Given::Absent
        } else {
            cell.into()
        };
    }
    if cell.chars().all(is_blank) {
        return Given::Absent;
    }
    let cell = cell.trim();
    if cell.contains(is_dropped_from_names) {
        Given::Text(
            cell.chars()
                .filter(|char| !is_dropped_from_names(*char))
                .collect::<String>()
                .into(),
        )
    } else {
        cell.into()
    }
}

/// Returns an address without what only says that it is one: `mailto:` and angle brackets.
fn address(cell: &str) -> &str {
    let mut cell = cell;
    for _ in 0..2 {
        cell = match cell.as_bytes() {
            [b'<', .., b'>'] => trimmed(&cell[1..cell.len() - 1]),
            [b'm' | b'M', ..]
                if cell
                    .get(..7)
                    .is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:")) =>
            {
                trimmed(&cell[7..])
            }
            _ => return cell,
        };
    }
    cell
}

/// Returns the roles that a cell names; absent if it has separators only.
fn roles(cell: &str) -> Given<'_> {
    // Nearly all cells name one role, and few of the names have white space in them.
    if let Some(role) = Role::from_label(cell).filter(|_| !cell.contains(char::is_whitespace)) {
        return role.as_str().into();
    }
    // One of these has a separator in it.
    if is_spreadsheet_error(cell) {
        return cell.into();
    }
    let labels: Vec<_> = role_labels(cell).into_iter().map(Given::Text).collect();
    if labels.is_empty() {
        return Given::Absent;
    }
    Given::List(labels).named(|label| Role::from_label(label).map(Role::as_str))
}

/// Returns what is in a cell between `;`, `|`, `,`, `/` and line breaks, or in an array of JSON.
fn role_labels(cell: &str) -> Vec<Cow<'_, str>> {
    if cell.starts_with('[')
        && let Ok(labels) = serde_json::from_str::<Vec<String>>(cell)
    {
        return labels
            .into_iter()
            .map(|label| trimmed(&label).to_owned().into())
            .collect();
    }
    let is_separator = |char: char| {
        matches!(
            char,
            ';' | '|' | ',' | '/' | '\n' | '\r' | '\u{2028}' | '；' | '，' | '、'
        )
    };
    cell.split(is_separator)
        .map(trimmed)
        .filter(|label| !label.is_empty())
        .map(Cow::Borrowed)
        .collect()
}

#[cfg(test)]
mod tests;
