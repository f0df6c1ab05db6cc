// Plain aligned columns for a terminal.

/** Where less room than this is left for the last column, its cells stand under their rows. */
const narrowest = 24;
const under = 4;

/**
 * Renders rows under a header; on a terminal the last column is wrapped. Control characters are shown as `?`: what a
 * caller or a server sent must not drive the operator's terminal.
 * @param columns the terminal's width; undefined where there is none
 */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number | undefined = process.stdout.columns,
): string {
  const cells = [header, ...rows].map((row) => row.map(printable));
  const last = header.length - 1;
  const widths = header.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
  const indent = widths.slice(0, last).reduce((sum, width) => sum + width + 2, 0);
  const room = columns === undefined ? Number.POSITIVE_INFINITY : columns - indent;
  const below = columns !== undefined && room < Math.min(narrowest, widths[last] ?? 0);
  return cells
    .flatMap((row, index) => {
      const head = row.slice(0, last).map((cell, column) => `${cell.padEnd(widths[column] ?? 0)}  `);
      if (below) {
        const text = index === 0 ? '' : (row[last] ?? '');
        const lines = text === '' ? [] : wrap(text, Math.max(columns - under, narrowest));
        return [head.join('').trimEnd(), ...lines.map((line) => `${' '.repeat(under)}${line}`)];
      }
      return wrap(row[last] ?? '', room).map((line, at) =>
        `${at === 0 ? head.join('') : ' '.repeat(indent)}${line}`.trimEnd(),
      );
    })
    .join('\n');
}

/** Lines of at most `room` characters, broken at spaces; a longer word stands alone. */
function wrap(text: string, room: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** A line of prose for a terminal: wrapped, and what follows the first line stands in by two more. */
export function paragraph(text: string, columns: number | undefined = process.stdout.columns): string {
  const shown = printable(text);
  const own = /^ */.exec(shown)?.[0] ?? '';
  if (columns === undefined) return shown;
  return `${own}${wrap(shown.slice(own.length), columns - own.length - 2).join(`\n${own}  `)}`;
}

/** Text that is safe to show: C0, DEL and C1 controls and bidirectional overrides become `?`. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '?');
}

/** `12 s`, `3 min`, `2 h`, `5 d`: how long ago or how long. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** `734 B`, `1.2 MiB`. */
/** `2026-01-31 12:00:00Z`, of a timestamp. */
export function timeText(at: string): string {
  return `${at.slice(0, 10)} ${at.slice(11, 19)}Z`;
}

export function byteText(bytes: number): string {
  let [value, unit] = [bytes, 'B'];
  for (const next of ['KiB', 'MiB', 'GiB', 'TiB']) {
    // What would be shown as 1024 is one of the next.
    if (Number(value.toFixed(value < 100 ? 1 : 0)) < 1024) break;
    [value, unit] = [value / 1024, next];
  }
  return `${unit === 'B' || value >= 100 ? Math.round(value) : value.toFixed(1)} ${unit}`;
}

/** `node (10.0.0.2)`; the address alone where the inventory doesn't name it. */
export function partyText({
  name,
  address,
}: {
  readonly name?: unknown;
  readonly address?: unknown;
}): string {
  return name && name !== 'unknown' ? `${name} (${address})` : String(address);
}
