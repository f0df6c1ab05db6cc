// Bytes that no client library sends as a test wants them: pipelined, split, half-closed, WebSocket handshakes of each
// protocol version. HTTP/1.1.
import assert from 'node:assert/strict';
import type { RawAnswer } from '../../range/request.ts';
import { type Clients, gatePort } from './world.ts';

type RawRow = {
  readonly what: string;
  readonly packets: readonly string[];
  readonly halfClose?: boolean;
  check(answer: RawAnswer): void;
};

const get = (path: string, ...fields: readonly string[]) =>
  [`GET ${path} HTTP/1.1`, 'Host: x', ...fields, '', ''].join('\r\n');
const pod = '/api/v1/namespaces/lab/pods/web';
const statuses = ({ received }: RawAnswer) =>
  [...received.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));
const shake = (protocols: string) =>
  get(
    `${pod}/exec?command=echo&command=channels&stdout=true`,
    'Connection: keep-alive, Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: cG9ydGN1bGxpcy1yYW5nZQ==',
    `Sec-WebSocket-Protocol: ${protocols}`,
  );
const channels =
  (protocol: string) =>
  ({ status, received, closed }: RawAnswer): void => {
    assert.equal(status, 101);
    assert.match(received, new RegExp(`Sec-WebSocket-Protocol: ${protocol}\r\n`));
    assert.match(received, /\x82\x0a\x01channels\n\x82.\x03\{"metadata":\{\},"status":"Success"\}/);
    assert.ok(closed, 'the command is over, and so is its connection');
  };

export const rawRows: readonly RawRow[] = [
  {
    what: 'pipelined requests are answered in order',
    packets: [[get('/version'), get(pod), get(`${pod}x`), get('/healthz', 'Connection: close')].join('')],
    check(answer) {
      assert.deepEqual(statuses(answer), [200, 200, 404, 200]);
      assert.match(answer.received, /"gitVersion".*"kind":"Pod".*"reason":"NotFound".*\r\n\r\nok$/s);
    },
  },
  {
    what: 'a head in pieces',
    packets: get(pod, 'Connection: close').match(/.{1,12}/gs) ?? [],
    check: (answer) => assert.deepEqual(statuses(answer), [200]),
  },
  {
    what: 'a caller who ends its side after asking has its answer',
    packets: [get(pod)],
    halfClose: true,
    check(answer) {
      assert.deepEqual(statuses(answer), [200]);
      assert.match(answer.received, /"name":"web"/);
      assert.ok(answer.closed);
    },
  },
  {
    what: 'a caller who asks for the end has it after its answer',
    packets: [get(pod, 'Connection: close')],
    check(answer) {
      assert.deepEqual(statuses(answer), [200]);
      assert.ok(answer.closed);
    },
  },
  {
    what: 'a body is asked for and sent',
    packets: [
      'POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n' +
        'Content-Type: application/json\r\nContent-Length: 11\r\nConnection: close\r\n\r\n',
      '{"spec":{}}',
    ],
    check: (answer) => assert.deepEqual(statuses(answer), [100, 201]),
  },
  { what: 'v4.channel.k8s.io', packets: [shake('v4.channel.k8s.io')], check: channels('v4.channel.k8s.io') },
  {
    what: 'v5.channel.k8s.io',
    packets: [shake('v5.channel.k8s.io, v4.channel.k8s.io')],
    check: channels('v5.channel.k8s.io'),
  },
  {
    what: 'a subprotocol that the server doesn’t know is refused by the server',
    packets: [shake('v9.channel.k8s.io')],
    check({ received, closed }) {
      assert.match(received, /^HTTP\/1\.1 403 Forbidden\r\n/);
      assert.ok(closed);
    },
  },
];

export async function checkRaw(clients: Clients, row: RawRow): Promise<void> {
  const [answer] = await clients.range.request('developer', [
    {
      port: gatePort,
      packets: row.packets,
      halfClose: row.halfClose ?? false,
      certFile: clients.pki('developer.crt'),
      keyFile: clients.pki('developer.key'),
      // Each ends with its connection: nothing is waited for.
      quietMs: 90_000,
      timeoutMs: 90_000,
    },
  ]);
  assert.ok(answer);
  row.check(answer);
}
