//! What each function's role may do. That it is enough, every other test shows: a function in this process
//! is refused what the template does not grant it.

use std::collections::BTreeMap;

use local::Template;

const LISTED: &str = include_str!("../fixtures/rights.txt");

#[test]
fn each_function_may_do_what_is_listed_and_nothing_else() {
    let template = Template::embedded("stack", &BTreeMap::new()).unwrap();
    let mut granted = String::new();
    for (name, function) in &template.functions {
        granted.push_str(name);
        granted.push('\n');
        let mut lines = Vec::new();
        for grant in &function.rights {
            for action in &grant.actions {
                lines.extend(grant.resources.iter().map(|on| format!("    {action} {on}\n")));
            }
        }
        lines.sort();
        granted.extend(lines);
    }

    assert_eq!(
        granted, LISTED,
        "tests/fixtures/rights.txt should read:\n{granted}"
    );
}

#[test]
fn no_right_is_for_everything() {
    for line in LISTED.lines().filter(|line| line.starts_with(' ')) {
        let (action, resource) = line.trim().split_once(' ').unwrap();

        assert!(!action.contains('*'), "{line}");
        // Objects are made as files come: they are named by the folder.
        let named = resource.strip_suffix("/*").unwrap_or(resource);
        assert!(!named.contains('*') && !named.is_empty(), "{line}");
        assert!(resource == named || named.contains(":s3:::"), "{line}");
    }
}
