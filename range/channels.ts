// Remote commands over WebSocket: messages begin with the number of their channel (k8s.io/apimachinery wsstream).
import { connect } from 'node:net';
import type { Exchange } from './http-server.ts';
import { values } from './http1.ts';
import { drained } from './spdy.ts';
import { acceptWebSocket, createFrameReader, encodeFrame } from './websocket.ts';

type Channels = {
  readonly protocol: string | undefined;
  send(channel: number, bytes: Buffer | string): Promise<void>;
  end(): void;
};

/** Accepts a WebSocket whose messages begin with the number of their channel; undefined when it was refused. */
export function acceptChannels(
  exchange: Exchange,
  known: readonly string[],
  received: { readonly [channel: number]: (bytes: Buffer) => unknown; end(): void },
): Channels | undefined {
  const { socket } = exchange;
  const offered = values(exchange.fields, 'sec-websocket-protocol').flatMap((value) =>
    value.split(/\s*,\s*/),
  );
  const protocol = offered.find((one) => known.includes(one));
  const accepted = protocol !== undefined ? { protocol } : offered.length === 0 ? {} : 'refused';
  const early = acceptWebSocket(exchange, accepted);
  if (!early) return undefined;
  const frames = createFrameReader();
  const feed = (bytes: Buffer) => {
    try {
      for (const { opcode, payload } of frames(bytes)) {
        if (opcode === 8) received.end();
        else if (opcode === 9) socket.write(encodeFrame('pong', payload));
        else if (payload.length > 1) received[payload.readUInt8(0)]?.(payload.subarray(1));
      }
    } catch {
      socket.destroy();
    }
  };
  socket.on('close', received.end);
  socket.on('end', received.end);
  feed(early);
  socket.on('data', feed);
  socket.resume();
  return {
    protocol,
    async send(channel, bytes) {
      if (!socket.writable) return;
      const frame = encodeFrame('binary', Buffer.concat([Buffer.from([channel]), Buffer.from(bytes)]));
      if (!socket.write(frame)) await drained(socket);
    },
    end() {
      if (socket.writable) socket.end(encodeFrame('close', Buffer.from([0x03, 0xe8])));
    },
  };
}

/** One connection of the pod for each port: an even channel for its bytes, the odd one after it for an error. */
export function forwardChannels(
  exchange: Exchange,
  ports: readonly number[],
  known: readonly string[],
): void {
  const targets = ports.map((port) => connect({ host: '127.0.0.1', port }));
  const channels = acceptChannels(exchange, known, {
    ...Object.fromEntries(
      targets.map((target, index) => [2 * index, (bytes: Buffer) => target.write(bytes)]),
    ),
    end: () => {
      for (const target of targets) target.end();
    },
  });
  if (!channels) {
    for (const target of targets) target.destroy();
    return;
  }
  for (const [index, target] of targets.entries()) {
    const port = Buffer.alloc(2);
    port.writeUInt16LE(ports[index] ?? 0);
    void channels.send(2 * index, port);
    void channels.send(2 * index + 1, port);
    target.on('error', ({ message }) => void channels.send(2 * index + 1, message));
    target.on('data', (chunk: Buffer) => {
      target.pause();
      void channels.send(2 * index, chunk).then(() => target.resume());
    });
    target.on('close', () => {
      if (targets.every(({ closed }) => closed)) channels.end();
    });
    exchange.gone.addEventListener('abort', () => target.destroy());
  }
}
