//! The transcripts in README run as they are printed.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::Folder;

/// A command of a transcript, and what it prints.
#[derive(Debug, PartialEq)]
struct Step {
    command: String,
    output: String,
}

/// The steps of each block that is marked as `console`.
fn transcripts(markdown: &str) -> Vec<Vec<Step>> {
    let mut transcripts = Vec::new();
    let mut open: Option<Vec<Step>> = None;
    for line in markdown.lines() {
        match &mut open {
            None if line == "```console" => open = Some(Vec::new()),
            None => {}
            Some(_) if line == "```" => transcripts.extend(open.take()),
            Some(steps) => match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => steps.push(Step {
                    command: command.to_owned(),
                    output: String::new(),
                }),
                (None, Some(step)) => {
                    step.output.push_str(line);
                    step.output.push('\n');
                }
                (None, None) => panic!("a transcript begins with a command, not with {line:?}"),
            },
        }
    }
    transcripts
}

/// What a command prints in `folder`, to standard output and standard error alike.
fn printed(folder: &Folder, command: &str) -> String {
    let folder_of_command = Path::new(env!("CARGO_BIN_EXE_access")).parent().unwrap();
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", &format!("{{ {command}; }} 2>&1")])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", folder_of_command.display()))
        .env("HOME", folder.path());
    String::from_utf8(shell.output().unwrap().stdout).unwrap()
}

#[test]
fn readme_shows_what_is_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let transcripts = transcripts(&readme);
    assert!(!transcripts.is_empty());
    let folder = Folder::new();
    for entry in fs::read_dir(root.join("examples")).unwrap() {
        let path = entry.unwrap().path();
        folder.write(
            path.file_name().unwrap().to_str().unwrap(),
            fs::read(&path).unwrap(),
        );
    }
    for step in transcripts.into_iter().flatten() {
        // Lines that end in blanks would not survive an editor.
        let printed = printed(&folder, &step.command);
        let lines: Vec<_> = printed.lines().map(str::trim_end).collect();
        assert_eq!(lines.join("\n"), step.output.trim_end(), "$ {}", step.command);
    }
}
