//! TLS with a private authority, as inside a company, and with a client certificate.

#[path = "../tls/server.rs"]
mod server_side;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread::{self, JoinHandle};

use exporters::{
    Connection, ExportError, Exporter, Otlp, OtlpCompression, OtlpConfig, OtlpEndpoint,
    OtlpProtocol, TlsFiles,
};
use rustls::{ServerConnection, Stream};

pub(crate) use server_side::{config_without_client_auth as server_side_without_client_auth, file};

use crate::fake_grpc_server::FakeGrpcServer;
use crate::{connection, turn};

/// What a client needs of a server that knows it.
pub(crate) fn files() -> TlsFiles {
    TlsFiles {
        ca_file: Some(file("ca.pem")),
        client_certificate: Some(file("client.pem")),
        client_key: Some(file("client.key")),
        ..TlsFiles::default()
    }
}

/// The client's certificate and its key in one file, as some programs like to have them.
pub(crate) fn in_one_file(folder: &Path) -> TlsFiles {
    let path = folder.join("client-and-key.pem");
    let read = |name| fs::read_to_string(file(name)).unwrap();
    fs::write(&path, format!("{}{}", read("client.pem"), read("client.key"))).unwrap();
    let (client_certificate, client_key) = (Some(path.clone()), Some(path));
    TlsFiles { ca_file: None, client_certificate, client_key, ..TlsFiles::default() }
}

/// A server that knows clients by their certificates and accepts one request; whether it did.
pub(crate) fn server() -> (String, JoinHandle<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    let accepting = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut connection = ServerConnection::new(server_side::config()).unwrap();
        let mut stream = Stream::new(&mut connection, &mut socket);
        let mut request = [0; 16];
        let accepted =
            stream.read_exact(&mut request).is_ok() && request.starts_with(b"POST /v1/traces ");
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        accepted && stream.write_all(answer).is_ok() && stream.flush().is_ok()
    });
    (endpoint, accepting)
}

#[test]
fn a_server_that_never_begins_with_tls_took_nothing() {
    // The system completes connections that no program accepts.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let otlp = Otlp::new(OtlpConfig {
        endpoint: OtlpEndpoint::Server(format!("https://{}", listener.local_addr().unwrap())),
        protocol: OtlpProtocol::HttpProtobuf,
        compression: OtlpCompression::Gzip,
        headers: Vec::new(),
        connection: connection(),
    });
    let error = otlp.unwrap().export(&turn()).unwrap_err();
    assert!(matches!(error, ExportError::Connect { .. }), "{error:?}");
    assert!(
        error.is_safe_to_repeat() && error.display_chain().ends_with("timeout: connect"),
        "{error:?}"
    );
}

fn export(tls: TlsFiles) -> (Result<(), ExportError>, bool) {
    let (endpoint, accepting) = server();
    let result = export_to(&endpoint, OtlpProtocol::HttpProtobuf, tls);
    (result, accepting.join().unwrap())
}

fn at(server: &FakeGrpcServer) -> String {
    format!("https://127.0.0.1:{}", server.port())
}

fn export_to(endpoint: &str, protocol: OtlpProtocol, tls: TlsFiles) -> Result<(), ExportError> {
    let otlp = Otlp::new(OtlpConfig {
        endpoint: OtlpEndpoint::Server(endpoint.to_owned()),
        protocol,
        compression: OtlpCompression::Gzip,
        headers: Vec::new(),
        connection: Connection { tls, ..connection() },
    });
    otlp.unwrap().export(&turn()).map(drop)
}

#[test]
fn a_private_authority_and_a_client_certificate_are_used() {
    let (result, accepted) = export(files());
    assert!(accepted && result.is_ok(), "{result:?}");
}

#[test]
fn certificate_and_key_may_be_in_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let ca_file = Some(file("ca.pem"));
    let (result, accepted) = export(TlsFiles { ca_file, ..in_one_file(folder.path()) });
    assert!(accepted && result.is_ok(), "{result:?}");
}

/// The error names the setting that is to be changed.
#[test]
fn a_server_of_an_unknown_authority_gets_nothing() {
    let other = Some(file("client.pem"));
    for (tls, remedy) in [
        (TlsFiles::default(), "set `ca_file` or the variable `SSL_CERT_FILE`"),
        (TlsFiles { ca_file: other.clone(), ..TlsFiles::default() }, "that `ca_file` names"),
        (TlsFiles { system_file: other, ..TlsFiles::default() }, "the variable `SSL_CERT_FILE`"),
    ] {
        let (result, accepted) = export(tls.clone());
        let error = result.unwrap_err();
        assert!(matches!(error, ExportError::Connect { .. }) && !accepted, "{error:?}");
        assert!(error.is_safe_to_repeat());
        let said = error.display_chain();
        assert!(said.contains("unknown authority (UnknownIssuer)"), "{said}");
        assert!(said.contains(remedy), "{said}");

        let server = FakeGrpcServer::start_with_tls();
        let error = export_to(&at(&server), OtlpProtocol::Grpc, tls).unwrap_err();
        assert!(matches!(error, ExportError::Connect { .. }), "{error:?}");
        assert!(error.display_chain().contains(remedy), "{}", error.display_chain());
    }
}

/// As where a proxy inspects TLS, and the environment names its authority.
#[test]
fn the_authorities_of_the_environment_are_used() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(file("ca.pem"), folder.path().join("company.pem")).unwrap();
    let system_file = TlsFiles { ca_file: None, system_file: Some(file("ca.pem")), ..files() };
    let system_folders = vec![tempfile::tempdir().unwrap().keep(), folder.path().to_owned()];
    // A file that is not there keeps nothing else from being trusted.
    let system_file_is_gone = Some(folder.path().join("gone.pem"));
    let system_folders =
        TlsFiles { ca_file: None, system_file: system_file_is_gone, system_folders, ..files() };
    for tls in [system_file, system_folders] {
        let (result, accepted) = export(tls.clone());
        assert!(accepted && result.is_ok(), "{result:?}");
        let server = FakeGrpcServer::start_with_tls();
        export_to(&at(&server), OtlpProtocol::Grpc, tls).unwrap();
        assert_eq!(server.received().len(), 1);
    }
}

#[test]
fn a_server_that_wants_a_certificate_takes_nothing_without_one() {
    let (result, accepted) =
        export(TlsFiles { ca_file: Some(file("ca.pem")), ..TlsFiles::default() });
    assert!(result.is_err() && !accepted, "{result:?}");
}
