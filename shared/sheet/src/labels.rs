//! What people and programs call the columns of a file: one table, published in the OpenAPI document and on `/docs`.

mod table;

use std::collections::HashMap;
use std::sync::LazyLock;

use roster::{Member, WORDS, bare, invisible};
use serde_json::{Map, Value, json};

pub use table::{LABELS, NEVER, OPPOSITES};

/// The labels of a language, or of a program that exports files.
#[derive(Clone, Copy, Debug)]
pub struct Labels {
    /// The language or the program, by its name in English.
    pub source: &'static str,
    /// Each member with what its column is called, separated by `, `. Capitals, accents, white space, `_`, `-` and `.` do not
    /// matter.
    pub labels: &'static [(Member, &'static str)],
    /// Words that are a whole name in another language, each with the member that it means only beside a column of
    /// the other one.
    pub halves: &'static [Half],
}

/// A word that is a whole name in another language.
#[derive(Clone, Copy, Debug)]
pub struct Half {
    /// The word.
    pub label: &'static str,
    /// What it means,
    pub member: Member,
    /// beside a column that means this.
    pub beside: Member,
}

/// How a column was understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// What the column means.
    pub member: Member,
    /// The label of [`LABELS`] that says so.
    pub label: &'static str,
}

/// What is looked up for each header.
struct Table {
    labels: HashMap<String, Meaning>,
    halves: Vec<(String, Half)>,
    never: Vec<String>,
    opposites: Vec<String>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    // The name of a member in JSON, which the template has, is always one of its labels.
    let own = Member::ALL.map(|member| {
        let label = member.name();
        (bare(label), Meaning { member, label })
    });
    let mut labels = HashMap::from(own);
    for set in LABELS {
        for (member, names) in set.labels {
            for label in names.split(", ") {
                labels.entry(bare(label)).or_insert(Meaning {
                    member: *member,
                    label,
                });
            }
        }
    }
    let halves = LABELS.iter().flat_map(|set| set.halves);
    Table {
        labels,
        halves: halves.map(|half| (bare(half.label), *half)).collect(),
        never: NEVER.iter().map(|word| bare(word)).collect(),
        opposites: OPPOSITES.iter().map(|word| bare(word)).collect(),
    }
});

/// Bytes of a header beyond which it is no label.
const LONGEST: usize = 100;

/// Returns what a column of that name means by itself, if anything. A name that begins with `_` never means anything.
#[must_use]
pub fn meaning(name: &str) -> Option<Meaning> {
    let name = invisible::trimmed(name);
    // Punctuation and joints that `bare` drops may be longer than any label.
    if is_private(name) || is_too_long(name) {
        return None;
    }
    let whole = bare(name);
    if let Some(meaning) = TABLE.labels.get(&whole) {
        return Some(*meaning);
    }
    let (before, inside) = bracketed(name)?;
    let before = bare(before);
    if TABLE.opposites.contains(&before) {
        return None;
    }
    if let Some(meaning) = inside.and_then(|inside| TABLE.labels.get(&bare(inside))) {
        return Some(*meaning);
    }
    TABLE.labels.get(&before).copied()
}

/// Returns what each column of a header means: by itself, or beside its other half.
#[must_use]
pub fn meanings(header: &[String]) -> Vec<Option<Meaning>> {
    let mut meanings: Vec<_> = header.iter().map(|name| meaning(name)).collect();
    let has = |member: Member| meanings.iter().flatten().any(|meaning| meaning.member == member);
    let halves: Vec<_> = header
        .iter()
        .map(|name| {
            if is_private(name) || is_too_long(name) {
                return None;
            }
            let name = bare(bracketed(name).map_or(name.as_str(), |(before, _)| before));
            let half = TABLE
                .halves
                .iter()
                .find(|(label, half)| *label == name && has(half.beside) && !has(half.member));
            half.map(|(_, half)| Meaning {
                member: half.member,
                label: half.label,
            })
        })
        .collect();
    for (meaning, half) in meanings.iter_mut().zip(halves) {
        *meaning = meaning.or(half);
    }
    meanings
}

