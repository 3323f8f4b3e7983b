//! The index of names (F3, F5): every name is found at its place, and no other is.

use crate::flags::names::Names;

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("unit-{number}-listen")).collect()
}

#[test]
fn f3_every_name_of_many_is_found_at_its_place_and_no_other_name_is() {
    for count in [0, 1, 2, 3, 4, 200, 1000] {
        let all = names(count);
        let at = |place: usize| all[place].as_bytes();
        let mut index = Names::for_up_to(count);
        for (place, name) in all.iter().enumerate() {
            assert_eq!(index.get(name.as_bytes(), at), None, "not yet");
            assert_eq!(index.add(place, name.as_bytes(), at), Ok(()));
        }
        for (place, name) in all.iter().enumerate() {
            assert_eq!(index.get(name.as_bytes(), at), Some(place));
        }
        for other in ["", "unit", "unit-0", "unit-0-liste", "unit-0-listen-", "UNIT-0-LISTEN"] {
            assert_eq!(index.get(other.as_bytes(), at), None, "{other}");
        }
    }
}

#[test]
fn f3_a_name_that_is_in_already_is_refused_with_its_place() {
    let all = ["listen", "data", "listen"].map(str::as_bytes);
    let at = |place: usize| all[place];
    let mut index = Names::for_up_to(all.len());
    assert_eq!(index.add(0, all[0], at), Ok(()));
    assert_eq!(index.add(1, all[1], at), Ok(()));
    assert_eq!(index.add(2, all[2], at), Err(0));
    assert_eq!(index.get(b"listen", at), Some(0));
}
