//! Proxies: every protocol gets through a tunnel, nothing of it is sent to this machine, and a proxy's
//! credentials are for the proxy.

use exporters::{
    Connection, ExportError, Exporter, Otlp, OtlpCompression, OtlpConfig, OtlpEndpoint,
    OtlpProtocol, Proxies,
};

use crate::fake_grpc_server::FakeGrpcServer;
use crate::fake_proxy::{Asked, FakeProxy};
use crate::fake_server::FakeServer;
use crate::{connection, everything_said, passes, tls, turn};

fn otlp(endpoint: &str, protocol: OtlpProtocol, proxies: Proxies) -> Otlp {
    let config = OtlpConfig {
        endpoint: OtlpEndpoint::Server(endpoint.to_owned()),
        protocol,
        compression: OtlpCompression::Gzip,
        headers: Vec::new(),
        connection: Connection { tls: tls::files(), proxies, ..connection() },
    };
    Otlp::new(config).unwrap()
}

fn through(proxy: &FakeProxy) -> Proxies {
    Proxies { all: Some(proxy.url()), ..Proxies::default() }
}

/// A tunnel to this server, asked for by ada.
fn asked(server: &str) -> Asked {
    // `printf ada:very-secret | base64`
    let authorization = Some("Basic YWRhOnZlcnktc2VjcmV0".to_owned());
    Asked { line: format!("CONNECT {server} HTTP/1.1"), authorization }
}

#[test]
fn http_and_grpc_get_through_a_tunnel() {
    let http = FakeServer::start([]);
    let grpc = FakeGrpcServer::start([]);
    for (port, protocol) in
        [(http.port(), OtlpProtocol::HttpProtobuf), (grpc.port(), OtlpProtocol::Grpc)]
    {
        let proxy = FakeProxy::to(port);
        otlp("http://collector.test:4318", protocol, through(&proxy)).export(&turn()).unwrap();
        assert_eq!(proxy.asked(), [asked("collector.test:4318")]);
    }
    assert_eq!((http.received()[0].verdict, http.received().len()), (200, 1));
    assert_eq!(http.received()[0].header("proxy-authorization"), None);
    assert_eq!(grpc.received().len(), 1);
    assert_eq!(grpc.received()[0].metadata("proxy-authorization"), None);
}

#[test]
fn tls_is_spoken_with_the_server_and_not_with_the_proxy() {
    let (http, accepting) = tls::server();
    let http_port = http.rsplit(':').next().unwrap().parse().unwrap();
    let grpc = FakeGrpcServer::start_with_tls();
    for (port, protocol) in
        [(http_port, OtlpProtocol::HttpProtobuf), (grpc.port(), OtlpProtocol::Grpc)]
    {
        let proxy = FakeProxy::to(port);
        otlp("https://collector.test:443", protocol, through(&proxy)).export(&turn()).unwrap();
        assert_eq!(proxy.asked(), [asked("collector.test:443")]);
    }
    assert!(accepting.join().unwrap());
    assert_eq!(grpc.received().len(), 1);
}

/// A proxy that is spoken to over TLS, and through it a server with and without.
#[test]
fn a_proxy_may_have_tls_itself() {
    let plain = FakeServer::start([]);
    let plain_grpc = FakeGrpcServer::start([]);
    for (port, protocol) in
        [(plain.port(), OtlpProtocol::HttpProtobuf), (plain_grpc.port(), OtlpProtocol::Grpc)]
    {
        let proxy = FakeProxy::with_tls_to(port);
        otlp("http://collector.test:4318", protocol, through(&proxy)).export(&turn()).unwrap();
        assert_eq!(proxy.asked(), [asked("collector.test:4318")]);
    }
    let (http, accepting) = tls::server();
    let http_port = http.rsplit(':').next().unwrap().parse().unwrap();
    let grpc = FakeGrpcServer::start_with_tls();
    for (port, protocol) in
        [(http_port, OtlpProtocol::HttpProtobuf), (grpc.port(), OtlpProtocol::Grpc)]
    {
        let proxy = FakeProxy::with_tls_to(port);
        otlp("https://collector.test:443", protocol, through(&proxy)).export(&turn()).unwrap();
        assert_eq!(proxy.asked(), [asked("collector.test:443")]);
    }
    assert!(accepting.join().unwrap());
    assert_eq!(
        (plain.received().len(), plain_grpc.received().len(), grpc.received().len()),
        (1, 1, 1)
    );
    // Its authority is unknown.
    let proxy = FakeProxy::with_tls_to(plain.port());
    for protocol in [OtlpProtocol::HttpProtobuf, OtlpProtocol::Grpc] {
        let config = OtlpConfig {
            endpoint: OtlpEndpoint::Server("http://collector.test:4318".to_owned()),
            protocol,
            compression: OtlpCompression::Gzip,
            headers: Vec::new(),
            connection: Connection { proxies: through(&proxy), ..connection() },
        };
        let error = Otlp::new(config).unwrap().export(&turn()).unwrap_err();
        let said = everything_said(&error);
        assert!(said.contains("unknown authority") && !said.contains("ecret"), "{said}");
    }
}

#[test]
fn a_proxy_gets_nothing_that_is_for_this_machine_or_needs_none() {
    let http = FakeServer::start([]);
    let grpc = FakeGrpcServer::start([]);
    let proxy = FakeProxy::that_refuses();
    for (endpoint, protocol) in
        [(http.endpoint(), OtlpProtocol::HttpProtobuf), (grpc.endpoint(), OtlpProtocol::Grpc)]
    {
        otlp(&endpoint, protocol, through(&proxy)).export(&turn()).unwrap();
    }
    let none = Proxies { none: Some(".invalid".to_owned()), ..through(&proxy) };
    for protocol in [OtlpProtocol::HttpProtobuf, OtlpProtocol::Grpc] {
        // The name cannot be resolved, which the proxy would have been asked to do.
        let error = otlp("http://nowhere.invalid:1", protocol, none.clone()).export(&turn());
        assert!(passes(&error.unwrap_err()));
    }
    assert_eq!(proxy.asked(), []);
}

#[test]
fn a_proxy_that_refuses_is_an_error_without_its_credentials() {
    let proxy = FakeProxy::that_refuses();
    for protocol in [OtlpProtocol::HttpProtobuf, OtlpProtocol::Grpc] {
        let otlp = otlp("https://collector.test:443", protocol, through(&proxy));
        let error = otlp.export(&turn()).unwrap_err();
        assert!(matches!(error, ExportError::Connect { .. }) && passes(&error), "{error:?}");
        let said = everything_said(&error);
        assert!(!said.contains("very-secret"), "{said}");
        assert!(said.contains("through the proxy `http://…@127.0.0.1:"), "{said}");
    }
    assert_eq!(proxy.asked().len(), 2);
}
