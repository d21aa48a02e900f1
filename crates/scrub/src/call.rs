//! Secrets that are arguments of functions: `connect("host", "root", "…")`.

use std::ops::Range;

use crate::cursor::Cursor;
use crate::judge::is_chosen;
use crate::stand_in::is_stand_in;

/// What begins such a call, and which text in it is the password: a number from the first, or the last.
pub(crate) const CALLS: [(&str, Which); 16] = [
    ("mysqli_connect(", Which::Third),
    ("new mysqli(", Which::Third),
    ("new pdo(", Which::Last),
    ("pymysql.connect(", Which::Third),
    ("getconnection(", Which::Last),
    ("networkcredential(", Which::Second),
    ("passwordcredentials(", Which::Second),
    ("passwordauthentication(", Which::Second),
    ("basicauth(", Which::Second),
    ("basic_auth(", Which::Second),
    ("auth=(", Which::Second),
    ("smtp.login(", Which::Second),
    (".login(", Which::Last),
    ("bearer_auth(", Which::Last),
    ("set_basic_auth(", Which::Second),
    ("add_header(", Which::Second),
];

/// Which argument the password is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Second,
    Third,
    Last,
}

/// Later arguments belong to something else.
const LONGEST: usize = 400;

/// The password in the call whose arguments begin at `from`.
pub(crate) fn password(text: &str, from: usize, which: Which) -> Option<Range<usize>> {
    let arguments = arguments(text, from);
    let range = match which {
        Which::Second => arguments.get(1),
        Which::Third => arguments.get(2),
        Which::Last => arguments.last(),
    }?;
    let range = range.clone()?;
    let value = text.get(range.clone())?;
    let is_secret = value.len() >= 6 && is_chosen(value) && !is_stand_in(value);
    (is_secret && !value.contains([' ', ':', '/'])).then_some(range)
}

/// The arguments of a call; those that are texts as what is in their quotes.
fn arguments(text: &str, from: usize) -> Vec<Option<Range<usize>>> {
    let mut cursor = Cursor::new(text, from);
    let mut arguments = vec![None];
    let mut depth = 0;
    while cursor.at < from + LONGEST {
        let mut quoted = cursor;
        if let Some(quote) = quoted.quote() {
            let Some(range) = quoted.quoted(quote) else { break };
            cursor.at = range.end;
            cursor.quote();
            if let Some(argument) = arguments.last_mut() {
                *argument = Some(range);
            }
            continue;
        }
        match cursor.next() {
            Some(b',') if depth == 0 => arguments.push(None),
            Some(b'(') => depth += 1,
            Some(b')') if depth > 0 => depth -= 1,
            Some(b')' | b'\n') | None => break,
            Some(_) => {}
        }
        cursor.at += 1;
    }
    arguments
}
