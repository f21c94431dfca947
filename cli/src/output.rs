//! Where results and remarks go: results to standard output, everything else to standard error.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::time::{Duration, Instant};

use anstream::{AutoStream, ColorChoice};

use crate::failure::Failure;
use crate::report::{OPTIONS, names_an_option};

/// How long a result may wait in memory for more of them: shorter than what people notice.
const LATEST: Duration = Duration::from_millis(100);

/// Standard output, written in pieces.
pub(crate) struct Output {
    stdout: BufWriter<Stdout>,
    flushed: Option<Instant>,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Returns whether standard output gets colours.
    pub(crate) fn on_stdout(self) -> bool {
        self.decided(|| AutoStream::choice(&io::stdout()))
    }

    /// Returns whether standard error gets colours.
    pub(crate) fn on_stderr(self) -> bool {
        self.decided(|| AutoStream::choice(&io::stderr()))
    }

    fn decided(self, auto: impl FnOnce() -> ColorChoice) -> bool {
        match self {
            Self::Auto => auto() != ColorChoice::Never,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

impl Output {
    /// Opens standard output.
    pub(crate) fn open() -> Self {
        Self {
            stdout: BufWriter::with_capacity(64 * 1024, io::stdout()),
            flushed: None,
        }
    }

    /// Writes a whole result, which is seen soon.
    ///
    /// # Errors
    ///
    /// If nobody reads it any more, or it cannot be written.
    pub(crate) fn write(&mut self, result: &[u8]) -> Result<(), Failure> {
        let written = self.stdout.write_all(result);
        written.map_err(|error| Failure::output(&error))?;
        if self.flushed.is_none_or(|flushed| flushed.elapsed() > LATEST) {
            self.flush()?;
            self.flushed = Some(Instant::now());
        }
        Ok(())
    }

    /// Writes a line of text.
    ///
    /// # Errors
    ///
    /// As for [`Output::write`].
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.write(format!("{text}\n").as_bytes())
    }

    /// Shows everything that was written.
    ///
    /// # Errors
    ///
    /// As for [`Output::write`].
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.stdout.flush().map_err(|error| Failure::output(&error))
    }
}

/// Says `text` on standard error. Where that cannot be written, there is nobody to say it to.
pub(crate) fn remark(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Says on standard error what went wrong, and what else helps.
pub(crate) fn complain(failure: &Failure, color: Color) {
    let (red, plain) = if color.on_stderr() {
        ("\x1B[1;31m", "\x1B[0m")
    } else {
        ("", "")
    };
    remark(&format!("{red}error{plain}: {failure}"));
    if matches!(failure, Failure::Refused(why) if names_an_option(why)) {
        remark(OPTIONS);
    }
}

/// Returns how many columns standard output has, as far as a terminal says so.
pub(crate) fn width() -> usize {
    /// As wide as a terminal is that does not say.
    const USUAL: usize = 120;
    if !io::stdout().is_terminal() {
        return USUAL;
    }
    terminal_size::terminal_size().map_or(USUAL, |(width, _)| usize::from(width.0).max(40))
}

/// Returns text of a file as a terminal may get it: characters that would move its cursor, or turn the direction of what
/// follows, are shown instead of obeyed.
pub(crate) fn shown(text: &str) -> String {
    text.chars()
        .map(|char| match char {
            '\0'..='\u{1F}' => {
                char::from_u32(0x2400 + u32::from(char)).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            '\u{7F}' => '\u{2421}',
            '\u{80}'..='\u{9F}'
            | '\u{200E}'
            | '\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
            char => char,
        })
        .collect()
}

/// Returns lines of text as a terminal may get them, see [`shown`].
pub(crate) fn shown_lines(lines: &[String]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| shown(line)).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_not_at_the_mercy_of_a_file() {
        assert_eq!(shown("a\x1B[2J\nb\u{9B}c\u{202E}é"), "a␛[2J␊b\u{FFFD}c\u{FFFD}é");
    }
}
