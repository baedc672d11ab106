/** This service has rooms in which customers chat. It is an example of a method that streams in both directions. */
import { EventEmitter, on } from 'node:events';
import type { Handlers } from './service.js';
import { type Timestamp, timestamp } from './values.js';

interface ChatMessage {
  readonly room: string;
  readonly author: string;
  readonly text: string;
  readonly time: Timestamp | null;
}

/** Returns the handlers of the service, by method name. A room exists while at least one customer is in it. */
export function support(): Handlers {
  /** The listeners of each room, by the room's name. */
  const rooms = new Map<string, Set<EventEmitter>>();

  function say(room: string, author: string, text: string): void {
    const message: ChatMessage = { room, author, text, time: timestamp(Date.now()) };
    for (const listener of rooms.get(room) ?? []) listener.emit('said', message);
  }

  return {
    async *Chat(messages: AsyncIterable<ChatMessage>, signal: AbortSignal) {
      const listener = new EventEmitter();
      const said = on(listener, 'said', { signal, close: ['left'] }) as AsyncIterableIterator<[ChatMessage]>;
      let room: string | undefined;
      const leave = () => {
        const others = rooms.get(room ?? '');
        others?.delete(listener);
        if (others?.size === 0) rooms.delete(room ?? '');
        listener.emit('left');
      };
      const listen = async () => {
        for await (const message of messages) {
          if (room === undefined) {
            room = message.room;
            rooms.set(room, (rooms.get(room) ?? new Set()).add(listener));
          }
          say(room, message.author || 'somebody', message.text);
          say(room, 'clerk', answerTo(message));
        }
      };
      listen().then(leave, leave);
      try {
        for await (const [message] of said) yield message;
      } finally {
        leave();
      }
    },
  };
}

function answerTo({ author, text }: ChatMessage): string {
  if (/\border\b/i.test(text)) return 'Which number has the order?';
  return `Hello ${author || 'there'}! What can I do for you?`;
}
