//! How requests are compressed.

use std::borrow::Cow;
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
#[cfg(feature = "grpc")]
use tonic::codec::CompressionEncoding;

/// zstd's fast level, as with gzip: the hook that sends is timed.
#[cfg(feature = "zstd")]
const ZSTD_LEVEL: i32 = 1;

/// How a request is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OtlpCompression {
    /// Makes a turn about ten times smaller.
    #[default]
    Gzip,
    /// Smaller and faster than gzip; Phoenix, MLflow and rotel do not take it.
    #[cfg(feature = "zstd")]
    Zstd,
    /// For a receiver that cannot decompress.
    None,
}

impl OtlpCompression {
    /// Its name in HTTP; nothing is said about a body that is not compressed.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Gzip => Some("gzip"),
            #[cfg(feature = "zstd")]
            Self::Zstd => Some("zstd"),
            Self::None => None,
        }
    }

    /// The same for gRPC, which compresses by itself.
    #[cfg(feature = "grpc")]
    pub(crate) fn for_grpc(self) -> Option<CompressionEncoding> {
        match self {
            Self::Gzip => Some(CompressionEncoding::Gzip),
            #[cfg(feature = "zstd")]
            Self::Zstd => Some(CompressionEncoding::Zstd),
            Self::None => None,
        }
    }

    /// Compresses a body.
    pub(crate) fn compress(self, body: &[u8]) -> io::Result<Cow<'_, [u8]>> {
        Ok(match self {
            Self::Gzip => {
                // The fast level: traces are repetitive text, and the hook that sends is timed.
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(body)?;
                encoder.finish()?.into()
            }
            #[cfg(feature = "zstd")]
            Self::Zstd => zstd::bulk::compress(body, ZSTD_LEVEL)?.into(),
            Self::None => body.into(),
        })
    }
}
