// A DNS server on loopback that answers A and AAAA queries from a table (RFC 1035, §4), for tests.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

export type FakeDns = {
  /** `ADDRESS:PORT`. */
  readonly server: string;
  /**
   * By name: its addresses, or `nxdomain`, or `servfail`. A name that isn't here doesn't exist. Each answer holds for `ttl`
   * seconds.
   */
  readonly zone: Map<string, readonly string[] | 'nxdomain' | 'servfail'>;
  ttl: number;
  /** Questions asked so far, by name. */
  readonly asked: Map<string, number>;
  close(): Promise<void>;
};

export async function fakeDns(): Promise<FakeDns> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const self: FakeDns = {
    server: `127.0.0.1:${socket.address().port}`,
    zone: new Map(),
    ttl: 60,
    asked: new Map(),
    async close() {
      socket.close();
      await once(socket, 'close');
    },
  };
  socket.on('message', (query, from) => {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length));
      at += length + 1;
    }
    const name = labels.join('.').toLowerCase();
    const type = query.readUInt16BE(at + 1);
    const question = query.subarray(12, at + 5);
    self.asked.set(name, (self.asked.get(name) ?? 0) + 1);
    const known = self.zone.get(name) ?? 'nxdomain';
    const code = known === 'nxdomain' ? 3 : known === 'servfail' ? 2 : 0;
    const addresses =
      typeof known === 'string' ? [] : known.filter((one) => one.includes(':') === (type === 28));
    const header = Buffer.alloc(12);
    header.writeUInt16BE(query.readUInt16BE(0), 0);
    header.writeUInt16BE(0x8180 | code, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(addresses.length, 6);
    const answers = addresses.map((address) => {
      const data = bytesOf(address);
      const record = Buffer.alloc(12);
      record.writeUInt16BE(0xc00c, 0);
      record.writeUInt16BE(type, 2);
      record.writeUInt16BE(1, 4);
      record.writeUInt32BE(self.ttl, 6);
      record.writeUInt16BE(data.length, 10);
      return Buffer.concat([record, data]);
    });
    socket.send(Buffer.concat([header, question, ...answers]), from.port, from.address);
  });
  return self;
}

/** IPv6 only as `prefix::n`, which is all that tests write. */
function bytesOf(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail = ''] = address.split('::');
  const words = (text: string) =>
    text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16));
  const [first, last] = [words(head), words(tail)];
  const all = [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
  return Buffer.from(all.flatMap((word) => [word >> 8, word & 255]));
}
