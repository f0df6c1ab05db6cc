// A TCP segment without data or options as a whole IP packet, for a raw socket (RFC 791, 8200, 9293).
import { parseCidr } from './cidr.ts';

export type Endpoint = { readonly address: string; readonly port: number };

export type Segment = {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly flags: 'ack' | 'syn' | 'syn-ack';
  readonly sequence: number;
  readonly acknowledgment: number;
};

const flagBits = { syn: 0x02, ack: 0x10, 'syn-ack': 0x12 } as const;
const tcpLength = 20;
const hopLimit = 64;
const protocol = 6;

/** Both addresses are of one family. An IPv4 header's id and checksum are left to the kernel, as raw(7) says. */
export function emptySegment({ from, to, flags, sequence, acknowledgment }: Segment): Uint8Array {
  const source = parseCidr(from.address);
  const destination = parseCidr(to.address);
  const four = source.family === 4;
  const ipLength = four ? 20 : 40;
  const packet = new Uint8Array(ipLength + tcpLength);
  const view = new DataView(packet.buffer);
  if (four) {
    view.setUint8(0, 0x45);
    view.setUint16(2, packet.length);
    view.setUint16(6, 0x4000); // don't fragment
    view.setUint8(8, hopLimit);
    view.setUint8(9, protocol);
    view.setUint32(12, Number(source.first));
    view.setUint32(16, Number(destination.first));
  } else {
    view.setUint8(0, 0x60);
    view.setUint16(4, tcpLength);
    view.setUint8(6, protocol);
    view.setUint8(7, hopLimit);
    for (const [at, { first }] of [
      [8, source],
      [24, destination],
    ] as const) {
      view.setBigUint64(at, first >> 64n);
      view.setBigUint64(at + 8, first & 0xffff_ffff_ffff_ffffn);
    }
  }
  view.setUint16(ipLength, from.port);
  view.setUint16(ipLength + 2, to.port);
  view.setUint32(ipLength + 4, sequence);
  view.setUint32(ipLength + 8, acknowledgment);
  view.setUint8(ipLength + 12, (tcpLength / 4) << 4);
  view.setUint8(ipLength + 13, flagBits[flags]);
  view.setUint16(ipLength + 14, 0xffff);
  view.setUint16(ipLength + 16, checksum(view, four ? 12 : 8));
  return packet;
}

/** Over the addresses, which start at `from`, the segment behind them, and what else a pseudo-header holds. */
function checksum(view: DataView, from: number): number {
  let sum = protocol + tcpLength;
  for (let at = from; at < view.byteLength; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
