//! What documents and scripts say: commands that exist, links that lead somewhere, no path of one machine, the map
//! complete. Code is judged elsewhere.

use std::collections::BTreeSet;

/// Fragments that would tie the repository to one machine or mirror. Written in pieces, so as not to find themselves.
fn machine_paths() -> [String; 5] {
    [
        format!("/{}/", "work"),
        format!("/{}/", "farm"),
        format!("/tmp/{}", "bash_jobs"),
        format!("/root/.{}", "cargo"),
        format!("deb.{}.org", "debian"),
    ]
}

/// Complaints about paths of one machine and hosts of one mirror.
pub(crate) fn names_no_machine(path: &str, text: &str) -> Vec<String> {
    let fragments = machine_paths();
    text.lines()
        .enumerate()
        .filter(|(_, line)| fragments.iter().any(|fragment| is_absolute(line, fragment)))
        .map(|(index, line)| format!("{path}:{}: a path of one machine: {}", index + 1, line.trim()))
        .collect()
}

/// Whether `fragment` stands in the line and is not the tail of a longer path.
fn is_absolute(line: &str, fragment: &str) -> bool {
    line.match_indices(fragment).any(|(at, _)| {
        !fragment.starts_with('/')
            || !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._}".contains(c))
    })
}

/// The lines of a document's blocks of shell.
pub(crate) fn shell_lines(text: &str) -> Vec<String> {
    let (mut inside, mut lines) = (None, Vec::new());
    for line in text.lines() {
        match (line.strip_prefix("```"), inside) {
            (Some(language), None) => {
                inside = Some(["sh", "console", "bash", "shell"].contains(&language.trim()))
            }
            (Some(_), Some(_)) => inside = None,
            (None, Some(true)) => lines.push(line.to_owned()),
            (None, _) => {}
        }
    }
    lines
}

/// Complaints about commands in a document's shell blocks whose script, example, bench or test is not there.
pub(crate) fn commands_exist(path: &str, text: &str, exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut complaints = Vec::new();
    for line in shell_lines(text) {
        let words: Vec<&str> =
            line.split_whitespace().filter(|word| !["$", "#", "sudo"].contains(word)).collect();
        for missing in
            words.iter().enumerate().filter_map(|(index, word)| missing_file(&words, index, word, exists))
        {
            complaints.push(format!("{path}: `{}` names {missing}, which is not there", line.trim()));
        }
    }
    complaints
}

/// The file that this word of a command stands for, if it stands for one that does not exist.
fn missing_file(words: &[&str], index: usize, word: &str, exists: &dyn Fn(&str) -> bool) -> Option<String> {
    let next = words.get(index + 1).copied().unwrap_or_default();
    let folder = match word {
        "--example" => "examples",
        "--bench" => "benches",
        "--test" => "tests",
        "--bin" => "src/bin",
        _ => {
            let script = word.strip_prefix("./").filter(|_| index == 0)?;
            return (!script.starts_with("target/") && !exists(script)).then(|| script.to_owned());
        }
    };
    let candidates = [format!("{folder}/{next}.rs"), format!("{folder}/{next}/main.rs")];
    (!candidates.iter().any(|file| exists(file))).then(|| candidates[0].clone())
}

/// Complaints about links to files that are not there. `path` is the document's.
pub(crate) fn links_lead_somewhere(path: &str, text: &str, exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', '#', ' ']).next())
        .filter(|target| !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:"))
        .map(|target| join(folder, target))
        .filter(|target| !exists(target))
        .map(|target| format!("{path}: links to {target}, which is not there"))
        .collect()
}

/// `folder/target` with its `..` resolved.
fn join(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Complaints about modules that `src/lib.rs` declares and its map does not show, or the other way round.
pub(crate) fn map_is_complete(lib: &str) -> Vec<String> {
    let declared: BTreeSet<&str> =
        lib.lines().filter_map(|line| line.trim().strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let map: Vec<&str> = lib.lines().filter(|line| line.starts_with("//! | ")).collect();
    let shown: BTreeSet<&str> = map
        .iter()
        .flat_map(|line| line.split("[`").skip(1).filter_map(|rest| rest.split("`]").next()))
        .collect();
    let missing = declared.iter().filter(|name| !shown.contains(*name));
    let stale = shown.iter().filter(|name| !name.contains("::") && !declared.contains(*name));
    missing
        .map(|name| format!("src/lib.rs: `{name}` is not on the map"))
        .chain(stale.map(|name| format!("src/lib.rs: the map shows `{name}`, which is no module")))
        .collect()
}

#[test]
fn a_path_of_one_machine_is_found() {
    let [work, ..] = machine_paths();
    assert_eq!(names_no_machine("a", &format!("cd {work}main\n")).len(), 1);
    assert_eq!(names_no_machine("a", &format!("see {}\n", machine_paths()[4])).len(), 1);
    assert_eq!(names_no_machine("a", &format!("a/b{work}c\nhomework/\n")).len(), 0);
}

#[test]
fn a_command_that_does_not_exist_is_found() {
    let exists = |file: &str| ["test", "examples/demo.rs", "tests/daemon/main.rs"].contains(&file);
    let of = |line: &str| commands_exist("README.md", &format!("```sh\n{line}\n```\n"), &exists).len();
    assert_eq!(of("./test --all"), 0);
    assert_eq!(of("./tset"), 1);
    assert_eq!(of("cargo run --release --example demo"), 0);
    assert_eq!(of("cargo run --example dmeo"), 1);
    assert_eq!(of("cargo test --test daemon"), 0);
    assert_eq!(of("cargo bench --bench none"), 1);
    assert_eq!(commands_exist("README.md", "```text\n./none\n```\n", &exists).len(), 0);
}

#[test]
fn a_dead_link_is_found() {
    let exists = |file: &str| file == "docs/a.md";
    assert_eq!(links_lead_somewhere("README.md", "[a](docs/a.md#x) [b](https://e.org/)", &exists).len(), 0);
    assert_eq!(links_lead_somewhere("docs/b.md", "[a](a.md) [a](../docs/a.md)", &exists).len(), 0);
    assert_eq!(links_lead_somewhere("README.md", "[a](docs/b.md)", &exists).len(), 1);
}

#[test]
fn a_module_missing_from_the_map_is_found() {
    let map = "//! | 0 | [`a`]: x; [`a::B`] |\n";
    assert_eq!(map_is_complete(&format!("{map}pub mod a;\n")).len(), 0);
    assert_eq!(map_is_complete(&format!("{map}pub mod a;\npub mod b;\n")).len(), 1);
    assert_eq!(map_is_complete(map).len(), 1);
}
