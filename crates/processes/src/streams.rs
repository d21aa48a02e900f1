//! The streams of this process, which are not for those that it leaves behind.

use std::io;

use filedescriptor::{FileDescriptor, StdioDescriptor};

/// Keeps what this process starts from holding on to its standard streams, unless it is given them.
/// To be called before there is a second thread.
///
/// On Windows a child gets every handle that its parent was given. A service that was started from a
/// pipe would keep that open, and its reader would wait for the end of the service.
pub fn keep_streams() {
    // All three before the first of the old ones is closed: two of them may be the same handle.
    let _old = [
        FileDescriptor::redirect_stdio(&io::stdin(), StdioDescriptor::Stdin),
        FileDescriptor::redirect_stdio(&io::stdout(), StdioDescriptor::Stdout),
        FileDescriptor::redirect_stdio(&io::stderr(), StdioDescriptor::Stderr),
    ];
}
