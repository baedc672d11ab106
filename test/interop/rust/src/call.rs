//! One call of a method of Kinds, whatever its messages are.

use std::collections::HashMap;
use std::future::pending;
use std::pin::Pin;
use std::sync::Mutex;

use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status};

use crate::not_found;

/// A message of a client.
pub trait Asked<A>: Send + 'static {
    fn name(&self) -> &str;
    /// Returns the answer with the content of the message.
    fn answer(self) -> A;
}

/// A message of this server.
pub trait Answer: Send + 'static {
    fn number(n: i32) -> Self;
    fn add(&mut self, other: Self);
}

pub type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[derive(Clone, Copy)]
pub struct Streams {
    pub up: bool,
    pub back: bool,
}

/// The facts that the server has seen of a call.
#[derive(Clone, Copy, Default)]
pub struct Seen {
    pub received: i32,
    pub half_closed: bool,
    pub has_deadline: bool,
    pub cancelled: bool,
}

static CALLS: Mutex<Option<HashMap<String, Seen>>> = Mutex::new(None);

/// Returns what the server has seen of the call with this name so far.
pub fn seen(name: &str) -> Option<Seen> {
    CALLS.lock().unwrap().as_ref()?.get(name).copied()
}

/// Makes a stream of one message from the request of a method without client streaming.
pub fn one<Q: Send + 'static>(request: Request<Q>) -> Request<Messages<Q>> {
    let (metadata, extensions, message) = request.into_parts();
    Request::from_parts(metadata, extensions, Box::pin(tokio_stream::once(Ok(message))))
}

/// Makes one answer from the stream of a method without server streaming.
pub async fn only<A>(mut answers: Messages<A>) -> Result<Response<A>, Status> {
    let answer = answers.next().await.unwrap_or_else(|| Err(Status::internal("no answer")))?;
    // The call is over when the stream has ended.
    while answers.next().await.is_some() {}
    Ok(Response::new(answer))
}

/// Returns the answers of a call. The stream is dropped when the client cancels the call.
pub fn act<Q: Asked<A>, A: Answer>(
    streams: Streams,
    request: Request<impl Stream<Item = Result<Q, Status>> + Unpin + Send + 'static>,
) -> Messages<A> {
    let has_deadline = request.metadata().contains_key("grpc-timeout");
    let seen = Seen { has_deadline, cancelled: true, ..Seen::default() };
    let mut call = Call { messages: request.into_inner(), name: String::new(), seen };
    Box::pin(async_stream::try_stream! {
        let first = call.receive().await?.ok_or_else(|| Status::invalid_argument("no message"))?;
        match call.name.split('/').nth(1).unwrap_or_default() {
            "success" if streams.up && streams.back => {
                let mut next = Some(first);
                while let Some(message) = next {
                    yield message.answer();
                    next = call.receive().await?;
                }
            }
            "success" if streams.back => {
                for n in 1..=3 {
                    yield A::number(n);
                }
            }
            "success" => {
                let mut sum = first.answer();
                if streams.up {
                    while let Some(message) = call.receive().await? {
                        sum.add(message.answer());
                    }
                }
                yield sum;
            }
            "refused" => {
                call.end();
                Err(not_found("case", &call.name))?;
            }
            "failing" => {
                if streams.back {
                    yield A::number(1);
                } else {
                    call.receive().await?;
                }
                call.end();
                Err(not_found("case", &call.name))?;
            }
            "hanging" => {
                if streams.back {
                    yield A::number(1);
                }
                while streams.up && call.receive().await?.is_some() {}
                pending::<()>().await;
            }
            "early" => yield first.answer(),
            _ => Err(Status::invalid_argument(call.name.clone()))?,
        }
        call.end();
    })
}

struct Call<M> {
    messages: M,
    /// The name in its first message.
    name: String,
    /// `cancelled` stays false in the list until this is dropped.
    seen: Seen,
}

impl<M> Call<M> {
    /// Returns the next message; None when the client has ended its messages.
    async fn receive<Q: Asked<A>, A>(&mut self) -> Result<Option<Q>, Status>
    where
        M: Stream<Item = Result<Q, Status>> + Unpin,
    {
        let message = self.messages.next().await.transpose()?;
        match &message {
            None => self.seen.half_closed = true,
            Some(message) => {
                if self.name.is_empty() {
                    self.name = message.name().to_owned();
                }
                self.seen.received += 1;
            }
        }
        self.note(false);
        Ok(message)
    }

    /// Says that the server ends the call.
    fn end(&mut self) {
        self.seen.cancelled = false;
    }

    fn note(&self, cancelled: bool) {
        if !self.name.is_empty() {
            let mut calls = CALLS.lock().unwrap();
            calls.get_or_insert_default().insert(self.name.clone(), Seen { cancelled, ..self.seen });
        }
    }
}

impl<M> Drop for Call<M> {
    fn drop(&mut self) {
        self.note(self.seen.cancelled);
    }
}
