//! What spreadsheets show in a cell that they cannot compute.

/// The detail of the fault.
pub(super) const DETAIL: &str =
    "means that the spreadsheet could not compute this cell; correct it there and export it again";

/// The errors of Excel, `LibreOffice`, Google Sheets and Numbers, in the languages whose labels are read.
const ERRORS: [&str; 70] = [
    // English; Excel and Google Sheets.
    "#N/A",
    "#REF!",
    "#NAME?",
    "#VALUE!",
    "#DIV/0!",
    "#NULL!",
    "#NUM!",
    "#ERROR!",
    "#SPILL!",
    "#CALC!",
    "#FIELD!",
    "#BLOCKED!",
    "#CONNECT!",
    "#BUSY!",
    "#UNKNOWN!",
    "#PYTHON!",
    "#EXTERNAL!",
    "#TIMEOUT!",
    "#GETTING_DATA",
    "#MACRO?",
    "#ADDIN?",
    "#LOADING...",
    "#CIRCULAR!",
    "#ERR!",
    "#NA",
    "#N/A!",
    // German.
    "#NV",
    "#BEZUG!",
    "#WERT!",
    "#ZAHL!",
    "#ÜBERLAUF!",
    "#KALK!",
    "#FELD!",
    // French.
    "#NOM?",
    "#VALEUR!",
    "#NOMBRE!",
    "#NUL!",
    "#PROPAGATION!",
    "#CALCUL!",
    // Spanish.
    "#¡REF!",
    "#¿NOMBRE?",
    "#¡VALOR!",
    "#¡DIV/0!",
    "#¡NULO!",
    "#¡NUM!",
    "#¡DESBORDAMIENTO!",
    "#¡CALC!",
    // Italian.
    "#RIF!",
    "#NOME?",
    "#VALORE!",
    "#N/D",
    "#NULLO!",
    "#ESPANSIONE!",
    // Portuguese.
    "#VALOR!",
    "#NÚM!",
    "#NULO!",
    "#DESPEJAR!",
    // Dutch.
    "#VERW!",
    "#NAAM?",
    "#WAARDE!",
    "#GETAL!",
    "#N/B",
    "#DEEL/0!",
    "#LEEG!",
    // Polish.
    "#ADR!",
    "#ARG!",
    "#NAZWA?",
    "#LICZBA!",
    "#DZIEL/0!",
    "#ZERO!",
];

/// Returns whether the text is what a spreadsheet shows in a cell that it cannot compute.
#[must_use]
pub fn is_one(text: &str) -> bool {
    match text.as_bytes() {
        // A column that is too narrow to show its values.
        [b'#', rest @ ..] if rest.len() > 2 && rest.iter().all(|byte| *byte == b'#') => true,
        [b'#', ..] => {
            let upper = text.trim().to_uppercase();
            ERRORS.contains(&upper.as_str())
        }
        // LibreOffice: `Err:502`.
        [b'E' | b'e', b'r', b'r', b':', digits @ ..] => {
            digits.len() == 3 && digits.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_from_texts() {
        for text in [
            "#N/A",
            "#ref!",
            "#NV",
            "#¡REF!",
            "#ÜBERLAUF!",
            "Err:502",
            "#####",
            "#DEEL/0!",
        ] {
            assert!(is_one(text), "{text}");
        }
        for text in ["", "#", "#1", "##", "#Ada", "N/A", "Erring", "Err:50", "REF!"] {
            assert!(!is_one(text), "{text}");
        }
    }
}
