//! The XML against its copies in `dbus/`, which are for packagers and for whoever writes a client.

use super::*;
use std::fs;
use std::path::Path;

/// `UPDATE_GOLDEN=1` writes them anew.
#[test]
fn the_copies_in_the_repository_are_what_is_told() {
    for object in OBJECTS {
        let told = xml(object.path).unwrap();
        let name = object.interface.name;
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("dbus").join(format!("{name}.xml"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&file, &told).unwrap();
        }
        let copy = fs::read_to_string(&file).unwrap();
        assert_eq!(copy, told, "UPDATE_GOLDEN=1 writes {} anew", file.display());
    }
}

#[test]
fn from_the_root_every_object_is_found() {
    assert_eq!(children("/").into_iter().collect::<Vec<_>>(), ["org"]);
    assert_eq!(children("/org").into_iter().collect::<Vec<_>>(), ["freedesktop", "ntpd_rs1"]);
    assert_eq!(children("/org/freedesktop").into_iter().collect::<Vec<_>>(), ["LogControl1", "timesync1"]);
    assert!(children("/org/free").is_empty());
    assert!(xml("/org").unwrap().contains("<node name=\"ntpd_rs1\"/>"));
    assert_eq!(xml("/org/free"), None);
}
