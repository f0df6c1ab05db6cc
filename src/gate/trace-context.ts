// W3C Trace Context (traceparent): read for records. The fields go on to the server as they came, valid or not: the gate
// takes no part in the trace, and kube-apiserver begins a new one where it can't read them.
import type { FieldTable } from '../http/field-table.ts';

const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(.*)$/;

/** The trace's id; undefined where there is none, more than one field, or one that the recommendation calls invalid. */
export function traceId(fields: FieldTable): string | undefined {
  let value: string | undefined;
  for (let index = 0; index < fields.count; index++) {
    if (!fields.nameEquals(index, 'traceparent')) continue;
    if (value !== undefined) return undefined;
    value = fields.valueText(index);
  }
  return value === undefined ? undefined : parseTraceParent(value);
}

export function parseTraceParent(value: string): string | undefined {
  const [, version, trace, parent, rest] = form.exec(value) ?? [];
  if (version === undefined || trace === undefined || version === 'ff') return undefined;
  if (/^0+$/.test(trace) || /^0+$/.test(parent ?? '')) return undefined;
  // Version 00 ends here; later ones may go on after a dash.
  if (version === '00' ? rest !== '' : rest !== '' && !rest?.startsWith('-')) return undefined;
  return trace;
}
