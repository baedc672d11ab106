//! The service Kinds, which behaves as ../go/kinds.go does.

use tonic::{Request, Response, Status, Streaming};

use crate::call::{Answer, Asked, Messages, Seen, Streams, act, one, only, seen};
use crate::not_found;
use crate::proto::google::api::HttpBody;
use crate::proto::kinds::v1::{Call, GetCallRequest, Item, Part, kinds_server};

impl Asked<Item> for Item {
    fn name(&self) -> &str {
        &self.name
    }

    fn answer(self) -> Item {
        Item { n: self.n, ..Item::default() }
    }
}

impl Asked<HttpBody> for Item {
    fn name(&self) -> &str {
        &self.name
    }

    fn answer(self) -> HttpBody {
        HttpBody::number(self.n)
    }
}

impl Asked<HttpBody> for Part {
    fn name(&self) -> &str {
        &self.name
    }

    fn answer(self) -> HttpBody {
        self.file.unwrap_or_default()
    }
}

impl Answer for Item {
    fn number(n: i32) -> Self {
        Item { n, ..Item::default() }
    }

    fn add(&mut self, other: Self) {
        self.n += other.n;
    }
}

impl Answer for HttpBody {
    fn number(n: i32) -> Self {
        let data = format!("{n}\n").into_bytes();
        HttpBody { content_type: "text/x-lines".to_owned(), data, ..HttpBody::default() }
    }

    fn add(&mut self, other: Self) {
        self.data.extend(other.data);
    }
}

const UNARY: Streams = Streams { up: false, back: false };
const SERVER: Streams = Streams { up: false, back: true };
const CLIENT: Streams = Streams { up: true, back: false };
const BIDI: Streams = Streams { up: true, back: true };

pub struct Kinds;

#[tonic::async_trait]
impl kinds_server::Kinds for Kinds {
    type ServerStream = Messages<Item>;
    type BidiStream = Messages<Item>;
    type ServerBytesStream = Messages<HttpBody>;
    type BidiBytesStream = Messages<HttpBody>;

    async fn unary(&self, request: Request<Item>) -> Result<Response<Item>, Status> {
        only(act(UNARY, one(request))).await
    }

    async fn server(&self, request: Request<Item>) -> Result<Response<Messages<Item>>, Status> {
        Ok(Response::new(act(SERVER, one(request))))
    }

    async fn client(&self, request: Request<Streaming<Item>>) -> Result<Response<Item>, Status> {
        only(act(CLIENT, request)).await
    }

    async fn bidi(&self, request: Request<Streaming<Item>>) -> Result<Response<Messages<Item>>, Status> {
        Ok(Response::new(act(BIDI, request)))
    }

    async fn unary_bytes(&self, request: Request<Part>) -> Result<Response<HttpBody>, Status> {
        only(act(UNARY, one(request))).await
    }

    async fn server_bytes(&self, request: Request<Item>) -> Result<Response<Messages<HttpBody>>, Status> {
        Ok(Response::new(act(SERVER, one(request))))
    }

    async fn client_bytes(&self, request: Request<Streaming<Part>>) -> Result<Response<HttpBody>, Status> {
        only(act(CLIENT, request)).await
    }

    async fn bidi_bytes(&self, request: Request<Streaming<Part>>) -> Result<Response<Messages<HttpBody>>, Status> {
        Ok(Response::new(act(BIDI, request)))
    }

    async fn get_call(&self, request: Request<GetCallRequest>) -> Result<Response<Call>, Status> {
        let name = &request.get_ref().name;
        let Seen { received, half_closed, has_deadline, cancelled } = seen(name).ok_or_else(|| not_found("call", name))?;
        Ok(Response::new(Call { received, half_closed, has_deadline, cancelled }))
    }
}
