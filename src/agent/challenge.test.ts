import assert from 'node:assert/strict';
import { test } from 'node:test';
import { challengeMark } from '../nft/table.ts';
import { challengeEnds, type OpenSockets } from './challenge.ts';
import { parseFlow } from './conntrack-events.ts';

/** A caller who asked for a service address and was masqueraded on the way. */
const line =
  'tcp 6 431999 ESTABLISHED src=192.0.2.1 dst=10.96.0.1 sport=40000 dport=443 src=10.0.0.1 dst=10.2.0.9 sport=6443 dport=50000 [ASSURED] use=1 id=7';
const flow = parseFlow(line);
assert.ok(flow);

/** Sockets that answer each packet with the next of the answers, and the last one ever after. */
function socketsThat(...answers: (string | undefined)[]) {
  const sent: string[] = [];
  let closed = 0;
  const open: OpenSockets = (mark) => {
    assert.equal(mark, challengeMark);
    return {
      send(packet) {
        const answer = answers.length > 1 ? answers.shift() : answers[0];
        if (answer === undefined) sent.push(described(packet));
        return answer;
      },
      [Symbol.dispose]() {
        closed += 1;
      },
    };
  };
  return { open, sent, closed: () => closed };
}

function described(packet: Uint8Array): string {
  const view = new DataView(packet.buffer);
  const address = (at: number) => packet.subarray(at, at + 4).join('.');
  const flags = view.getUint8(33).toString(16);
  return `${address(12)}:${view.getUint16(20)} ${address(16)}:${view.getUint16(22)} ${flags}`;
}

const everything = [
  '10.96.0.1:443 192.0.2.1:40000 10',
  '10.96.0.1:443 192.0.2.1:40000 12',
  '10.2.0.9:50000 10.0.0.1:6443 10',
  '10.2.0.9:50000 10.0.0.1:6443 2',
];

test('each end hears of the connection as it knows it, before NAT and after it', async () => {
  const { open, sent, closed } = socketsThat(undefined);
  assert.equal(await challengeEnds(open, [flow]), undefined);
  assert.deepEqual(sent, everything);
  assert.equal(closed(), 1);
});

test('sockets that have no room for now are waited for', async () => {
  const { open, sent } = socketsThat('full', 'full', undefined, 'full', undefined);
  assert.equal(await challengeEnds(open, [flow]), undefined);
  assert.deepEqual(sent, everything);
});

test('what fails is told, and the rest is sent', async () => {
  const { open, sent, closed } = socketsThat('network is unreachable', undefined);
  assert.equal(await challengeEnds(open, [flow]), '1 of 4 packets could not be sent: network is unreachable');
  assert.deepEqual(sent, everything.slice(1));
  assert.equal(closed(), 1);
});

test('no sockets, no challenge; that is known before there is anything to cut', async () => {
  const refused: OpenSockets = () => {
    throw new Error('raw socket: operation not permitted');
  };
  assert.equal(await challengeEnds(refused, []), 'raw socket: operation not permitted');
  assert.equal(await challengeEnds(socketsThat(undefined).open, []), undefined);
});

test('of very many connections the first are challenged, and the others counted', async () => {
  const { open, sent } = socketsThat(undefined);
  const many = Array.from({ length: 50_003 }, () => flow);
  assert.equal(await challengeEnds(open, many), '3 were too many');
  assert.equal(sent.length, 200_000);
});
