import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOpenSessions } from './open-sessions.ts';

test('a connection that one agent forwards and another one ends is one, and old reports are forgotten', () => {
  let mono = 0;
  const open = createOpenSessions({ now: () => mono, mono: () => mono });
  const one = { server: 'prod/api', address: '10.9.1.1' };
  open.take({ agent: 'node', open: [{ ...one, sessions: 3, forwarded: true }] });
  assert.deepEqual(
    open.list().map(({ sessions }) => sessions),
    [3],
  );
  mono = 30_000;
  open.take({
    agent: 'cp',
    open: [
      { ...one, sessions: 5 },
      { ...one, server: 'prod/other', sessions: 1 },
    ],
  });
  const told = () => open.list().map(({ server, sessions, at }) => `${server} ${sessions} ${at}`);
  assert.deepEqual(told(), ['prod/api 5 1970-01-01T00:00:30.000Z', 'prod/other 1 1970-01-01T00:00:30.000Z']);
  mono = 95_000;
  assert.deepEqual(told(), []);
});
