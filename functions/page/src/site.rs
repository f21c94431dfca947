//! The files of the page.

use std::borrow::Cow;
use std::path::Path;
use std::{fs, io};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// The shell: the one file that is not below the folder named by the hash.
const SHELL: &str = "index.html";
/// What stands for the folder's name in the shell.
const FOLDER: &str = "/page/-/";
/// Letters of the hash in an address. 16 hexadecimal digits have 64 bits: no two versions ever share them.
const HASH_LENGTH: usize = 16;

/// Files by name, built into the binary.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_bytes!(concat!("../www/", $name)).as_slice())),*]
    };
}

const EMBEDDED: &[(&str, &[u8])] = &files![
    "api.js",
    "contacts.js",
    "correct.js",
    "csv.js",
    "dashboard.js",
    "details.js",
    "dialog.js",
    "dom.js",
    "form.js",
    "history.js",
    "home.js",
    "icon.svg",
    "import.js",
    "index.html",
    "intake.js",
    "issuer.js",
    "look.js",
    "main.js",
    "me.js",
    "paged.js",
    "rejected.js",
    "rows.js",
    "session.js",
    "sheet.js",
    "signin.js",
    "style.css",
    "user.js",
    "users.js",
    "words.js",
];

/// The files of the page, and the hash that names their folder.
#[derive(Clone, Debug)]
pub struct Site {
    files: Vec<(Cow<'static, str>, Cow<'static, [u8]>)>,
    hash: String,
}

impl Site {
    /// Returns the files that are built into the binary.
    #[must_use]
    pub fn embedded() -> Self {
        let files = EMBEDDED.iter();
        Self::of(
            files
                .map(|(name, bytes)| ((*name).into(), (*bytes).into()))
                .collect(),
        )
    }

    /// Reads the files in `folder`.
    ///
    /// # Errors
    ///
    /// When one of them cannot be read.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            files.push((name.into(), fs::read(entry.path())?.into()));
        }
        Ok(Self::of(files))
    }

    fn of(mut files: Vec<(Cow<'static, str>, Cow<'static, [u8]>)>) -> Self {
        files.sort();
        let mut digest = Sha256::new();
        for (name, bytes) in &files {
            // Lengths first, so that no two sets of files are the same bytes.
            digest.update((name.len() as u64).to_be_bytes());
            digest.update(name.as_bytes());
            digest.update((bytes.len() as u64).to_be_bytes());
            digest.update(bytes);
        }
        let mut hash = HEXLOWER.encode(&digest.finalize());
        hash.truncate(HASH_LENGTH);
        Self { files, hash }
    }

    /// Returns the name of the folder.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Returns the shell, which names the files in the folder.
    #[must_use]
    pub fn shell(&self) -> String {
        let bytes = self.bytes(SHELL).unwrap_or_default();
        String::from_utf8_lossy(bytes).replace(FOLDER, &format!("/page/{}/", self.hash))
    }

    /// Returns the media type and the content of a file in the folder.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<(&'static str, Vec<u8>)> {
        let (_, ending) = name.rsplit_once('.')?;
        let content_type = match ending {
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            // Also the shell, which is served at `/` only.
            _ => return None,
        };
        Some((content_type, self.bytes(name)?.to_vec()))
    }

    /// Returns the name of every file, the shell included.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(name, _)| name.as_ref())
    }

    fn bytes(&self, name: &str) -> Option<&[u8]> {
        let found = self.files.iter().find(|(known, _)| known == name);
        found.map(|(_, bytes)| bytes.as_ref())
    }
}
