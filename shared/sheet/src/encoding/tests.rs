use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// The text of a file in chunks, and where each of its lines ends.
fn decoded(encoding: Encoding, chunks: &[&[u8]]) -> (Vec<u8>, Vec<u64>) {
    let mut decoder = Decoder::new(encoding);
    let (mut text, mut offset, mut ends) = (Vec::new(), 0, Vec::new());
    let mut take = |decoder: &mut Decoder| {
        loop {
            let before = text.len();
            let Some(length) = decoder.line(&mut text) else {
                break;
            };
            offset += length;
            if text[before..].ends_with(b"\n") || text[before..].ends_with(b"\r") {
                ends.push(offset);
            }
        }
    };
    for chunk in chunks {
        decoder.feed(chunk);
        take(&mut decoder);
    }
    decoder.finish();
    take(&mut decoder);
    (text, ends)
}

fn encoding(label: &str) -> Encoding {
    Encoding::of_label(label).unwrap()
}

fn invalid_bytes(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| guess::invalid(*byte)).collect()
}

#[test]
fn a_label_names_its_encoding_in_any_case() {
    for (label, name) in [
        ("UTF-8", "UTF-8"),
        ("utf-16", "UTF-16LE"),
        ("latin1", "windows-1252"),
        ("CP1252", "windows-1252"),
        ("sjis", "Shift_JIS"),
        (" gb2312 ", "GBK"),
        ("GB18030", "gb18030"),
        ("macintosh", "macintosh"),
    ] {
        assert_eq!(encoding(label).name(), name);
    }
    for label in ["", "ansi", "utf-32", "utf-7", "cp437"] {
        assert_eq!(Encoding::of_label(label), Err(UnknownEncoding::Label), "{label}");
    }
    for label in [
        "replacement",
        "hz-gb-2312",
        "iso-2022-kr",
        "x-user-defined",
        "iso-2022-jp",
    ] {
        assert_eq!(
            Encoding::of_label(label),
            Err(UnknownEncoding::Excluded),
            "{label}"
        );
    }
}

#[test]
fn a_character_is_one_wherever_it_is_cut() {
    for (label, bytes, text) in [
        ("utf-16le", &[0x3D, 0xD8, 0x00, 0xDE][..], "😀"),
        ("shift_jis", b"\x89\xD4\x8Eq", "花子"),
        ("gb18030", b"\x81\x30\x81\x30\xC4\xE3", "\u{80}你"),
        ("big5", b"\xA7A", "你"),
    ] {
        for cut in 0..=bytes.len() {
            let (first, second) = bytes.split_at(cut);
            assert_eq!(
                decoded(encoding(label), &[first, second]).0,
                text.as_bytes(),
                "{label}"
            );
        }
    }
}

#[test]
fn bytes_that_are_not_valid_are_kept() {
    for (label, bytes, before, invalid, after) in [
        (
            "utf-16be",
            &[0xD8, 0x3D, 0x00, 0x41][..],
            "",
            &[0xD8, 0x3D][..],
            "A",
        ),
        ("utf-16be", &[0xDE, 0x00, 0x00, 0x41], "", &[0xDE, 0x00], "A"),
        ("utf-16be", &[0xD8, 0x3D], "", &[0xD8, 0x3D], ""),
        ("utf-16le", b"a\0b", "a", b"b", ""),
        ("shift_jis", b"a\x81", "a", b"\x81", ""),
        ("shift_jis", b"a\xFFb", "a", b"\xFF", "b"),
        ("gb18030", b"a\x81\x30\x81\nb", "a", b"\x81", "0"),
    ] {
        let expected = [before.as_bytes(), &invalid_bytes(invalid), after.as_bytes()].concat();
        for cut in 0..=bytes.len() {
            let (first, second) = bytes.split_at(cut);
            let (text, _) = decoded(encoding(label), &[first, second]);
            assert!(text.starts_with(&expected), "{label} {text:X?}");
        }
    }
}

