use super::*;

/// All requests in `input`, fed in pieces of `piece` bytes.
fn parse(input: &[u8], piece: usize, limit: usize) -> Result<Vec<Vec<Vec<u8>>>, Malformed> {
    let mut parser = Parser::new(limit);
    let mut requests = Vec::new();
    for bytes in input.chunks(piece) {
        parser.feed(bytes);
        while let Some(request) = parser.next()? {
            let mut words = vec![request.name().to_vec()];
            words.extend(request.arguments().map(<[u8]>::to_vec));
            requests.push(words);
        }
    }
    Ok(requests)
}

fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

#[test]
fn requests_are_the_same_however_the_bytes_are_cut() {
    let input = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n\r\nPING\r\n*0\r\n*-1\r\n*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\n\r\n\0\xff\r\nset k 'v w'\n";
    let expected = vec![
        words(&["GET", "a"]),
        words(&["PING"]),
        vec![b"SET".to_vec(), b"".to_vec(), b"\r\n\0\xff".to_vec()],
        words(&["set", "k", "v w"]),
    ];
    for piece in 1..=input.len() {
        assert_eq!(parse(input, piece, 1024).as_ref(), Ok(&expected), "in pieces of {piece}");
    }
}

#[test]
fn an_incomplete_request_gives_nothing() {
    let input = b"*2\r\n$3\r\nGET\r\n$5\r\nabcde\r\n";
    for end in 1..input.len() {
        assert_eq!(parse(&input[..end], end, 1024), Ok(vec![]), "the first {end} bytes");
    }
}

#[test]
fn malformed_input_is_an_error_value() {
    for (input, expected) in [
        (&b"*x\r\n"[..], Malformed::MultibulkLength),
        (b"*\r\n", Malformed::MultibulkLength),
        (b"*99999999999999999999\r\n", Malformed::MultibulkLength),
        (b"*2000\r\n", Malformed::MultibulkLength),
        (b"*1\r\n:1\r\n", Malformed::ExpectedBulk(b':')),
        (b"*1\r\n\r\n", Malformed::ExpectedBulk(b'\r')),
        (b"*1\r\n$-1\r\n", Malformed::BulkLength),
        (b"*1\r\n$+1\r\n", Malformed::BulkLength),
        (b"*1\r\n$x\r\n", Malformed::BulkLength),
        (b"*1\r\n$1\r\nabc\r\n", Malformed::ExpectedEnd),
        (b"set \"a\r\n", Malformed::UnbalancedQuotes),
        (b"set \"a\"b\r\n", Malformed::UnbalancedQuotes),
        (b"set 'a\r\n", Malformed::UnbalancedQuotes),
    ] {
        for piece in [1, input.len()] {
            assert_eq!(
                parse(input, piece, 1024),
                Err(expected.clone()),
                "{}",
                input.escape_ascii()
            );
        }
    }
}

#[test]
fn the_limit_counts_the_whole_request() {
    let input = b"*2\r\n$3\r\nGET\r\n$5\r\nabcde\r\n";
    for piece in [1, input.len()] {
        assert!(parse(input, piece, input.len()).is_ok());
        let over = input.len() - 1;
        assert_eq!(parse(input, piece, over), Err(Malformed::RequestTooLong(over)));
    }
    // Many that are within it, one after the other, are not over it.
    assert_eq!(parse(&input.repeat(100), 7, input.len()).map(|all| all.len()), Ok(100));
}

#[test]
fn an_announced_length_over_the_limit_is_refused_before_its_bytes_have_come() {
    let refused = Err(Malformed::RequestTooLong(100));
    assert_eq!(parse(b"*2\r\n$3\r\nSET\r\n$9223372036854775807\r\n", 1, 100), refused);
}

#[test]
fn a_line_without_an_end_is_refused() {
    assert_eq!(parse(&vec![b'x'; MAX_LINE], 4096, 1 << 20), Err(Malformed::LineTooLong));
    assert_eq!(parse(&[b'x'; 101], 1, 100), Err(Malformed::RequestTooLong(100)));
}

#[test]
fn inline_words_may_be_quoted() {
    let input = b"  set  \"a b\\n\\x41\\xZ\\\"\" 'it\\'s \\n' '' \r\n";
    let expected = vec![words(&["set", "a b\nAxZ\"", "it's \\n", ""])];
    assert_eq!(parse(input, input.len(), 1024), Ok(expected));
}

#[test]
fn random_bytes_never_panic() {
    // A generator of its own (xorshift), so that a failure can be had again.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let alphabet = b"*$\r\n0123456789-\"'\\x PINGset\0\xff";
    let mut parsed = 0;
    for _ in 0..20_000 {
        let length = random() % 60;
        let input: Vec<u8> =
            (0..length).map(|_| alphabet[usize::try_from(random() % 29).expect("small")]).collect();
        let whole = parse(&input, input.len().max(1), 64);
        let cut = parse(&input, 1, 64);
        assert_eq!(whole, cut, "{}", input.escape_ascii());
        parsed += whole.map_or(0, |requests| requests.len());
    }
    assert!(parsed > 1000, "the alphabet must give requests too, gave {parsed}");
}

#[test]
fn numbers_are_read_as_redis_reads_them() {
    for (text, expected) in [
        ("0", Some(0)),
        ("-1", Some(-1)),
        ("10", Some(10)),
        ("9223372036854775807", Some(i64::MAX)),
        ("-9223372036854775808", Some(i64::MIN)),
        ("9223372036854775808", None),
        ("", None),
        ("-", None),
        ("-0", None),
        ("01", None),
        ("+1", None),
        (" 1", None),
        ("1 ", None),
        ("1.0", None),
    ] {
        assert_eq!(number(text.as_bytes()), expected, "{text:?}");
    }
}

#[test]
fn replies_are_written_in_resp2() {
    let reply = Reply::Array(vec![
        Reply::OK,
        Reply::Error("ERR unknown\r\ncommand".into()),
        Reply::Integer(-7),
        Reply::bulk(b"a\r\nb"),
        Reply::Nil,
        Reply::Array(vec![]),
    ]);
    let mut out = Vec::new();
    reply.write_to(&mut out).expect("a Vec takes all");
    let expected = b"*6\r\n+OK\r\n-ERR unknown  command\r\n:-7\r\n$4\r\na\r\nb\r\n$-1\r\n*0\r\n";
    assert_eq!(out.escape_ascii().to_string(), expected.escape_ascii().to_string());
}
