//! F2: every type that a flag can have reads what it writes, and says what is wrong.

use std::ffi::OsString;
use std::fmt::Debug;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use crate::{Arity, Bytes, FlagValue};

fn round_trip<T: FlagValue + PartialEq + Debug>(value: T, text: &str) {
    assert_eq!(value.to_arg(), text);
    assert_eq!(T::from_args(&[text.into()]), Ok(value));
}

#[test]
fn f2_every_type_reads_what_it_writes() {
    round_trip(true, "true");
    round_trip(false, "false");
    round_trip(u8::MAX, "255");
    round_trip(i128::MIN, "-170141183460469231731687303715884105728");
    round_trip(NonZeroU16::MIN, "1");
    round_trip(0.1_f32, "0.1");
    round_trip(f64::MIN_POSITIVE, &f64::MIN_POSITIVE.to_string());
    round_trip(f64::NEG_INFINITY, "-inf");
    round_trip('é', "é");
    round_trip("text".to_owned(), "text");
    round_trip(PathBuf::from("/a b"), "/a b");
    round_trip(OsString::from("x"), "x");
    round_trip("[::1]:80".parse::<SocketAddr>().unwrap(), "[::1]:80");
    round_trip("10.0.0.1".parse::<IpAddr>().unwrap(), "10.0.0.1");
    round_trip(Duration::from_millis(1_500), "1s500ms");
    round_trip(Bytes::mib(1536), "1536MiB");
    round_trip(Some(5_u8), "5");
    round_trip(vec![5_u8], "5");
}

#[test]
fn f2_an_absent_option_writes_no_argument() {
    assert_eq!(None::<u8>.to_args(), [""; 0]);
    assert_eq!(Some(3_u8).to_args(), ["3"]);
    assert_eq!(<Option<bool>>::arity(), Arity::Switch);
    assert_eq!(<Option<u8>>::from_args(&["1".into(), "2".into()]), Ok(Some(2)));
}

#[test]
fn f2_a_list_is_all_of_its_arguments() {
    let args = ["1".into(), "2".into()];
    assert_eq!(<Vec<u8>>::from_args(&args), Ok(vec![1, 2]));
    assert_eq!(vec![1_u8, 2].to_args(), ["1", "2"]);
    assert_eq!(vec![1_u8, 2].to_arg(), "1,2");
    assert_eq!(<Vec<u8>>::arity(), Arity::Many);
}

#[test]
fn f2_each_type_says_what_it_wants() {
    fn why<T: FlagValue + Debug>(text: &str) -> String {
        T::from_arg(text.as_ref()).unwrap_err().to_string()
    }
    assert_eq!(why::<u8>("256"), "not a whole number from 0 to 255");
    assert_eq!(why::<i8>(""), "not a whole number from -128 to 127");
    assert_eq!(why::<NonZeroU16>("0"), "not a whole number from 1 to 65535");
    assert_eq!(why::<f64>("1,5"), "not a number");
    assert_eq!(why::<bool>("ja"), "neither true nor false");
    assert_eq!(
        why::<SocketAddr>(":8080"),
        "not an IP address with a port\n  \
         tip: write 127.0.0.1:8080 or [::1]:8080; host names are not looked up"
    );
}
