// Since when things have their tags: from what the log says of every inventory and observation.
import { timestamp } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import { TagChanges } from '../policy/tag-changes.ts';
import type { TagTimes } from '../policy/tag-report.ts';
import type { Core } from './core.ts';
import type { State } from './state.ts';

/** Answers for the present state of a core. Each document is read once. */
export function createTagTimes(core: Core): TagTimes {
  /** By object and tag: ms since the epoch. */
  const times = new Map<string, number>();
  let read = 0;
  return (object, tag) => {
    for (; read < core.state.tagChanges.length; read++) take(core.state.tagChanges[read]);
    const at = times.get(`${object} ${tag}`) ?? observed(object, tag);
    return at === undefined ? undefined : timestamp(at);
  };

  function take(change: State['tagChanges'][number] | undefined): void {
    if (!change) return;
    const { added, removed } = change.changes ?? changesIn(change.document ?? '');
    for (const [object, tags] of Object.entries(removed))
      for (const tag of tags) times.delete(`${object} ${tag}`);
    for (const [object, tags] of Object.entries(added))
      for (const tag of tags) times.set(`${object} ${tag}`, change.at);
  }

  function changesIn(document: string): TagChanges {
    const text = core.log.document(document);
    if (text === undefined) throw new Failure('bad-log', `the log lacks document ${document}`);
    return TagChanges.parse(JSON.parse(text));
  }

  function observed(object: string, tag: string): number | undefined {
    if (!object.startsWith('server/')) return undefined;
    return core.state.servers.get(object.slice('server/'.length))?.observedSince?.[tag];
  }
}
