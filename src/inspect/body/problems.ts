// Why a body can't be judged: one row a code. Docs and the refusal table are made from it.

type Row = {
  /** What the caller is answered with where a rule needs the body and the shield says nothing else. */
  readonly status: number;
  /** Says what was wrong, never quoting the body. */
  readonly sentence: string;
};

export const bodyProblems = {
  'body-media-type': {
    status: 415,
    sentence:
      'The Content-Type is none that the API server reads for this request, or can be read in two ways.',
  },
  'body-encoding': {
    status: 415,
    sentence: 'The body has a Content-Encoding, which the API server does not decode and other readers do.',
  },
  'body-syntax': { status: 415, sentence: 'The body is not what its Content-Type says.' },
  'body-ambiguous': {
    status: 415,
    sentence: 'The body can be read in two ways: a key given twice, text that is not Unicode, or the like.',
  },
  'body-unknown-kind': {
    status: 415,
    sentence: 'The body is a protobuf message of a kind whose fields are not known here.',
  },
  'body-too-deep': { status: 415, sentence: 'The body is nested more deeply than the limit.' },
  'body-too-large-decoded': {
    status: 413,
    sentence: 'The body decodes to more values, objects, patch operations or bytes than the limit.',
  },
} as const satisfies Record<string, Row>;

export type BodyProblem = keyof typeof bodyProblems;

/** Thrown inside the decoders only; `decodeBody` turns it into a result. */
export class BodyError extends Error {
  readonly code: BodyProblem;
  constructor(code: BodyProblem, reason: string) {
    super(reason);
    this.code = code;
  }
}
