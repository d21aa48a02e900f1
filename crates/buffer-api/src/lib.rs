//! Wire types, client and process control of the buffer service.
