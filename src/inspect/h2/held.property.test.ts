// A caller and a server that keep strictly to their windows, and count each other's, around a judge that holds bodies.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  DATA,
  END_STREAM,
  frame,
  numberFrame,
  RST_STREAM,
  settingsAck,
  settingsFrame,
  WINDOW_UPDATE,
} from '../../http/h2/frames.ts';
import type { TwinField } from '../../http/h2/testing/hpack-twin.ts';
import { defaultConnectionLimits } from '../connection-types.ts';
import { compileRules } from '../rules.ts';
import { headers, type RawFrame, rawRig, readFrames } from './testing/raw.ts';

const rules = compileRules([
  {
    id: 'CVE-1-1',
    onBody: { overBudget: 'pass' },
    rules: [
      {
        id: 'evil',
        phase: 'body',
        when: "request.resource == 'pods' && object.values('evil').size() > 0",
        action: 'deny',
        severity: 'major',
        message: 'No.',
      },
    ],
  },
]);

/** Longer ones go on uninspected, from where they are too long. */
const limits = { ...defaultConnectionLimits, bodyBytes: 150 };

type Asked = { readonly resource: 'pods' | 'configmaps'; readonly evil: boolean; readonly size: number };
type Move = { readonly who: 'caller' | 'server' | 'answer'; readonly which: number; readonly size: number };

const asked: fc.Arbitrary<Asked> = fc.record({
  resource: fc.constantFrom('pods', 'pods', 'configmaps'),
  evil: fc.boolean(),
  size: fc.integer({ min: 0, max: 300 }),
});
const move: fc.Arbitrary<Move> = fc.record({
  who: fc.constantFrom('caller', 'caller', 'server', 'answer'),
  which: fc.nat(20),
  size: fc.integer({ min: 1, max: 120 }),
});

/** Counts what a receiver has granted and what it was sent. */
class Windows {
  connection = 65_535;
  readonly streams = new Map<number, number>();
  initial: number;

  constructor(initial: number) {
    this.initial = initial;
  }

  of(stream: number): number {
    return this.streams.get(stream) ?? this.initial;
  }
  room(stream: number): number {
    return Math.min(this.connection, this.of(stream));
  }
  take(stream: number, size: number): void {
    this.connection -= size;
    this.streams.set(stream, this.of(stream) - size);
  }
  grant(stream: number, size: number): void {
    if (stream === 0) this.connection += size;
    else this.streams.set(stream, this.of(stream) + size);
  }
}

class World {
  readonly rig = rawRig({ rules, limits });
  readonly most: number;
  /** As the caller knows them, and as the server does. */
  readonly mine: Windows;
  readonly theirs: Windows;
  readonly bodies: readonly { readonly text: string; readonly refused: boolean }[];
  readonly sent: number[];
  readonly ended: boolean[];
  readonly over = new Set<number>();
  readonly got = new Map<number, { path: string; content: string; ended: boolean; owed: number }>();
  #server = 0;
  #client = 0;
  #requests = 0;
  #lastUp = 0;
  #begun = 0;
  readonly #asked: readonly Asked[];

