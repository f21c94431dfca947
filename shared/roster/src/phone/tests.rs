use proptest::prelude::*;

use super::*;

#[test]
fn a_number_is_kept_as_plus_and_digits() {
    for (text, e164) in [
        ("+4930901820", "+4930901820"),
        (" +49 (30) 90-18.20 ", "+4930901820"),
        ("+1 (202) 555-0173", "+12025550173"),
        ("+1-268-555-0173", "+12685550173"),
        ("+39 06 698 12345", "+390669812345"),
        ("+7 495 123-45-67", "+74951234567"),
        ("+800 1234 5678", "+80012345678"),
        ("+290 1234", "+2901234"),
        ("+491234567890123", "+491234567890123"),
    ] {
        assert_eq!(text.parse::<Phone>().unwrap().to_string(), e164, "{text}");
    }
}

#[test]
fn a_text_that_is_no_number_says_why() {
    for (text, fault) in [
        ("", InvalidPhone::Missing),
        ("  ", InvalidPhone::Missing),
        ("030 901820", InvalidPhone::NoPlus),
        ("0049 30 901820", InvalidPhone::NoPlus),
        ("(+49) 30 901820", InvalidPhone::NoPlus),
        ("tel:+4930901820", InvalidPhone::NoPlus),
        ("＋4930901820", InvalidPhone::NoPlus),
        ("+", InvalidPhone::Length),
        ("++4930901820", InvalidPhone::Character('+')),
        ("+49 30/901820", InvalidPhone::Character('/')),
        ("+49 30 901820 ext. 7", InvalidPhone::Character('e')),
        ("+1 800 FLOWERS", InvalidPhone::Character('F')),
        ("+49\u{a0}30901820", InvalidPhone::Character('\u{a0}')),
        ("+٤٩٣٠٩٠١٨٢٠", InvalidPhone::Character('٤')),
        ("+49\n30901820", InvalidPhone::Character('\n')),
        ("+49 123", InvalidPhone::Length),
        ("+491234", InvalidPhone::Length),
        ("+4912345678901234", InvalidPhone::Length),
        ("+99999999999999999999999999", InvalidPhone::Length),
        ("+0 30 901820", InvalidPhone::CountryCode),
        ("+999 1234567", InvalidPhone::CountryCode),
        ("+210 1234567", InvalidPhone::CountryCode),
        ("+44 (0)20 7946 0958", InvalidPhone::TrunkZero),
    ] {
        assert_eq!(text.parse::<Phone>(), Err(fault), "{text}");
    }
}

#[test]
fn every_country_code_of_the_plan_is_known() {
    for code in [
        1, 7, 20, 27, 30, 49, 86, 98, 211, 290, 383, 420, 599, 692, 800, 870, 881, 979, 998,
    ] {
        assert!(format!("+{code}1234567").parse::<Phone>().is_ok(), "{code}");
    }
}

proptest! {
    #[test]
    fn any_text_is_a_number_or_a_fault(text in any::<String>()) {
        let _ = text.parse::<Phone>();
    }

    #[test]
    fn a_number_reads_back_as_itself(text in "\\+[1-9][0-9 .()-]{5,18}") {
        if let Ok(phone) = text.parse::<Phone>() {
            prop_assert_eq!(phone.to_string().parse::<Phone>(), Ok(phone));
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            prop_assert_eq!(phone.to_string(), format!("+{digits}"));
        }
    }
}
