import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coverOf } from './cover.ts';

test('a shield acts where its stage and its mode let it, and where the stage is kept', () => {
  const rows: readonly [Parameters<typeof coverOf>[0], ReturnType<typeof coverOf>][] = [
    [{ tier: 1, stage: 'inspect', mode: 'enforce' }, 'acts'],
    [{ tier: 1, stage: 'inspect', mode: 'enforce', kept: false }, 'waits'],
    [{ tier: 1, stage: 'observe', mode: 'enforce' }, 'waits'],
    [{ tier: 1, stage: 'lifted', mode: 'enforce' }, 'waits'],
    [{ tier: 2, stage: 'block', mode: 'shadow' }, 'acts'],
    [{ tier: 2, stage: 'block', mode: 'shadow', kept: false }, 'shadow'],
    [{ tier: 2, stage: 'inspect', mode: 'shadow' }, 'shadow'],
    [{ tier: 2, stage: 'observe', mode: 'shadow' }, 'shadow'],
    [{ tier: 1, stage: 'inspect', mode: 'shadow', byGate: true }, 'acts'],
    [{ tier: 1, stage: 'observe', mode: 'shadow', byGate: true }, 'shadow'],
    [{ tier: 1, stage: 'observe', mode: 'shadow', byGate: true, rides: true }, 'acts'],
    [{ tier: 1, stage: 'observe', mode: 'shadow', byGate: true, rides: true, kept: false }, 'shadow'],
    [{ tier: 1, stage: 'observe', mode: 'shadow', rides: true }, 'shadow'],
    [{ tier: 1, stage: 'inspect', mode: 'off', byGate: true }, 'none'],
    [{ tier: 1, stage: 'block', mode: 'off' }, 'none'],
    [{ tier: undefined, stage: 'observe', mode: 'enforce' }, 'none'],
    [{ tier: 4, stage: 'inspect', mode: 'enforce' }, 'alert'],
    [{ tier: 4, stage: 'observe', mode: 'shadow' }, 'alert'],
    [{ tier: 4, stage: 'block', mode: 'enforce' }, 'acts'],
  ];
  for (const [place, cover] of rows) assert.equal(coverOf(place), cover, JSON.stringify(place));
});