  constructor(all: readonly Asked[], initial: number, connection: number) {
    this.#asked = all;
    this.bodies = all.map(({ resource, evil, size }) => {
      const text = JSON.stringify({ kind: 'x', ...(evil ? { evil } : {}), more: 'm'.repeat(size) });
      return { text, refused: resource === 'pods' && evil && text.length <= limits.bodyBytes };
    });
    this.sent = all.map(() => 0);
    this.ended = all.map(() => false);
    this.mine = new Windows(initial);
    this.theirs = new Windows(initial);
    // The connection's window begins at 65,535: a stream that nobody reads takes the most of it.
    const { rig } = this;
    rig.caller(headers(rig.requests, 1, this.#fields('configmaps', 0), false));
    for (let left = 65_535 - connection; left > 0; left -= 16_384) {
      rig.caller(frame(DATA, 0, 1, Buffer.alloc(Math.min(left, 16_384))));
    }
    rig.server(settingsFrame([[4, initial]]));
    rig.caller(settingsAck);
    this.most = connection;
    this.mine.connection = connection;
    this.theirs.connection = connection;
    this.#server = readFrames(rig.sink.server).length;
    this.#client = readFrames(rig.sink.client).length;
    this.#requests = 1;
    this.#lastUp = 1;
    rig.caller(headers(rig.requests, 3, this.#fieldsOf(0), false));
    this.look();
  }

  #fieldsOf(index: number): TwinField[] {
    return this.#fields(this.#asked[index]?.resource ?? 'pods', index);
  }

  #fields(resource: string, index: number): TwinField[] {
    const path = `/api/v1/namespaces/lab/${resource}?n=${index}`;
    return [
      [':method', 'POST'],
      [':scheme', 'https'],
      [':path', path],
      [':authority', 'k'],
      ['content-type', 'application/json'],
    ];
  }

  caller(which: number, size: number): boolean {
    const index = which % this.#asked.length;
    if (index > this.#begun) {
      this.#begun += 1;
      this.rig.caller(headers(this.rig.requests, 2 * this.#begun + 3, this.#fieldsOf(this.#begun), false));
      this.look();
      return true;
    }
    const id = 2 * index + 3;
    if (this.ended[index] || this.over.has(id)) return false;
    const text = this.bodies[index]?.text ?? '';
    const at = this.sent[index] ?? 0;
    const length = Math.min(size, this.mine.room(id), text.length - at);
    // The end comes with the last content, or in a frame of its own.
    const last = at === text.length || (at + length === text.length && size % 2 === 0);
    if (length <= 0 && !last) return false;
    this.mine.take(id, length);
    this.sent[index] = at + length;
    this.ended[index] = last;
    this.rig.caller(frame(DATA, last ? END_STREAM : 0, id, Buffer.from(text.slice(at, at + length))));
    this.look();
    return true;
  }

  /** The server reads what it has got, and grants as much. */
  server(which: number, size: number): boolean {
    const open = [...this.got].filter(([, { owed }]) => owed > 0);
    const [id, stream] = open[which % Math.max(open.length, 1)] ?? [];
    if (id === undefined || !stream) return false;
    const by = Math.min(size, stream.owed);
    stream.owed -= by;
    this.theirs.grant(0, by);
    const frames = [numberFrame(WINDOW_UPDATE, 0, by)];
    if (!stream.ended) {
      this.theirs.grant(id, by);
      frames.push(numberFrame(WINDOW_UPDATE, id, by));
    }
    this.rig.server(...frames);
    this.look();
    return true;
  }

  answer(which: number): boolean {
    const whole = [...this.got].filter(([, { ended, path }]) => ended && path !== '');
    const [id, stream] = whole[which % Math.max(whole.length, 1)] ?? [];
    if (id === undefined || !stream) return false;
    this.rig.server(headers(this.rig.answers, id, [[':status', '201']]));
    stream.path = '';
    this.look();
    return true;
  }

  /** Reads what the judge sent, and holds it to both sides' windows. */
  look(): void {
    const { sink } = this.rig;
    const heads = this.rig.forwarded();
    for (const one of readFrames(sink.server, true).slice(this.#server)) {
      this.#server++;
      this.#toServer(one, heads);
    }
    for (const { type, flags, stream, payload } of readFrames(sink.client, true).slice(this.#client)) {
      this.#client++;
      if (type === WINDOW_UPDATE) this.mine.grant(stream, payload.readUInt32BE(0));
      if ((type === 0 || type === 1) && flags & END_STREAM) this.over.add(stream);
      assert.ok(type !== 7, 'no GOAWAY');
    }
    assert.ok(this.mine.connection <= this.most, 'the caller is granted more than there is');
    for (const room of this.mine.streams.values()) {
      assert.ok(room <= this.mine.initial, 'the caller is granted more on a stream than there is');
    }
  }

  #toServer({ type, flags, stream, payload }: RawFrame, heads: readonly string[][]): void {
    if (type === 1) {
      assert.ok(stream > this.#lastUp, 'numbers rise');
      this.#lastUp = stream;
      const path = heads[this.#requests++]?.find((field) => field.startsWith(':path')) ?? '';
      this.got.set(stream, { path, content: '', ended: (flags & END_STREAM) !== 0, owed: 0 });
    }
    if (type !== 0) return;
    const known = this.got.get(stream);
    assert.ok(known && !known.ended, 'DATA on an open stream');
    this.theirs.take(stream, payload.length);
    assert.ok(this.theirs.connection >= 0 && this.theirs.of(stream) >= 0, 'the server is overrun');
    known.content += payload.toString();
    known.owed += payload.length;
    known.ended = (flags & END_STREAM) !== 0;
  }

  finish(): void {
    for (let moved = true, round = 0; moved; round++) {
      assert.ok(round < 10_000, 'it comes to an end');
      moved = false;
      for (let index = 0; index < this.#asked.length; index++)
        moved = this.caller(index, 50 + (round % 2)) || moved;
      moved = this.server(0, 70) || moved;
      moved = this.answer(0) || moved;
    }
  }
}

test('any order of frames and windows: no window is overrun, all that may pass arrives, nothing of the refused', () => {
  fc.assert(
    fc.property(
      fc.array(asked, { minLength: 1, maxLength: 5 }),
      fc.array(move, { maxLength: 60 }),
      fc.integer({ min: 20, max: 400 }),
      fc.integer({ min: 20, max: 400 }),
      (all, moves, initial, connection) => {
        const world = new World(all, initial, connection);
        for (const { who, which, size } of moves) {
          if (who === 'caller') world.caller(which, size);
          else if (who === 'server') world.server(which, size);
          else world.answer(which);
        }
        world.finish();
        const passed = world.bodies.filter(({ refused }) => !refused).map(({ text }) => text);
        const arrived = [...world.got.values()];
        assert.deepEqual(arrived.map(({ content }) => content).sort(), [...passed].sort());
        assert.ok(arrived.every(({ ended }) => ended));
        assert.equal(world.over.size, all.length);
        world.rig.caller(numberFrame(RST_STREAM, 1, 8));
        assert.equal(world.rig.judge.idle, true);
      },
    ),
    { numRuns: 300 },
  );
});
