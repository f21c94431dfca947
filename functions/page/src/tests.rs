use std::collections::BTreeSet;
use std::fs;

use super::*;

/// The files that are built in, as texts by name.
fn texts() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/www");
    let mut texts: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let text = fs::read_to_string(entry.path()).unwrap();
            (entry.file_name().into_string().unwrap(), text)
        })
        .collect();
    texts.sort();
    texts
}

/// What follows the last dot of `name`.
fn ending(name: &str) -> &str {
    name.rsplit_once('.').unwrap().1
}

/// What follows each `before` in `text`, up to the next `end`.
fn between<'a>(text: &'a str, before: &'a str, end: char) -> impl Iterator<Item = &'a str> {
    text.split(before)
        .skip(1)
        .map(move |rest| rest.split(end).next().unwrap())
}

#[test]
fn every_file_is_built_in_and_has_a_type() {
    let site = Site::embedded();
    let names: Vec<_> = texts().into_iter().map(|(name, _)| name).collect();

    assert_eq!(site.names().collect::<Vec<_>>(), names);
    for name in names.iter().filter(|name| *name != "index.html") {
        let (content_type, bytes) = site.file(name).unwrap();
        assert!(!bytes.is_empty(), "{name}");
        let expected = match ending(name) {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            other => panic!("{other}"),
        };
        assert_eq!(content_type, expected, "{name}");
    }
    for name in ["index.html", "nothing.js", "main", "../Cargo.toml"] {
        assert!(site.file(name).is_none(), "{name}");
    }
}

#[test]
fn the_hash_changes_with_any_name_or_content() {
    let folder = std::env::temp_dir().join(format!("page-hash-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let hash = |name: &str, content: &str| {
        fs::write(folder.join(name), content).unwrap();
        let hash = Site::read(&folder).unwrap().hash().to_owned();
        fs::remove_file(folder.join(name)).unwrap();
        hash
    };
    let hashes: BTreeSet<_> = [("a.js", "b"), ("a.js", "c"), ("ab.js", ""), ("a.css", "b")]
        .map(|(name, content)| hash(name, content))
        .into();
    let again = hash("a.js", "b");
    fs::remove_dir(&folder).unwrap();

    assert_eq!(hashes.len(), 4);
    assert!(hashes.contains(&again));
    assert_eq!(again.len(), 16);
}

#[test]
fn the_shell_names_only_files_that_exist_and_no_other_address() {
    let site = Site::embedded();
    let shell = site.shell();
    let folder = format!("/page/{}/", site.hash());
    let mut named = 0;
    for attribute in ["src=\"", "href=\""] {
        for address in between(&shell, attribute, '"').filter(|address| !address.starts_with('#')) {
            match address.strip_prefix(&folder) {
                Some(name) => {
                    assert!(site.file(name).is_some(), "{name}");
                    named += 1;
                }
                None => assert!(address.starts_with("/docs"), "{address}"),
            }
        }
    }
    assert!(named >= 3, "the shell names only {named} files");
}

#[test]
fn modules_import_only_files_that_exist() {
    let site = Site::embedded();
    for (name, text) in texts().iter().filter(|(name, _)| ending(name) == "js") {
        for before in ["from \"./", "import(\"./", "import \"./"] {
            for imported in between(text, before, '"') {
                assert!(site.file(imported).is_some(), "{name} imports {imported}");
            }
        }
    }
}

#[test]
fn nothing_in_the_files_goes_around_the_policy() {
    for (name, text) in texts() {
        for banned in [
            "http://",
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "localStorage",
            "indexedDB",
            "document.cookie",
        ] {
            // The namespace of SVG is a name and no address.
            let text = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains(banned), "{name} has {banned}");
        }
        if ["html", "svg"].contains(&ending(&name)) {
            assert!(!text.contains(" style="), "{name} has style=");
            let handlers =
                between(&text, " on", '=').filter(|rest| rest.chars().all(|c| c.is_ascii_lowercase()));
            assert_eq!(handlers.collect::<Vec<_>>(), [""; 0], "{name}");
        }
    }
}

#[test]
fn all_files_together_are_small() {
    let bytes: usize = texts().iter().map(|(_, text)| text.len()).sum();

    assert!(bytes < 300 * 1024, "{bytes} bytes");
}

#[test]
fn the_policy_allows_the_page_itself_the_bucket_and_the_issuers_tokens() {
    let bucket = "https://files.example".parse().unwrap();

    assert_eq!(
        policy(Some(&bucket), Some("https://issuer.example/token")),
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self' https://files.example https://issuer.example/token; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types sheet"
    );
    assert!(policy(None, None).contains("connect-src 'self'; "));
}
