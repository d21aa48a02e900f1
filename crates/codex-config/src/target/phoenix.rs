//! Phoenix as a target.

use super::{ENDPOINT, Target, TargetError, headers, http_url};
use crate::reader::{
    Reader,
    Source::{Own, Variable},
};
use crate::{Secret, variables};

const DEFAULT_PHOENIX: &str = "http://localhost:6006";

/// Decides how to reach Phoenix.
pub(super) fn resolve(reader: &mut Reader<'_>) -> Result<Target, TargetError> {
    let endpoint = endpoint(reader)?;
    let api_key =
        reader.text(&[Variable(variables::PHOENIX_API_KEY), Own("api_key")]).map(Secret::new);
    let headers = headers::all(reader, None, variables::PHOENIX_CLIENT_HEADERS)?;
    Ok(Target::Phoenix { endpoint, api_key, headers })
}

fn endpoint(reader: &mut Reader<'_>) -> Result<String, TargetError> {
    let sources = [
        Variable(variables::PHOENIX_ENDPOINT),
        Variable(variables::PHOENIX_COLLECTOR_ENDPOINT),
        ENDPOINT,
    ];
    let found = http_url(reader, &sources)?;
    Ok(found.unwrap_or_else(|| DEFAULT_PHOENIX.to_owned()))
}