#[test]
fn the_most_likely_encoding_is_guessed_from_the_lines_that_are_not_valid() {
    let likely = |head: &[u8]| Likely::guess(head).map(|likely| (likely.encoding.name(), likely.mixed));

    assert_eq!(likely("email\nJosé\n".as_bytes()), None);
    assert_eq!(likely(b"email\nJos\xC3"), None, "cut in a character");
    assert_eq!(
        likely(b"rene;Ren\xE9;M\xFCller\nann;Ann;Lee\nsoren;S\xF8ren;\xD1u\xF1ez\n"),
        Some(("windows-1252", false))
    );
    assert_eq!(
        likely(b"a,Ji\xF8\xED,Dvo\xF8\xE1k\nb,\x8Akoda,\x8Eel\n"),
        Some(("windows-1250", false))
    );
    assert_eq!(
        likely(b"a,\x89\xD4\x8Eq,\x8ER\x93c\nb,\x91\xBE\x98Y,\x97\xE9\x96\xD8\n"),
        Some(("Shift_JIS", false))
    );
    assert_eq!(
        likely(
            "a,\u{418}\u{432}\u{430}\u{43D}\n"
                .as_bytes()
                .iter()
                .copied()
                .chain(*b"b,Ren\xE9\n")
                .collect::<Vec<_>>()
                .as_slice()
        ),
        Some(("windows-1252", true))
    );
}

#[test]
fn a_cell_that_is_not_valid_can_be_read_by_people() {
    assert_eq!(readable("José".as_bytes(), Encoding::WINDOWS_1252), "José");
    assert_eq!(readable(b"Jos\xE9", Encoding::WINDOWS_1252), "José");
    assert_eq!(readable(b"\x89\xD4\x8Eq", encoding("shift_jis")), "花子");
    assert_eq!(
        readable(b"a\xFF", encoding("shift_jis")),
        "aÿ",
        "not valid in that either"
    );
    let kept = [b"Jos\xC3\xA9 ", &guess::invalid(0xE9)[..]].concat();
    assert_eq!(readable(&kept, encoding("utf-8")), "José é");
}

proptest! {
    #[test]
    fn text_comes_out_as_it_went_in(text in "(.|\n|\r){0,80}", cut: prop::sample::Index) {
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        let (gb18030, _, _) = encoding_rs::GB18030.encode(&text);
        // Its private characters come out as those that Unicode has for them.
        let (public, _) = encoding_rs::GB18030.decode_without_bom_handling(&gb18030);

        for (label, bytes, text) in [
            ("utf-16le", &little[..], &*text),
            ("utf-16be", &big, &text),
            ("gb18030", &gb18030, &public),
        ] {
            let (first, second) = bytes.split_at(cut.index(bytes.len() + 1));
            let (decoded, _) = decoded(encoding(label), &[first, second]);
            prop_assert_eq!(String::from_utf8(decoded).unwrap(), text);
        }
    }

    #[test]
    fn nothing_is_lost_of_any_bytes(bytes: Vec<u8>, cut: prop::sample::Index, label in select(vec![
        "utf-16le", "utf-16be", "windows-1252", "shift_jis", "gb18030", "gbk", "big5", "euc-jp", "euc-kr", "koi8-r",
    ])) {
        let (first, second) = bytes.split_at(cut.index(bytes.len() + 1));
        let (whole, ends) = decoded(encoding(label), &[&bytes]);
        let (parts, same_ends) = decoded(encoding(label), &[first, second]);

        prop_assert_eq!(&whole, &parts);
        prop_assert_eq!(ends, same_ends);
        // These can write the replacement character itself.
        let writes_all = label.starts_with("utf-16") || label == "gb18030";
        let is_replaced = readable(&whole, encoding(label)).contains(char::REPLACEMENT_CHARACTER);
        prop_assert!(writes_all || !is_replaced);
    }
}
