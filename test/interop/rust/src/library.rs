//! The service Library, which answers as ../go/library.go does.

use std::collections::HashMap;
use std::future::pending;

use prost_types::Timestamp;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::not_found;
use crate::proto::library::v1::shelf::Kind;
use crate::proto::library::v1::{
    CreateShelfRequest, DeleteShelfRequest, GetShelfRequest, ListShelvesRequest, ListShelvesResponse, Shelf,
    UpdateShelfRequest, library_server,
};

pub struct Library;

#[tonic::async_trait]
impl library_server::Library for Library {
    async fn get_shelf(&self, request: Request<GetShelfRequest>) -> Result<Response<Shelf>, Status> {
        let has_deadline = request.metadata().contains_key("grpc-timeout");
        let shelf = match request.get_ref().name.as_str() {
            "shelves/1" => full_shelf(),
            "shelves/empty" => Shelf::default(),
            "shelves/slow" => pending().await,
            "shelves/timed" => Shelf { note: Some(format!("deadline {has_deadline}")), ..Shelf::default() },
            "shelves/broken" => return Err(Status::internal("secret at 10.0.0.1")),
            "shelves/panic" => return Err(Status::from_error("not a status: 10.0.0.1".into())),
            name => return Err(not_found("shelf", name)),
        };
        Ok(with_tenant(&request, shelf))
    }

    async fn create_shelf(&self, request: Request<CreateShelfRequest>) -> Result<Response<Shelf>, Status> {
        let CreateShelfRequest { shelf, shelf_id } = request.get_ref();
        let shelf = shelf.clone().unwrap_or_default();
        if shelf_id == "1" {
            return Err(Status::already_exists("shelves/1 exists"));
        }
        if shelf.theme.is_empty() {
            let details = ErrorDetails::with_bad_request_violation("shelf.theme", "required");
            return Err(Status::with_error_details(Code::InvalidArgument, "theme is required", details));
        }
        Ok(with_tenant(&request, Shelf { name: format!("shelves/{shelf_id}"), ..shelf }))
    }

    async fn list_shelves(&self, request: Request<ListShelvesRequest>) -> Result<Response<ListShelvesResponse>, Status> {
        let ListShelvesRequest { theme, page_size } = request.get_ref();
        let shelves = (1..=(*page_size).min(3))
            .map(|i| Shelf { name: format!("shelves/{i}"), theme: theme.clone(), ..Shelf::default() })
            .collect();
        let next_page_token = if (1..3).contains(page_size) { "more".to_owned() } else { String::new() };
        Ok(with_tenant(&request, ListShelvesResponse { shelves, next_page_token }))
    }

    async fn update_shelf(&self, request: Request<UpdateShelfRequest>) -> Result<Response<Shelf>, Status> {
        let UpdateShelfRequest { shelf, update_mask } = request.get_ref();
        let paths = update_mask.clone().unwrap_or_default().paths;
        let shelf = Shelf { note: Some(paths.join(",")), ..shelf.clone().unwrap_or_default() };
        Ok(with_tenant(&request, shelf))
    }

    async fn delete_shelf(&self, request: Request<DeleteShelfRequest>) -> Result<Response<()>, Status> {
        match request.get_ref().name.as_str() {
            "shelves/1" => Ok(with_tenant(&request, ())),
            "shelves/locked" => Err(Status::failed_precondition("shelves/locked is locked")),
            name => Err(not_found("shelf", name)),
        }
    }
}

/// Sends the caller's x-tenant back in the headers, with a binary value beside it.
fn with_tenant<Q, A>(request: &Request<Q>, answer: A) -> Response<A> {
    let mut response = Response::new(answer);
    if let Some(tenant) = request.metadata().get("x-tenant") {
        response.metadata_mut().insert("x-tenant", tenant.clone());
        response.metadata_mut().insert_bin("x-raw-bin", MetadataValue::from_bytes(b"\x00\xff"));
    }
    response
}

fn full_shelf() -> Shelf {
    Shelf {
        name: "shelves/1".to_owned(),
        theme: "Käse & \"Wein\" 🧀".to_owned(),
        capacity: 9_007_199_254_740_993,
        kind: Kind::Open.into(),
        tags: vec!["a".to_owned(), String::new()],
        counts: HashMap::from([("x".to_owned(), -1), (String::new(), 2)]),
        // 2024-02-29T12:00:00.000000001Z
        create_time: Some(Timestamp { seconds: 1_709_208_000, nanos: 1 }),
        height_metres: 1.5,
        stamp: vec![0x00, 0xff],
        note: Some(String::new()),
    }
}
