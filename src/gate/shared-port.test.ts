// A port that servers share, before any of them is named: nobody who waits there keeps the others out, and nothing that
// befalls it ends the process.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, test } from 'node:test';
import { connect as secureConnect } from 'node:tls';
import { defaultLimits, type Limits } from '../model/limits.ts';
import { createSharedPort, type SharedPort } from './shared-port.ts';

const sockets: Socket[] = [];
let port: SharedPort | undefined;
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  port?.destroy();
});

/** What happened at the port, and a way to wait for it. */
async function listening(limits: Partial<Limits>) {
  const events: string[] = [];
  const arrivals = new Set<() => void>();
  const clock = { now: 0 };
  const tell = (event: string) => {
    events.push(event);
    for (const arrival of arrivals) arrival();
  };
  const one = createSharedPort({
    route(name) {
      if (name !== 'prod.example') return undefined;
      return (socket) => {
        sockets.push(socket);
        tell('routed');
      };
    },
    refused: tell,
    timedOut: (what) => tell(`late ${what}`),
    failed: (error) => tell(error.message),
    trusted: (address) => address === '127.0.0.9',
    now: () => clock.now,
    limits: { ...defaultLimits, ...limits },
  });
  port = one;
  one.server.on('connection', () => tell('came'));
  one.server.listen(0, '127.0.0.1');
  await once(one.server, 'listening');
  const at = (one.server.address() as AddressInfo).port;
  const until = async (count: number, event: string) => {
    while (events.filter((each) => each === event).length < count) {
      await new Promise<void>((resolve) => {
        const arrival = () => {
          arrivals.delete(arrival);
          resolve();
        };
        arrivals.add(arrival);
      });
    }
  };
  /** Comes and says nothing. */
  const silent = async (from: string): Promise<Socket> => {
    const before = events.filter((each) => each === 'came').length;
    const socket = connect({ port: at, host: '127.0.0.1', localAddress: from });
    sockets.push(socket);
    socket.on('error', () => {});
    socket.resume();
    await until(before + 1, 'came');
    return socket;
  };
  const says = (name: string, from: string) => {
    const raw = connect({ port: at, host: '127.0.0.1', localAddress: from });
    const socket = secureConnect({ socket: raw, servername: name });
    for (const each of [raw, socket]) {
      sockets.push(each);
      each.on('error', () => {});
    }
  };
  return { events, clock, until, silent, says, port: one };
}

test('an error of accepting is told, and ends nothing', async () => {
  const { port, events, says, until } = await listening({});
  port.server.emit('error', new Error('accept EMFILE'));
  says('prod.example', '127.0.0.1');
  await until(1, 'routed');
  assert.deepEqual(events, ['accept EMFILE', 'came', 'routed']);
});

test('one source that says nothing has its share, and others come in', async () => {
  const { events, silent, says, until } = await listening({ unauthenticatedPerSource: 2 });
  for (let n = 0; n < 3; n++) await silent('127.0.0.1');
  await until(1, 'too-many-unauthenticated');
  says('prod.example', '127.0.0.2');
  await until(1, 'routed');
  assert.equal(events.filter((event) => event === 'too-many-unauthenticated').length, 1);
});

test('many sources that say nothing make room, the longest waiting first and a control plane never', async () => {
  const { events, silent, says, until } = await listening({ unauthenticated: 2 });
  const trusted = await silent('127.0.0.9');
  const first = await silent('127.0.0.1');
  const closed = once(first, 'close');
  const second = await silent('127.0.0.2');
  await closed;
  says('prod.example', '127.0.0.3');
  await until(1, 'routed');
  assert.deepEqual(
    events.filter((event) => event !== 'came'),
    ['unauthenticated-over-limit', 'unauthenticated-over-limit', 'routed'],
  );
  assert.equal(trusted.readyState, 'open');
  if (second.readyState !== 'closed') await once(second, 'close');
});

test('who was heard takes no room, and who says nothing in time is closed', async () => {
  const { clock, events, silent, says, until, port } = await listening({
    unauthenticatedPerSource: 1,
    handshakeMs: 1_000,
  });
  says('prod.example', '127.0.0.1');
  await until(1, 'routed');
  says('other.example', '127.0.0.1');
  await until(1, 'unknown-server-name');
  const late = await silent('127.0.0.1');
  port.sweep(1_000);
  assert.ok(!events.includes('late handshake'), 'its time is not over');
  clock.now = 1_001;
  port.sweep(1_001);
  await once(late, 'close');
  assert.equal(events.at(-1), 'late handshake');
});
