// What `portcullis sessions` and its questions say to people.
import type { SessionPair, SessionStep, SessionTop } from '../model/api.ts';
import type { SessionRecord } from '../model/record.ts';
import type { SessionsWanted } from '../platform/controller-client.ts';
import { byteText, paragraph, partyText, table, timeText } from './table.ts';

export type Asked = SessionsWanted & {
  readonly columns?: number | undefined;
  /** At most so many rows were asked for. */
  readonly limit?: number;
};
type Sums = Omit<SessionStep, 'at'>;

const sumHeads = ['ACCEPTED', 'STEERED', 'PACKETS DENIED', 'BYTES OUT', 'BYTES IN'];

export function renderTop(rows: readonly SessionTop[], by: string, asked: Asked): string {
  const cells = rows.map((row) => [row.key, ...sums(row), timeText(row.last)]);
  return whole([by.toUpperCase(), ...sumHeads, 'LAST'], cells, rows, by, asked);
}

export function renderPairs(rows: readonly SessionPair[], asked: Asked): string {
  const cells = rows.map((row) => [row.from, row.to, ...sums(row), timeText(row.last)]);
  return whole(['FROM', 'TO', ...sumHeads, 'LAST'], cells, rows, 'pair', asked);
}

export function renderSeries(rows: readonly SessionStep[], asked: Asked): string {
  const cells = rows.map((row) => [timeText(row.at), ...sums(row)]);
  return whole(['FROM', ...sumHeads], cells, rows, 'step', asked);
}

export function renderSessions(rows: readonly SessionRecord[], asked: Asked): string {
  if (rows.length === 0) return none(asked);
  return table(
    ['ENDED', 'VERDICT', 'FROM', 'TO', 'TRIES', 'BYTES OUT', 'BYTES IN', 'RULE'],
    rows.map((row) => [
      timeText(row.endedAt),
      row.verdict,
      partyText(row.from),
      `${row.server} ${row.to.address}:${row.to.port}`,
      String(row.attempts),
      byteText(row.bytesOut),
      byteText(row.bytesIn),
      row.rule,
    ]),
    asked.columns,
  );
}

/** The rows and what they come to; or that there are none. */
function whole(
  heads: readonly string[],
  cells: readonly (readonly string[])[],
  rows: readonly Sums[],
  what: string,
  asked: Asked,
): string {
  if (rows.length === 0) return none(asked);
  const { columns, limit } = asked;
  const total = (of: keyof Sums) => rows.reduce((sum, row) => sum + row[of], 0);
  const count = `${rows.length} ${what}${rows.length === 1 ? '' : 's'}${chosenText(asked)}`;
  const line = `${count}: ${total('accepted')} accepted, ${total('steered')} steered, ${total('denied')} packets denied; ${byteText(total('bytesOut'))} out, ${byteText(total('bytesIn'))} in`;
  return [
    table(heads, cells, columns),
    paragraph(line, columns),
    ...(rows.length === limit ? [paragraph(`No more than ${limit} were asked for: --limit`, columns)] : []),
  ].join('\n');
}

function none(asked: Asked): string {
  return paragraph(`No session was ${asked.verdict ?? 'recorded'}${chosenText(asked)}.`, asked.columns);
}

function chosenText({ server, since }: Asked): string {
  const at = server === undefined ? '' : ` at ${server}`;
  return since === undefined ? at : `${at} since ${timeText(since)}`;
}

function sums({ accepted, steered, denied, bytesOut, bytesIn }: Sums): string[] {
  return [String(accepted), String(steered), String(denied), byteText(bytesOut), byteText(bytesIn)];
}
