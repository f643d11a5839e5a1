//! The shape of a source file: its head, its size, its functions, `unsafe`. Who names whom is `floors`' subject.

use crate::code::Source;

/// Lines of a file, before it is split.
const LONGEST_FILE: usize = 500;

/// Lines of a function with its comments: clippy's 60 lines of code and some room for reasons.
const LONGEST_FUNCTION: usize = 80;

/// Every file begins with `//!`, after at most the attributes of its crate.
pub(crate) fn has_module_doc(file: &Source) -> Vec<String> {
    let first = file.text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!"));
    match first {
        Some(line) if line.starts_with("//! ") => Vec::new(),
        _ => vec![format!("{}:1: begins without `//!`: say what lives here and what does not", file.path)],
    }
}

/// A test crate is `#![cfg(test)]`, so that clippy's leave for tests covers its helpers.
pub(crate) fn test_crate_says_so(file: &Source) -> Vec<String> {
    let parts: Vec<&str> = file.path.split('/').collect();
    let root = matches!(parts.as_slice(), ["tests", name] if name.ends_with(".rs"))
        || matches!(parts.as_slice(), ["tests", _, "main.rs"]);
    if !root || file.code.contains("#![cfg(test)]") {
        return Vec::new();
    }
    vec![format!("{}:1: a test crate without `#![cfg(test)]`", file.path)]
}

/// No file is longer than can be read in one go.
pub(crate) fn is_short(file: &Source) -> Vec<String> {
    let lines = file.text.lines().count();
    if lines <= LONGEST_FILE {
        return Vec::new();
    }
    vec![format!("{}: {lines} lines, {LONGEST_FILE} is the most: split it", file.path)]
}

/// No function is longer than a screen or so.
pub(crate) fn functions_are_short(file: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    let lines: Vec<&str> = file.code.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        if !line.split_whitespace().any(|word| word == "fn") {
            continue;
        }
        let length = body_lines(&lines[index..]);
        if length > LONGEST_FUNCTION {
            complaints.push(format!(
                "{}:{}: a function of {length} lines, {LONGEST_FUNCTION} is the most",
                file.path,
                index + 1
            ));
        }
    }
    complaints
}

/// Lines from a function's first to its closing brace; 0 for a declaration.
fn body_lines(lines: &[&str]) -> usize {
    let mut depth = 0_i32;
    for (count, line) in lines.iter().enumerate() {
        let from = if count == 0 { line.find("fn ").unwrap_or(0) } else { 0 };
        for c in line[from..].chars() {
            match c {
                '{' => depth += 1,
                '}' if depth == 1 => return count + 1,
                '}' => depth -= 1,
                ';' if depth == 0 && !line.contains('[') => return 0,
                _ => {}
            }
        }
    }
    0
}

/// `unsafe` is `sys`'s alone.
pub(crate) fn unsafe_stays_in_sys(file: &Source) -> Vec<String> {
    if file.path.starts_with("src/sys/") {
        return Vec::new();
    }
    file.words()
        .filter(|(_, word)| *word == "unsafe")
        .map(|(line, _)| format!("{}:{line}: `unsafe` outside src/sys", file.path))
        .collect()
}

#[track_caller]
fn check(rule: fn(&Source) -> Vec<String>, path: &str, text: &str, complaints: usize) {
    let found = rule(&Source::new(path, text));
    assert_eq!(found.len(), complaints, "{path}: {found:?}");
}

#[test]
fn a_file_without_a_module_doc_is_found() {
    check(has_module_doc, "src/a.rs", "use b;\n", 1);
    check(has_module_doc, "src/a.rs", "", 1);
    check(has_module_doc, "src/a.rs", "//!\n", 1);
    check(has_module_doc, "src/a.rs", "//! Units.\nuse b;\n", 0);
    check(has_module_doc, "tests/a.rs", "#![cfg(test)]\n\n//! Units.\n", 0);
}

#[test]
fn a_test_crate_that_does_not_say_so_is_found() {
    check(test_crate_says_so, "tests/a.rs", "//! A.\n", 1);
    check(test_crate_says_so, "tests/a/main.rs", "// #![cfg(test)]\n", 1);
    check(test_crate_says_so, "tests/a/main.rs", "//! A.\n#![cfg(test)]\n", 0);
    check(test_crate_says_so, "tests/a/b.rs", "//! A.\n", 0);
}

#[test]
fn a_file_past_the_limit_is_found() {
    check(is_short, "src/a.rs", &"x\n".repeat(LONGEST_FILE), 0);
    check(is_short, "src/a.rs", &"x\n".repeat(LONGEST_FILE + 1), 1);
}

#[test]
fn a_function_past_the_limit_is_found() {
    let of = |lines: usize| format!("pub fn f(\n) {{\n{}}}\nfn g() {{}}\n", "x();\n".repeat(lines - 3));
    check(functions_are_short, "src/a.rs", &of(LONGEST_FUNCTION), 0);
    check(functions_are_short, "src/a.rs", &of(LONGEST_FUNCTION + 1), 1);
    check(functions_are_short, "src/a.rs", &format!("trait T {{ fn f();\n{} }}\n", "x\n".repeat(99)), 0);
}

#[test]
fn unsafe_outside_sys_is_found() {
    check(unsafe_stays_in_sys, "src/daemon/mod.rs", "unsafe { f() }", 1);
    check(unsafe_stays_in_sys, "tests/a.rs", "#[unsafe(no_mangle)]", 1);
    check(unsafe_stays_in_sys, "src/daemon/mod.rs", "#![deny(unsafe_code)] // unsafe", 0);
    check(unsafe_stays_in_sys, "src/sys/udp.rs", "unsafe { f() }", 0);
}
