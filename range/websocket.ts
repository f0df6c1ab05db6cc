// WebSocket (RFC 6455), the server's side: the handshake's answer, and frames. Enough for watches and remote commands.
import { createHash } from 'node:crypto';
import type { Exchange } from './http-server.ts';
import { values } from './http1.ts';

export function isWebSocketRequest(exchange: Exchange): boolean {
  return (
    values(exchange.fields, 'connection').some((value) => /(^|,)\s*upgrade\s*(,|$)/i.test(value)) &&
    exchange.header('upgrade')?.toLowerCase() === 'websocket'
  );
}

/**
 * Answers the handshake and takes the socket over, giving the bytes that came already. One that lacks what it needs is
 * refused in golang.org/x/net/websocket's bare way (no length, then the end) and gives undefined. Watches need an Origin;
 * the channels of remote commands a subprotocol that is known.
 * @param accepted the subprotocol chosen, if any; `refused` when what was offered, or the Origin's absence, won't do
 */
export function acceptWebSocket(
  exchange: Exchange,
  accepted: { readonly protocol?: string } | 'refused',
): Buffer | undefined {
  const { socket } = exchange;
  const key = exchange.header('sec-websocket-key');
  const early = exchange.hijack();
  if (exchange.method !== 'GET' || !key || exchange.header('sec-websocket-version') !== '13') {
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\nbad handshake');
    return undefined;
  }
  if (accepted === 'refused') {
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    return undefined;
  }
  const { protocol } = accepted;
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  const chosen = protocol === undefined ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`;
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${chosen}\r\n`,
  );
  return early;
}

export type FrameKind = 'text' | 'binary' | 'close' | 'ping' | 'pong';
const opcodes: Readonly<Record<FrameKind, number>> = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

/** One whole frame, unmasked (a server's). */
export function encodeFrame(kind: FrameKind, payload: Buffer): Buffer {
  const { length } = payload;
  const head =
    length < 126
      ? Buffer.from([0, length])
      : length < 65_536
        ? Buffer.from([0, 126, length >> 8, length & 0xff])
        : Buffer.concat([Buffer.from([0, 127, 0, 0, 0, 0]), uint32(length)]);
  head[0] = 0x80 | opcodes[kind];
  return Buffer.concat([head, payload]);
}

export type Frame = { readonly opcode: number; readonly payload: Buffer };

/** Takes bytes in any pieces and gives whole frames. Throws RangeError on a frame over 1 MiB. */
export function createFrameReader(): (bytes: Buffer) => Frame[] {
  let pending: Buffer = Buffer.alloc(0);
  return (bytes) => {
    pending = Buffer.concat([pending, bytes]);
    const frames: Frame[] = [];
    for (let frame = next(); frame; frame = next()) frames.push(frame);
    return frames;
  };

  function next(): Frame | undefined {
    if (pending.length < 2) return undefined;
    const short = pending.readUInt8(1) & 0x7f;
    const masked = (pending.readUInt8(1) & 0x80) !== 0;
    let at = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (pending.length < at) return undefined;
    const length =
      short === 126 ? pending.readUInt16BE(2) : short === 127 ? Number(pending.readBigUInt64BE(2)) : short;
    if (length > 1 << 20) throw new RangeError('frame over 1 MiB');
    const mask = masked ? pending.subarray(at, at + 4) : undefined;
    if (masked) at += 4;
    if (pending.length < at + length) return undefined;
    const payload = Buffer.from(pending.subarray(at, at + length));
    if (mask)
      for (let index = 0; index < length; index += 1)
        payload[index] = (payload[index] ?? 0) ^ (mask[index & 3] ?? 0);
    const frame = { opcode: pending.readUInt8(0) & 0x0f, payload };
    pending = pending.subarray(at + length);
    return frame;
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
