//! What each function's role may do, and what it is made of. That the rights are enough, every other test
//! shows: a function in this process is refused what the template does not grant it.

use std::collections::BTreeMap;
use std::process::Command;

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

#[test]
fn nothing_that_is_deployed_has_the_development_issuer() {
    let template = Template::embedded("local", &[].into()).unwrap();
    let tree = |packages: &[String], edges: &str| {
        let output = Command::new(env!("CARGO"))
            .args([
                "tree",
                "--offline",
                "--locked",
                "--prefix",
                "none",
                "--edges",
                edges,
            ])
            .args(packages.iter().flat_map(|package| ["--package", package]))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let names = |tree: &str, name: &str| tree.lines().any(|line| line.split(' ').next() == Some(name));
    let functions: Vec<_> = template.functions.keys().cloned().collect();

    let deployed = tree(&functions, "normal");
    let tested = tree(&["tests".to_owned()], "all");

    assert!(names(&deployed, "jsonwebtoken") && functions.len() >= 14);
    for name in ["local", "ring"] {
        assert!(!names(&deployed, name), "{name} is deployed");
        assert!(names(&tested, name), "{name} is looked for under its name");
    }
}
