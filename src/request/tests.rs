//! What words on the command line become.
