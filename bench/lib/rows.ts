// Rows of a benchmark's document.
export type Row = {
  readonly case: string;
  readonly size: string;
  readonly unit: string;
  readonly portcullis: number;
  /** What it is compared with, in the same unit; null where there is nothing. */
  readonly peer: number | null;
  /** portcullis / peer. */
  readonly ratio: number | null;
};

export function row(name: string, size: string, unit: string, portcullis: number, peer?: number): Row {
  return {
    case: name,
    size,
    unit,
    portcullis: round(portcullis),
    peer: peer === undefined ? null : round(peer),
    ratio: peer === undefined ? null : round(portcullis / peer),
  };
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
