// Watches: a stream of events that goes on until someone ends it, as JSON lines or over a WebSocket.
import type { Exchange } from './http-server.ts';
import { acceptWebSocket, encodeFrame, isWebSocketRequest } from './websocket.ts';

export type WatchSource = {
  /** Events to begin with (ADDED, when the client gave no resource version). */
  readonly first: readonly unknown[];
  /** Calls back for every event from then on, until `signal` aborts. */
  follow(emit: (event: unknown) => void, signal: AbortSignal): void;
  /** `timeoutSeconds` of the request; 0 for none. */
  readonly timeoutSeconds: number;
};

/** Resolves when the watch is over. Gives the status through `onStatus` at once. */
export async function serveWatch(
  exchange: Exchange,
  source: WatchSource,
  onStatus: (code: number) => void,
): Promise<void> {
  const overWebSocket = isWebSocketRequest(exchange);
  let write: (event: unknown) => void;
  let end: () => void;
  if (overWebSocket) {
    const hasOrigin = exchange.header('origin') !== undefined;
    onStatus(hasOrigin ? 101 : 403);
    if (acceptWebSocket(exchange, hasOrigin ? {} : 'refused') === undefined) return;
    exchange.socket.resume();
    write = (event) => exchange.socket.write(encodeFrame('text', Buffer.from(JSON.stringify(event))));
    end = () => exchange.socket.end(encodeFrame('close', Buffer.alloc(0)));
  } else {
    onStatus(200);
    const stream = exchange.stream(200, [['Content-Type', 'application/json']]);
    write = (event) => {
      // A client that doesn't keep up loses its watch, as on the real server; it lists again.
      if (stream.out.writableLength > 1 << 20) exchange.abort();
      else stream.write(`${JSON.stringify(event)}\n`);
    };
    end = stream.end;
  }
  for (const event of source.first) write(event);
  const { gone } = exchange;
  const over = new AbortController();
  await new Promise<void>((resolve) => {
    source.follow(write, over.signal);
    const limit = source.timeoutSeconds > 0 ? setTimeout(finish, source.timeoutSeconds * 1000) : undefined;
    function finish(): void {
      over.abort();
      clearTimeout(limit);
      gone.removeEventListener('abort', finish);
      resolve();
    }
    gone.addEventListener('abort', finish);
    if (gone.aborted) finish();
  });
  if (!gone.aborted) end();
}