/// Returns what a column of that unknown name was perhaps meant to be.
#[must_use]
pub fn nearest(name: &str) -> Option<Member> {
    // Nothing longer is near to any of the names; and comparing takes time by length.
    const NEAR: usize = 40;

    if name.len() > 4 * NEAR {
        return None;
    }
    let name = bare(bracketed(name).map_or(name, |(before, _)| before));
    let is_half = TABLE.halves.iter().any(|(label, _)| *label == name);
    if name.len() > NEAR || is_half || TABLE.never.contains(&name) || TABLE.opposites.contains(&name) {
        return None;
    }
    TABLE
        .labels
        .iter()
        .map(|(known, meaning)| (strsim::osa_distance(&name, known), known.len(), meaning.member))
        // At most a third of the characters may differ.
        .filter(|(distance, len, _)| 3 * distance <= *len)
        // The same answer whatever the order of the table.
        .min_by_key(|(distance, len, member)| (*distance, *len, *member))
        .map(|(.., member)| member)
}

/// Returns whether the name is one of a whole name or of something that is no member, so that it is to be split or mapped.
#[must_use]
pub fn is_whole_name(name: &str) -> bool {
    const WHOLE: [&str; 11] = [
        "Name",
        "Full name",
        "Display name",
        "cn",
        "Nom complet",
        "Nombre completo",
        "Nome completo",
        "Vollständiger Name",
        "Volledige naam",
        "Imię i nazwisko",
        "Naam",
    ];
    let name = bare(bracketed(name).map_or(name, |(before, _)| before));
    WHOLE.iter().any(|word| bare(word) == name) || TABLE.halves.iter().any(|(label, _)| *label == name)
}

/// Returns whether the name itself says that the column is not for the service.
#[must_use]
pub fn is_private(name: &str) -> bool {
    name.starts_with('_')
}

fn is_too_long(name: &str) -> bool {
    let dropped = |char: &char| !(char.is_whitespace() || matches!(char, '_' | '-' | '.'));
    name.len() > LONGEST && name.chars().filter(dropped).nth(LONGEST).is_some()
}

/// Returns what is before the brackets of a name and what is in them, as `First name [givenName] Required` has
/// both; without what only says that the column is required.
fn bracketed(name: &str) -> Option<(&str, Option<&str>)> {
    let marks = ['*', ':', ' ', '?'];
    let bare_name = name.trim_end_matches(marks);
    let Some((before, rest)) = bare_name.split_once(['[', '(']) else {
        return (bare_name.len() < name.len()).then_some((bare_name, None));
    };
    let inside = match rest.rsplit_once('[') {
        // The technical name is in the last brackets: `Block sign in (Yes/No) [accountEnabled] Required`.
        Some((_, last)) => last,
        None => rest,
    };
    let (inside, _) = inside.split_once([']', ')'])?;
    let is_note = name.contains('[') || is_remark(inside);
    let is_label = TABLE.labels.contains_key(&bare(inside));
    (is_note || is_label).then_some((before.trim_end_matches(marks), Some(inside)))
}

/// Returns whether the words in parentheses only say how a column is to be filled in.
fn is_remark(words: &str) -> bool {
    const REMARKS: [&str; 12] = [
        "required",
        "optional",
        "mandatory",
        "Pflichtfeld",
        "Pflicht",
        "obligatoire",
        "facultatif",
        "obligatorio",
        "opcional",
        "obbligatorio",
        "verplicht",
        "wymagane",
    ];
    let words = bare(words);
    words.contains('/') || REMARKS.iter().any(|remark| bare(remark) == words)
}

