#![cfg(test)]
//! The rules of the house over every file of the repository. Each rule is a function that lists complaints and has
//! a test beside it on text that breaks it; what clippy and rustfmt check is not repeated here.

mod code;
mod documents;
mod floors;
mod shape;
mod texts;

use code::Source;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Files below `folder` (from the root) whose name `wanted` accepts; build products and hidden folders left out.
fn files(folder: &str, wanted: &dyn Fn(&str) -> bool) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(path) = open.pop() {
        let Ok(entries) = fs::read_dir(&path) else { continue };
        for entry in entries.map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir()
                && !["target", ".git", "corpus", "artifacts", "__pycache__"].contains(&name.as_str())
            {
                open.push(entry.path());
            } else if kind.is_file() && wanted(&name) {
                found.extend(text_of(&entry.path()));
            }
        }
    }
    found.sort();
    found
}

/// Path from the root and text; nothing for a file that is not text.
fn text_of(path: &Path) -> Option<(String, String)> {
    let text = String::from_utf8(fs::read(path).unwrap()).ok()?;
    Some((path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned(), text))
}

fn sources() -> Vec<Source> {
    let folders = ["src", "tests", "examples", "benches", "fuzz"];
    let all: Vec<Source> = folders
        .iter()
        .flat_map(|folder| files(folder, &|name| name.ends_with(".rs")))
        .map(|(path, text)| Source::new(&path, &text))
        .collect();
    assert!(
        all.iter().filter(|file| file.path.starts_with("src/")).count() > 20,
        "the sources were not found"
    );
    all
}

#[track_caller]
fn check_sources(rule: fn(&Source) -> Vec<String>) {
    check(sources().iter().flat_map(rule).collect());
}

#[track_caller]
fn check(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

fn exists(path: &str) -> bool {
    root().join(path).exists()
}

fn documents() -> Vec<(String, String)> {
    let documents = files("", &|name| name.ends_with(".md"));
    assert!(documents.iter().any(|(path, _)| path == "README.md"), "README.md was not found");
    documents
}

#[test]
fn no_module_names_a_higher_floor() {
    check_sources(floors::floors);
}

#[test]
fn the_core_is_told_everything() {
    check_sources(floors::core_is_told);
}

#[test]
fn every_file_says_what_lives_in_it() {
    check_sources(shape::has_module_doc);
}

#[test]
fn every_test_crate_says_that_it_is_one() {
    check_sources(shape::test_crate_says_so);
}

#[test]
fn files_are_short() {
    check_sources(shape::is_short);
}

#[test]
fn functions_are_short() {
    check_sources(shape::functions_are_short);
}

#[test]
fn unsafe_is_in_sys_alone() {
    check_sources(shape::unsafe_stays_in_sys);
}

#[test]
fn nothing_names_a_path_of_one_machine() {
    let all = files("", &|name| !["Cargo.lock", ".git"].contains(&name));
    check(all.iter().flat_map(|(path, text)| texts::names_no_machine(path, text)).collect());
}

#[test]
fn the_commands_in_documents_exist() {
    check(documents().iter().flat_map(|(path, text)| texts::commands_exist(path, text, &exists)).collect());
}

#[test]
fn the_links_in_documents_lead_somewhere() {
    check(
        documents()
            .iter()
            .flat_map(|(path, text)| texts::links_lead_somewhere(path, text, &exists))
            .collect(),
    );
}

#[test]
fn every_module_is_on_the_map() {
    check(texts::map_is_complete(&fs::read_to_string(root().join("src/lib.rs")).unwrap()));
}
