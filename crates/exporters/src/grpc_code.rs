//! The codes of gRPC, which an error names whether or not gRPC is built in.

pub(crate) const CANCELLED: i32 = 1;
pub(crate) const UNKNOWN: i32 = 2;
pub(crate) const INVALID_ARGUMENT: i32 = 3;
pub(crate) const DEADLINE_EXCEEDED: i32 = 4;
pub(crate) const ALREADY_EXISTS: i32 = 6;
pub(crate) const PERMISSION_DENIED: i32 = 7;
pub(crate) const RESOURCE_EXHAUSTED: i32 = 8;
pub(crate) const FAILED_PRECONDITION: i32 = 9;
pub(crate) const ABORTED: i32 = 10;
pub(crate) const OUT_OF_RANGE: i32 = 11;
pub(crate) const INTERNAL: i32 = 13;
pub(crate) const UNAVAILABLE: i32 = 14;
pub(crate) const DATA_LOSS: i32 = 15;
pub(crate) const UNAUTHENTICATED: i32 = 16;

/// The names, by their codes, as the specification of gRPC numbers them.
const NAMES: [&str; 17] = [
    "Ok",
    "Cancelled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];

/// The name of a code. One that the specification does not have counts as unknown.
pub(crate) fn name(code: i32) -> &'static str {
    let known = usize::try_from(code).ok().and_then(|code| NAMES.get(code));
    known.copied().unwrap_or("Unknown")
}

#[cfg(all(test, feature = "grpc"))]
mod tests {
    use tonic::Code;

    use super::*;

    #[test]
    fn the_names_and_numbers_are_those_of_grpc() {
        for code in -1..20 {
            assert_eq!(name(code), format!("{:?}", Code::from(code)));
        }
        assert_eq!(Code::from(UNAVAILABLE), Code::Unavailable);
        assert_eq!(Code::from(FAILED_PRECONDITION), Code::FailedPrecondition);
    }
}
