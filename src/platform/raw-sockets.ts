// Sends whole IP packets. Node has no raw sockets: the C library is called through node:ffi, here and nowhere else
// (docs/decisions/0015-idle-forwarded.md). Signatures and numbers are those of Linux on x64 and arm64.
import { getSystemErrorMessage, getSystemErrorName } from 'node:util';

export type RawSockets = {
  /** Undefined when the kernel took it, `full` when it can't for now, else why not. */
  send(packet: Uint8Array): string | undefined;
  [Symbol.dispose](): void;
};

/** Address family, and where addresses are in a `sockaddr` and in a packet. */
const versions = {
  4: { family: 2, length: 16, at: 4, from: 16, to: 20 },
  6: { family: 10, length: 28, at: 8, from: 24, to: 40 },
} as const;
const rawSocket = 3;
const closeOnExec = 0o2000000;
/** IPPROTO_RAW: packets come with their own headers, and none are received. */
const rawProtocol = 255;
const socketLevel = 1;
const markOption = 36;
const sendBufferForceOption = 32;
/** A neighbour that doesn't answer ARP holds back 200 KiB of packets for seconds: the others must not wait for it. */
const sendBuffer = 64 << 20;
const dontWait = 0x40;
const forNow = new Set(['EAGAIN', 'ENOBUFS', 'EINTR']);

function loadLibc() {
  const ffi = process.getBuiltinModule('node:ffi');
  if (!ffi) throw new Error('this Node has no node:ffi');
  const { functions } = ffi.dlopen(null, {
    socket: { return: 'int32', arguments: ['int32', 'int32', 'int32'] },
    setsockopt: { return: 'int32', arguments: ['int32', 'int32', 'int32', 'buffer', 'uint32'] },
    sendto: { return: 'int64', arguments: ['int32', 'buffer', 'uint64', 'int32', 'buffer', 'uint32'] },
    close: { return: 'int32', arguments: ['int32'] },
    __errno_location: { return: 'pointer', arguments: [] },
  });
  return { functions, errno: () => -ffi.getInt32(functions.__errno_location()) };
}

/** Loaded once: every load takes memory that is not given back. */
let libc: ReturnType<typeof loadLibc> | undefined;

/**
 * Packets carry the mark, which netfilter sees and the wire doesn't. Needs CAP_NET_RAW.
 * @throws Error, also where this Node has no node:ffi
 */
export function openRawSockets(mark: number): RawSockets {
  libc ??= loadLibc();
  const { functions, errno } = libc;
  const sockets: number[] = [];
  const close = () => {
    for (const socket of sockets) functions.close(socket);
  };

  function open(family: number): number {
    const socket = functions.socket(family, rawSocket | closeOnExec, rawProtocol);
    if (socket === -1) throw new Error(`raw socket: ${getSystemErrorMessage(errno())}`);
    sockets.push(socket);
    const set = (option: number, value: number) => {
      const bytes = new Uint8Array(Int32Array.of(value).buffer);
      return functions.setsockopt(socket, socketLevel, option, bytes, bytes.length);
    };
    if (set(markOption, mark) === -1)
      throw new Error(`mark of a raw socket: ${getSystemErrorMessage(errno())}`);
    set(sendBufferForceOption, sendBuffer); // without, a neighbour that is gone can hold up the others
    return socket;
  }

  try {
    const four = open(versions[4].family);
    let six: number | undefined;
    try {
      six = open(versions[6].family);
    } catch {
      // A host may have no IPv6. Then nothing is sent by it.
    }
    return {
      send(packet) {
        const isFour = (packet[0] ?? 0) >> 4 === 4;
        const socket = isFour ? four : six;
        if (socket === undefined) return 'this host has no IPv6';
        const { family, length, at, from, to } = versions[isFour ? 4 : 6];
        const address = new Uint8Array(length);
        address[0] = family;
        address.set(packet.subarray(from, to), at);
        const sent = functions.sendto(socket, packet, BigInt(packet.length), dontWait, address, length);
        if (sent !== -1n) return undefined;
        const error = errno();
        return forNow.has(getSystemErrorName(error)) ? 'full' : getSystemErrorMessage(error);
      },
      [Symbol.dispose]: close,
    };
  } catch (error) {
    close();
    throw error;
  }
}