/// Returns every label, and every word for true and false, by language and program, as it is published.
#[must_use]
pub fn published() -> Value {
    let sets = LABELS.iter().map(
        |Labels {
             source,
             labels,
             halves,
         }| {
            let labels: Map<_, _> = labels
                .iter()
                .map(|(member, names)| (member.to_string(), names.split(", ").collect()))
                .collect();
            let beside: Vec<_> = halves
                .iter()
                .map(
                    |Half {
                         label,
                         member,
                         beside,
                     }| json!({ "label": label, "member": member, "beside": beside }),
                )
                .collect();
            let words = WORDS.iter().find(|words| words.language == *source);
            json!({
                "source": source,
                "labels": labels,
                "beside": beside,
                "true": words.map_or(&[][..], |words| words.yes),
                "false": words.map_or(&[][..], |words| words.no),
            })
        },
    );
    sets.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_has_a_label_for_what_files_have_and_words_for_true_and_false() {
        let needed = [
            Member::Email,
            Member::FirstName,
            Member::LastName,
            Member::MobileNumber,
            Member::Roles,
            Member::Enabled,
        ];
        for words in WORDS {
            let set = LABELS.iter().find(|set| set.source == words.language);
            let set = set.unwrap_or_else(|| panic!("no labels in {}", words.language));
            for member in needed {
                let names = set.labels.iter().find(|(known, _)| *known == member);
                assert!(
                    names.is_some_and(|(_, names)| !names.is_empty()),
                    "{} {member}",
                    set.source
                );
            }
        }
    }

    #[test]
    fn no_label_has_two_meanings() {
        let mut meanings: HashMap<String, Member> = HashMap::new();
        for set in LABELS {
            for (member, names) in set.labels {
                for label in names.split(", ") {
                    let known = *meanings.entry(bare(label)).or_insert(*member);
                    assert_eq!(known, *member, "{label} of {}", set.source);
                    assert_eq!(
                        meaning(label).map(|meaning| meaning.member),
                        Some(*member),
                        "{label}"
                    );
                }
            }
        }
        for half in LABELS.iter().flat_map(|set| set.halves) {
            assert!(
                !meanings.contains_key(&bare(half.label)),
                "{} counts without its half",
                half.label
            );
        }
        for word in NEVER.iter().chain(&OPPOSITES) {
            assert_eq!(meaning(word), None, "{word}");
            assert_eq!(nearest(word), None, "{word}");
        }
        for member in Member::ALL {
            assert_eq!(meaning(member.name()).map(|meaning| meaning.member), Some(member));
        }
    }

    #[test]
    fn a_name_in_brackets_counts_where_it_is_a_label() {
        for (name, member) in [
            ("First name [givenName] Required", Some(Member::FirstName)),
            ("User name [userPrincipalName] Required", Some(Member::Email)),
            ("Name [displayName] Required", None),
            ("Block sign in (Yes/No) [accountEnabled] Required", None),
            ("Mobile phone [mobile]", Some(Member::MobileNumber)),
            ("Email Address [Required]", Some(Member::Email)),
            ("Password [Required]", None),
            ("E-Mail (Pflichtfeld)", Some(Member::Email)),
            ("Active (yes/no)", Some(Member::Enabled)),
            ("Phone (fax)", None),
            ("E-Mail *", Some(Member::Email)),
            ("E-Mail:", Some(Member::Email)),
            ("E‑Mail", Some(Member::Email)),
            ("TELEFONO", Some(Member::MobileNumber)),
            ("[", None),
            ("a]b[", None),
            ("(", None),
            ("Blocked [enabled]", None),
        ] {
            assert_eq!(meaning(name).map(|meaning| meaning.member), member, "{name}");
        }
    }

    #[test]
    fn a_whole_name_of_another_language_counts_beside_its_half_only() {
        let members = |header: &[&str]| -> Vec<Option<Member>> {
            let header: Vec<_> = header.iter().map(|name| (*name).to_owned()).collect();
            meanings(&header)
                .into_iter()
                .map(|meaning| meaning.map(|meaning| meaning.member))
                .collect()
        };
        let (email, first, last) = (
            Some(Member::Email),
            Some(Member::FirstName),
            Some(Member::LastName),
        );

        assert_eq!(members(&["Prénom", "Nom", "Courriel"]), [first, last, email]);
        assert_eq!(members(&["Nombre", "Apellidos", "Correo"]), [first, last, email]);
        assert_eq!(members(&["Nome", "Cognome", "E-mail"]), [first, last, email]);
        assert_eq!(members(&["Nome", "Sobrenome", "E-mail"]), [first, last, email]);
        assert_eq!(
            members(&["Voornaam", "Naam", "E-mailadres"]),
            [first, last, email]
        );
        assert_eq!(members(&["Nom", "Courriel"]), [None, email]);
        assert_eq!(members(&["Nombre", "Correo"]), [None, email]);
        assert_eq!(members(&["Nom", "Nom de famille", "Prénom"]), [None, last, first]);
        assert_eq!(members(&["Name", "Vorname"]), [None, first]);
    }

    #[test]
    fn every_set_is_published() {
        let published = published();

        assert_eq!(published.as_array().unwrap().len(), LABELS.len());
        assert_eq!(published[1]["source"], "German");
        assert_eq!(published[1]["labels"]["firstName"], json!(["Vorname", "Rufname"]));
        assert_eq!(published[1]["false"][0], "falsch");
        assert_eq!(
            published[2]["beside"],
            json!([{ "label": "Nom", "member": "lastName", "beside": "firstName" }])
        );
    }
}
