//! Errors as gRPC status: the class decides the code, the message says everything.

use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use crate::endpoint::{Class, Error};

/// The status of an error. Its class is also in the metadata, for programs.
pub(super) fn status(error: &Error) -> Status {
    let mut status = Status::new(code(error.class), error.text());
    let class = MetadataValue::from_static(error.class.name());
    status.metadata_mut().insert("conjoin-class", class);
    status
}

const fn code(class: Class) -> Code {
    match class {
        Class::Invalid => Code::InvalidArgument,
        Class::Unsupported => Code::Unimplemented,
        Class::Unauthenticated => Code::Unauthenticated,
        Class::Refused => Code::PermissionDenied,
        Class::Source => Code::FailedPrecondition,
        Class::Peer => Code::Unavailable,
        Class::Abort => Code::Aborted,
        Class::Resource => Code::ResourceExhausted,
        Class::Cancelled => Code::Cancelled,
        Class::Internal => Code::Internal,
    }
}
