//! The manual pages: what clap knows of a program's flags, within what is written in `docs/man`. Writes no files.

use crate::markdown::{literal, to_roff};
use clap_mangen::Man;
use ntpd_rs::cli::Program;
use std::io;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Of a program, in section 8.
pub(crate) fn program(program: Program, date: &str) -> io::Result<String> {
    let written = match program {
        Program::NtpCtl => include_str!("../../docs/man/ntp-ctl.md"),
        Program::NtpDaemon => include_str!("../../docs/man/ntp-daemon.md"),
        Program::NtpMetricsExporter => include_str!("../../docs/man/ntp-metrics-exporter.md"),
    };
    let mut command = program.command().subcommand_value_name("COMMAND");
    command.build();
    let (description, more) = parts(written);
    let mut page = head(program.name(), "8", date, written);
    let synopsis = flags(command.clone(), "SYNOPSIS", Man::render_synopsis_section)?;
    let options = flags(command.clone(), "OPTIONS", Man::render_options_section)?;
    page += &format!(".SH SYNOPSIS\n{synopsis}{}.SH OPTIONS\n{options}", to_roff(description));
    page += &commands(&command)?;
    Ok(tidied(&(page + &to_roff(more))))
}

/// Of the configuration, in section 5: the reference of `docs/configuration.md`, which is the same for everybody.
pub(crate) fn configuration(date: &str) -> String {
    let written = include_str!("../../docs/man/ntp.toml.md");
    let reference = include_str!("../../docs/configuration.md");
    let (description, more) = parts(written);
    let begin = reference.find("\n## ").unwrap_or(0);
    let page = head("ntp.toml", "5", date, written);
    tidied(&(page + &to_roff(description) + &to_roff(&reference[begin..]) + &to_roff(more)))
}

/// Its first section, which every page begins with, and those that come after the flags.
fn parts(written: &str) -> (&str, &str) {
    let begin = written.find("\n## ").unwrap_or(0);
    let sections = &written[begin + 1..];
    sections.split_at(sections.find("\n## ").map_or(sections.len(), |at| at + 1))
}

/// The title of the document is name and purpose.
fn head(name: &str, section: &str, date: &str, written: &str) -> String {
    let title = written.lines().next().unwrap_or_default().trim_start_matches("# ");
    let purpose = title.split_once(": ").map_or(title, |(_, purpose)| purpose);
    format!(
        ".TH {name} {section} \"{date}\" \"ntpd-rs {VERSION}\"\n.nh\n.ad l\n.SH NAME\n{} \\- {purpose}\n",
        literal(name)
    )
}

/// What stands below a section's heading, as clap makes it.
fn flags(
    command: clap::Command,
    section: &str,
    render: impl Fn(&Man, &mut dyn io::Write) -> io::Result<()>,
) -> io::Result<String> {
    let mut text = Vec::new();
    render(&Man::new(command), &mut text)?;
    let text = String::from_utf8(text).map_err(io::Error::other)?;
    let below = text.split_once(&format!(".SH {section}\n"));
    let (_, below) = below.ok_or_else(|| io::Error::other(format!("no {section}")))?;
    Ok(below.lines().map(ascii).collect::<Vec<_>>().join("\n") + "\n")
}

/// Without what two hands have asked for twice: spaces at ends, space below a heading, empty lines out of examples.
fn tidied(page: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let mut within_example = false;
    for line in page.lines().map(str::trim_end) {
        let before = lines.last().copied().unwrap_or_default();
        let below_heading = line == ".PP" && [".SH", ".SS"].iter().any(|heading| before.starts_with(heading));
        let twice = line == ".br" && (before == ".br" || before.starts_with(".S"));
        if line == ".EX" || line == ".EE" {
            within_example = line == ".EX";
        }
        if !(below_heading || twice || line.is_empty() && !within_example) {
            lines.push(line);
        }
    }
    lines.join("\n") + "\n"
}

/// What comes from clap is escaped, save for letters of other alphabets; its apostrophe is a string that nobody defines here.
fn ascii(line: &str) -> String {
    let line = line.replace("\\*(Aq", "\\(aq");
    line.chars().map(|c| if c.is_ascii() { c.to_string() } else { literal(&c.to_string()) }).collect()
}

/// Every command on the same page, with the flags that are its own.
fn commands(program: &clap::Command) -> io::Result<String> {
    let mut page = String::new();
    for command in program.get_subcommands().filter(|command| command.get_name() != "help") {
        let own = command.clone().mut_args(|arg| {
            let hide = arg.is_global_set() || arg.get_id() == "help";
            arg.hide(hide)
        });
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        if page.is_empty() {
            page.push_str(".SH COMMANDS\n");
        }
        page += &format!(".SS {}\n", literal(command.get_name()));
        page += &flags(own.clone(), "SYNOPSIS", Man::render_synopsis_section)?;
        page += &format!(".PP\n{}.\n", ascii(&literal(&about)));
        if own.get_arguments().any(|arg| !arg.is_hide_set()) {
            page += &flags(own, "OPTIONS", Man::render_options_section)?;
        }
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Every text in quotes of the file of schemas that is written as keys are.
    fn keys() -> BTreeSet<&'static str> {
        let schema = include_str!("../../src/config/keys.rs").split("mod tests").next().unwrap();
        let is_key = |word: &str| {
            word.starts_with(|c: char| c.is_ascii_lowercase())
                && word.chars().all(|c| c.is_ascii_lowercase() || "-_".contains(c))
        };
        schema.split('"').skip(1).step_by(2).filter(|word| is_key(word)).collect()
    }

    #[test]
    fn the_page_of_the_configuration_names_every_key() {
        let page = configuration("2026-01-01");
        let words: BTreeSet<_> = page
            .split(|c: char| !(c.is_ascii_alphanumeric() || "\\-_".contains(c)))
            .map(|word| word.trim_start_matches("\\fB").trim_end_matches("\\fR").replace("\\-", "-"))
            .collect();
        assert!(keys().len() > 80, "the schema was not found");
        let missing: Vec<_> = keys().into_iter().filter(|key| !words.contains(*key)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn the_page_of_a_program_names_every_flag_of_every_command() {
        for program in Program::ALL {
            let page = super::program(program, "").unwrap().replace("\\-", "-");
            let mut command = program.command();
            command.build();
            let all = [&command].into_iter().chain(command.get_subcommands());
            for flag in all.flat_map(clap::Command::get_arguments).filter_map(clap::Arg::get_long) {
                assert!(page.contains(&format!("--{flag}")), "--{flag} of {}", program.name());
            }
        }
    }

    #[test]
    fn every_page_begins_and_ends_as_manual_pages_do() {
        let pages = Program::ALL.map(|which| program(which, "2026-01-01").unwrap());
        for page in pages.into_iter().chain([configuration("2026-01-01")]) {
            let sections: Vec<_> = page.lines().filter_map(|line| line.strip_prefix(".SH ")).collect();
            assert!(page.starts_with(".TH ") && page.is_ascii(), "{page}");
            assert_eq!((sections[0], sections.last()), ("NAME", Some(&"\"SEE ALSO\"")), "{sections:?}");
            for wanted in ["\"DESCRIPTION\"", "\"FILES\""] {
                assert!(sections.contains(&wanted), "{wanted}: {sections:?}");
            }
        }
    }
}
