//! A test server as a program of its own. Its command line is each program's.

use super::{Options, TestServer, host_clock};
use std::net::SocketAddr;
use std::process::ExitCode;

/// Serves the host's clock on `listen` until the process is ended; says on standard output where it listens.
pub fn run(listen: SocketAddr, options: Options) -> ExitCode {
    let server = match TestServer::start(listen, options, host_clock()) {
        Ok(server) => server,
        Err(error) => {
            eprintln!("cannot listen on {listen}: {error}; --listen 127.0.0.1:1123 takes another port");
            return ExitCode::FAILURE;
        }
    };
    println!("listening on {}", server.address());
    match server.join() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the socket failed: {error}");
            ExitCode::FAILURE
        }
    }
}
