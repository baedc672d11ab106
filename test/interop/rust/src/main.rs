//! Runs the interop suite's services on tonic: prints its address, serves until it is killed. The protos are compiled when
//! it is built (build.rs).

mod call;
mod kinds;
mod library;

use tonic::transport::server::{Server, TcpIncoming};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The generated code, in modules as the packages of the protos.
mod proto {
    pub mod google {
        #[allow(dead_code)]
        pub mod api {
            tonic::include_proto!("google.api");
        }
    }
    pub mod library {
        pub mod v1 {
            tonic::include_proto!("library.v1");
        }
    }
    pub mod kinds {
        pub mod v1 {
            tonic::include_proto!("kinds.v1");
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    Server::builder()
        .add_service(proto::library::v1::library_server::LibraryServer::new(library::Library))
        .add_service(proto::kinds::v1::kinds_server::KindsServer::new(kinds::Kinds))
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await?;
    Ok(())
}

fn not_found(resource_type: &str, name: &str) -> Status {
    let details = ErrorDetails::with_resource_info(resource_type, name, "", "");
    Status::with_error_details(Code::NotFound, format!("{name} not found"), details)
}
